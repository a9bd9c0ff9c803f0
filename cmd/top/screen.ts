import type { EventEmitter } from "node:events";
import { openSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";
import { EXIT } from "../exit-status.ts";
import { paint } from "../output.ts";
import { cut } from "./format.ts";
import type { TopSample } from "./sample.ts";
import { sampleLines, type Sort, SORTS } from "./text.ts";
import type { TopView } from "./view.ts";

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const REST_OF_LINE = "\x1b[K";
const REST_OF_SCREEN = "\x1b[J";

/** Signals that end the program, and what the shell is told of them. */
const ENDING_SIGNALS = [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const;

/**
 * Shows samples on a terminal, each in the place of the one before, and listens to keys. The
 * terminal is as before when the view is closed, and when the program ends for whatever reason.
 */
export class ScreenView implements TopView {
  readonly showsFirst = true;
  readonly #seconds: number;
  readonly #keyboard = openKeyboard();
  /** Takes off the handlers that are set. */
  readonly #forget: (() => void)[] = [];
  #sample: TopSample | undefined;
  #trouble = "";
  #sort: Sort = "time";
  #paused = false;
  #wake: () => void = () => {};

  constructor(seconds: number) {
    this.#seconds = seconds;
    this.#enter();
    this.#on(process, "exit", () => this.#leave());
    this.#on(process, "SIGCONT", () => this.#resume());
    for (const [signal, status] of ENDING_SIGNALS) {
      this.#on(process, signal, () => process.exit(status));
    }
    this.#on(process.stdout, "resize", () => this.#draw());
    if (this.#keyboard !== undefined) {
      this.#on(this.#keyboard, "data", (bytes: Buffer) => this.#keys(bytes.toString("latin1")));
    }
  }

  show(sample: TopSample): void {
    this.#sample = sample;
    this.#trouble = "";
    this.#draw();
  }

  survives(): boolean {
    return this.#sample !== undefined;
  }

  tell(trouble: string): void {
    this.#trouble = trouble;
    this.#draw();
  }

  wait(seconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = () => {
      if (this.#paused) return;
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => this.#wake(), seconds * 1000);
    return promise;
  }

  close(): void {
    this.#leave();
    for (const forget of this.#forget) forget();
    this.#keyboard?.destroy();
  }

  #on<Args extends unknown[]>(from: EventEmitter, event: string, handler: (...args: Args) => void) {
    from.on(event, handler);
    this.#forget.push(() => from.off(event, handler));
  }

  #keys(keys: string): void {
    for (const key of keys) {
      switch (key) {
        case "q":
        case "\x03":
          // Whatever is asked just now is not waited for.
          return process.exit(EXIT.ok);
        case "\x1a":
          this.#leave();
          process.kill(process.pid, "SIGSTOP");
          return;
        case "p":
        case " ":
          this.#paused = !this.#paused;
          this.#wake();
          break;
        case "s":
          this.#sort = SORTS[(SORTS.indexOf(this.#sort) + 1) % SORTS.length] ?? "time";
          break;
      }
    }
    this.#draw();
  }

  /** The shell has brought the program to the foreground again. */
  #resume(): void {
    this.#enter();
    this.#draw();
  }

  #enter(): void {
    this.#keyboard?.setRawMode(true);
    writeSync(process.stdout.fd, ENTER);
  }

  #leave(): void {
    this.#keyboard?.setRawMode(false);
    writeSync(process.stdout.fd, LEAVE);
  }

  #draw(): void {
    const { columns = 80, rows = 24 } = process.stdout;
    const content = this.#sample === undefined ? [] : sampleLines(this.#sample, this.#sort);
    const shown = content.slice(0, Math.max(0, rows - 2));
    const lines = [...shown, "", this.#bottomLine()].slice(-rows);
    const frame = lines.map((line) => cut(line, columns) + REST_OF_LINE).join("\r\n");
    process.stdout.write(`${HOME}${frame}${REST_OF_SCREEN}`);
  }

  #bottomLine(): string {
    if (this.#trouble !== "") return paint("red", this.#trouble);
    const state = this.#paused ? "paused" : `every ${this.#seconds} s`;
    return paint("dim", `${state}, sorted by ${this.#sort}   q quit  p pause  s sort`);
  }
}

/**
 * The keys of the terminal, whatever standard input is; a password may have been read from that,
 * which closes it. Undefined where there is no terminal to be had, so that only signals end it.
 */
function openKeyboard(): ReadStream | undefined {
  try {
    return new ReadStream(openSync("/dev/tty", "r"));
  } catch {
    return undefined;
  }
}
