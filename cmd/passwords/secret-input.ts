import { decodePassword } from "../../lib/auth/password-bytes.ts";
import { INTERRUPTED_STATUS } from "../exit-status.ts";
import { PasswordCommandError } from "./errors.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const INTERRUPT = 0x03;
const END_OF_INPUT = 0x04;
const BACKSPACE = 0x08;
const DELETE = 0x7f;
const KILL_LINE = 0x15;

/** Longest line that is taken, in bytes; secrets are much shorter. */
const MAX_LINE = 8192;

/**
 * Lines of standard input that are secrets. On a terminal each is asked for and nothing that is
 * typed is shown; without one the lines come as they are and there are no prompts.
 */
export class SecretInput {
  #pending: Buffer = Buffer.alloc(0);
  #ended = false;
  #used = false;

  /** Standard input is left alone until it is needed: looking at it opens it. */
  get #input(): typeof process.stdin {
    this.#used = true;
    return process.stdin;
  }

  /** Whether somebody can be asked. */
  get isTerminal(): boolean {
    return this.#input.isTTY === true;
  }

  /**
   * The next line without its end.
   *
   * @param prompt shown on standard error, so that a captured output holds the result alone.
   * @returns undefined at the end of the input.
   * @throws {PasswordCommandError} for a line without end.
   */
  async line(prompt: string): Promise<string | undefined> {
    if (!this.isTerminal) return text(await this.#readLine());
    // First this: whoever sees the prompt may type at once.
    this.#input.setRawMode(true);
    process.stderr.write(prompt);
    try {
      return text(await this.#readTyped());
    } finally {
      this.#input.setRawMode(false);
      process.stderr.write("\n");
    }
  }

  /** Lets the program end: an open standard input would keep it waiting. */
  close(): void {
    if (!this.#used) return;
    process.stdin.destroy();
  }

  async #readLine(): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.#pending.indexOf(NEWLINE);
      if (end !== -1) {
        const line = this.#pending.subarray(0, end);
        this.#pending = this.#pending.subarray(end + 1);
        return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
      }
      if (this.#pending.length > MAX_LINE) throw tooLong();
      if (!await this.#more()) {
        const rest = this.#pending;
        this.#pending = Buffer.alloc(0);
        return rest.length === 0 ? undefined : rest;
      }
    }
  }

  /** A line as it is typed, with the keys that correct it. */
  async #readTyped(): Promise<Buffer | undefined> {
    let typed: number[] = [];
    for (;;) {
      const byte = await this.#byte();
      switch (byte) {
        case undefined:
          return typed.length === 0 ? undefined : Buffer.from(typed);
        case NEWLINE:
        case RETURN:
          return Buffer.from(typed);
        case INTERRUPT:
          return this.#interrupt();
        case END_OF_INPUT:
          if (typed.length === 0) return undefined;
          break;
        case BACKSPACE:
        case DELETE:
          typed = withoutLastCharacter(typed);
          break;
        case KILL_LINE:
          typed = [];
          break;
        default:
          typed.push(byte);
      }
      if (typed.length > MAX_LINE) throw tooLong();
    }
  }

  async #byte(): Promise<number | undefined> {
    if (this.#pending.length === 0 && !await this.#more()) return undefined;
    const byte = this.#pending[0];
    this.#pending = this.#pending.subarray(1);
    return byte;
  }

  /** @returns false at the end of the input. */
  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
    const onData = (chunk: Buffer | string) => resolve(Buffer.from(chunk));
    const onEnd = () => resolve(undefined);
    this.#input.on("data", onData).on("end", onEnd).on("error", reject).resume();
    try {
      const chunk = await promise;
      if (chunk === undefined) this.#ended = true;
      else this.#pending = Buffer.concat([this.#pending, chunk]);
      return chunk !== undefined;
    } finally {
      this.#input.pause();
      this.#input.off("data", onData).off("end", onEnd).off("error", reject);
    }
  }

  #interrupt(): never {
    this.#input.setRawMode(false);
    process.stderr.write("\n");
    process.exit(INTERRUPTED_STATUS);
  }
}

function text(line: Buffer | undefined): string | undefined {
  return line === undefined ? undefined : decodePassword(line);
}

/** Takes off one character of UTF-8: its last byte and the continuation bytes before it. */
function withoutLastCharacter(bytes: readonly number[]): number[] {
  let end = bytes.length - 1;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.slice(0, Math.max(end, 0));
}

function tooLong(): PasswordCommandError {
  return new PasswordCommandError("limit", `a line of the input is longer than ${MAX_LINE} bytes`);
}
