import { isBlank, skipBlank, startsWord } from "./lexing.ts";

/** The parameters that say what of a text's beginning is looked over. */
export interface LeadingSettings {
  readonly ignore_leading_white_space: boolean;
  readonly allow_sql_comments: boolean;
}

const decoder = new TextDecoder("latin1");

/** s S w W t T ( and ; as PostgreSQL's bytes. */
const READ_LETTERS: ReadonlySet<number> = new Set([0x73, 0x53, 0x77, 0x57, 0x74, 0x54, 0x28, 0x3b]);

/**
 * Whether a text is a read by its beginning (reference parameters.md 4.2 rule 6b): it begins with
 * the first letter of SELECT, SHOW, WITH or TABLE, a parenthesis, or is empty. A leading comment
 * makes it none, unless `allow_sql_comments` is on. COPY is told apart by its class, not by its
 * letter.
 */
export function leadsRead(
  bytes: Uint8Array,
  start: number,
  end: number,
  settings: LeadingSettings,
): boolean {
  if (settings.allow_sql_comments) return true;
  let at = start;
  if (settings.ignore_leading_white_space) { while (at < end && isBlank(bytes[at] ?? 0)) at++; }
  if (at >= end || READ_LETTERS.has(bytes[at] ?? 0)) return true;
  return firstKeyword(bytes, at, end) === "copy";
}

/**
 * The first word of a text in lower case, after white space, comments and opening parentheses;
 * empty when it begins with something else.
 */
export function firstKeyword(bytes: Uint8Array, start: number, end: number): string {
  let at = skipBlank(bytes, start, end);
  while (at < end && bytes[at] === 0x28) at = skipBlank(bytes, at + 1, end);
  return wordAt(bytes, at, end);
}

/** The word at a place, in lower case; empty when there is none. Longest key words have 17 letters. */
export function wordAt(bytes: Uint8Array, at: number, end: number): string {
  let next = at;
  while (next < end && next - at < 64 && startsWord(bytes[next] ?? 0)) next++;
  return next === at ? "" : decoder.decode(bytes.subarray(at, next)).toLowerCase();
}
