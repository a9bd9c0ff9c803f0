import { readFileSync } from "node:fs";
import { decodePassword } from "../../lib/auth/password-bytes.ts";
import { systemText } from "../../lib/process/errors.ts";
import { PasswordCommandError } from "./errors.ts";

/** Longest password and user name in bytes (commands.md 3 and 4). */
export const MAX_LENGTH = 128;

/** A line of an input file (-i): a user and a password, or what is wrong with it. */
export type PairLine =
  | { readonly number: number; readonly user: string; readonly password: string }
  | { readonly number: number; readonly wrong: "blank" | "pair" | "username" | "password" };

/**
 * Reads `user:password` lines; the password begins after the first colon.
 *
 * @throws {PasswordCommandError} when the file cannot be read.
 */
export function readPairs(path: string): PairLine[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const why = systemText(cause);
    throw new PasswordCommandError("file", `failed to open input_file "${path}"`, why, { cause });
  }
  const lines = bytes.toString("latin1").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line, index) => parsePair(Buffer.from(line, "latin1"), index + 1));
}

/** Length as the limits count it. */
export function byteLength(text: string): number {
  return Buffer.byteLength(text);
}

function parsePair(bytes: Buffer, number: number): PairLine {
  const line = decodePassword(bytes).replace(/\r$/, "");
  if (line.trim() === "") return { number, wrong: "blank" };
  const colon = line.indexOf(":");
  const user = line.slice(0, colon);
  const password = line.slice(colon + 1);
  if (colon < 1 || password === "") return { number, wrong: "pair" };
  if (byteLength(user) > MAX_LENGTH) return { number, wrong: "username" };
  if (byteLength(password) > MAX_LENGTH) return { number, wrong: "password" };
  return { number, user, password };
}

/** `LINE#07` */
export function lineLabel(number: number): string {
  return `LINE#${String(number).padStart(2, "0")}`;
}
