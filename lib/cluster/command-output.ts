/** A line that is longer is passed on in pieces of this many characters. */
const LONGEST_LINE = 2000;
/** So many lines of one command are passed on; the rest is thrown away. */
const MOST_LINES = 1000;
/** So many characters of the end of the output are kept for who asks. */
const KEPT = 8000;

/** What a command writes, line by line, in bounded memory. */
export class CommandOutput {
  readonly #decoder = new TextDecoder();
  readonly #onLine: (line: string) => void;
  #rest = "";
  #lines = 0;
  #tail = "";

  /** @param onLine gets every line without its end, up to a limit */
  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Whether lines are still passed on. */
  get isHeard(): boolean {
    return this.#lines < MOST_LINES;
  }

  /** The end of what was written. */
  get tail(): string {
    return this.#tail.trimEnd();
  }

  write(bytes: Uint8Array): void {
    const text = this.#decoder.decode(bytes, { stream: true });
    this.#tail = (this.#tail + text).slice(-KEPT);
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#tell(line);
    if (this.#rest.length >= LONGEST_LINE) this.end();
  }

  /** Passes on what is left without the end of a line. */
  end(): void {
    if (this.#rest !== "") this.#tell(this.#rest);
    this.#rest = "";
  }

  #tell(line: string): void {
    for (let at = 0; at === 0 || at < line.length; at += LONGEST_LINE) {
      if (!this.isHeard) return;
      this.#onLine(line.slice(at, at + LONGEST_LINE).replace(/\r$/, ""));
      if (++this.#lines === MOST_LINES) this.#onLine("(what it writes from here on is not logged)");
    }
  }
}
