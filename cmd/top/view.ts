import { cut } from "./format.ts";
import type { TopSample } from "./sample.ts";
import { sampleLines } from "./text.ts";

/** Where samples are shown. */
export interface TopView {
  /** Whether it shows the first look at a pool, which has no rates yet. */
  readonly showsFirst: boolean;
  show(sample: TopSample): void;
  /** Whether the user is better off with another try when the pool does not answer. */
  survives(): boolean;
  tell(trouble: string): void;
  /** Waits for so many seconds, or for as long as the user wants. */
  wait(seconds: number): Promise<void>;
  close(): void;
}

/** Columns of a line where there is no terminal that would say. */
const COLUMNS = 160;

/** Prints a block of text, or a line of JSON, for each sample. */
export class PlainView implements TopView {
  readonly showsFirst = false;
  readonly #json: boolean;

  constructor(json: boolean) {
    this.#json = json;
  }

  show(sample: TopSample): void {
    const text = this.#json
      ? JSON.stringify(sample)
      : sampleLines(sample, "time").map((line) => `${cut(line, COLUMNS)}\n`).join("");
    process.stdout.write(`${text}\n`);
  }

  survives(): boolean {
    return false;
  }

  tell(): void {}

  wait(seconds: number): Promise<void> {
    return Bun.sleep(seconds * 1000);
  }

  close(): void {}
}
