import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Lines of pgpool's log that belong to the story. */
const TOLD = [
  /backend node \d+ is reported/,
  /health check (failed|retrying)/,
  /^=== /,
  /execute command|^(failover|follow_primary)_command/,
  /set new primary node/,
];

const LOOK_MS = 50;

/** Tells what pgpool logs about the failover, as it comes. */
export class LogWatch {
  readonly #fd: number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #tell: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #position: number;
  #rest = "";

  constructor(file: string, tell: (text: string) => void) {
    this.#fd = openSync(file, "r");
    this.#position = fstatSync(this.#fd).size;
    this.#tell = tell;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#look();
    closeSync(this.#fd);
  }

  #look(): void {
    const buffer = Buffer.alloc(64 * 1024);
    for (;;) {
      const count = readSync(this.#fd, buffer, 0, buffer.length, this.#position);
      if (count === 0) return;
      this.#position += count;
      this.#rest += this.#decoder.decode(buffer.subarray(0, count), { stream: true });
      const lines = this.#rest.split("\n");
      this.#rest = lines.pop() ?? "";
      lines.forEach((line) => this.#line(line));
    }
  }

  #line(line: string): void {
    const text = /(?:LOG|WARNING|ERROR): {2}(.*)$/.exec(line)?.[1];
    if (text !== undefined && TOLD.some((pattern) => pattern.test(text))) this.#tell(text);
  }
}
