import { commentEnd, continuesWord, dollarQuotedEnd, quotedEnd, skipBlank } from "./lexing.ts";
import { firstKeyword } from "./leading.ts";
import {
  EMPTY,
  makeClass,
  type StatementClass,
  type StatementKind,
  type StatisticsKind,
} from "./statement-class.ts";

/** Kinds that the first word decides. Those of a transaction are left out: they are never long. */
const KINDS: ReadonlyMap<string, StatementKind> = new Map<string, StatementKind>([
  ["select", "select"],
  ["with", "other"],
  ["values", "select"],
  ["table", "select"],
  ["insert", "insert"],
  ["update", "update"],
  ["delete", "delete"],
  ["merge", "merge"],
  ["create", "ddl"],
  ["alter", "ddl"],
  ["drop", "ddl"],
  ["grant", "ddl"],
  ["revoke", "ddl"],
  ["comment", "ddl"],
  ["truncate", "ddl"],
  ["do", "do"],
  ["call", "call"],
  ["explain", "explain"],
]);

const STATISTICS: ReadonlyMap<StatementKind, StatisticsKind> = new Map<
  StatementKind,
  StatisticsKind
>([
  ["select", "select"],
  ["insert", "insert"],
  ["update", "update"],
  ["delete", "delete"],
  ["merge", "ddl"],
  ["ddl", "ddl"],
  ["do", "ddl"],
  ["call", "ddl"],
]);

/**
 * Classifies a text too long to be parsed while others wait, from its first word and its
 * semicolons: for the primary, writing, and able to do anything. With `partial` the range holds
 * only the beginning of the text.
 */
export function classifyByScan(
  bytes: Uint8Array,
  start: number,
  end: number,
  partial: boolean,
): StatementClass {
  const word = firstKeyword(bytes, start, end);
  if (!partial && word === "" && skipBlank(bytes, start, end) >= end) return EMPTY;
  const several = hasSecondStatement(bytes, start, end);
  const kind = several ? "multi" : KINDS.get(word) ?? "other";
  const statisticsKind = STATISTICS.get(KINDS.get(word) ?? "other") ?? "other";
  return makeClass({ kind, mayCreateTemp: true, statementCount: several ? 2 : 1, statisticsKind });
}

/** Whether something follows a semicolon that is not within quotes, a comment or parentheses. */
function hasSecondStatement(bytes: Uint8Array, start: number, end: number): boolean {
  let depth = 0;
  let at = start;
  while (at < end) {
    switch (bytes[at]) {
      case 0x28:
        depth++;
        at++;
        break;
      case 0x29:
        depth--;
        at++;
        break;
      case 0x3b:
        at = skipBlank(bytes, at + 1, end);
        // A function's body (BEGIN ATOMIC … END) is taken for several: it is for the primary anyway.
        if (depth <= 0 && at < end && bytes[at] !== 0x3b) return true;
        break;
      default:
        at = tokenEnd(bytes, at, end);
        if (at < 0) return false;
    }
  }
  return false;
}

/** End of a word, a quoted text, a comment or one byte; -1 when it is left open. */
function tokenEnd(bytes: Uint8Array, at: number, end: number): number {
  switch (bytes[at]) {
    case 0x22:
    case 0x27:
      return quotedEnd(bytes, at, end, false);
    case 0x24: {
      const after = dollarQuotedEnd(bytes, at, end);
      return after === at ? at + 1 : after;
    }
    case 0x2d:
    case 0x2f: {
      const after = commentEnd(bytes, at, end);
      return after === at ? at + 1 : after;
    }
    default:
      return continuesWord(bytes[at] ?? 0) ? wordEnd(bytes, at, end) : at + 1;
  }
}

/** End of a word or number, and of the string with escapes that an E begins. */
function wordEnd(bytes: Uint8Array, at: number, end: number): number {
  let next = at;
  while (next < end && continuesWord(bytes[next] ?? 0)) next++;
  const escapes = next === at + 1 && ((bytes[at] ?? 0) | 0x20) === 0x65;
  return escapes && bytes[next] === 0x27 ? quotedEnd(bytes, next, end, true) : next;
}
