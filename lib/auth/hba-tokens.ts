import { dirname, resolve } from "node:path";
import { AuthError } from "./errors.ts";

/** One word of an hba file; a quoted word is never a keyword. */
export interface HbaToken {
  readonly text: string;
  readonly quoted: boolean;
}

/** A line cut into fields, each a comma list of at least one word. */
export interface HbaLine {
  /** 1-based number of the first physical line. */
  readonly line: number;
  readonly fields: readonly (readonly HbaToken[])[];
  /** Why the line cannot be used, when an @file could not be read. */
  readonly error?: string;
}

/** Reads an included file; throws when it cannot be read. */
export type ReadInclude = (path: string) => string;

/** How deep @file may nest (PostgreSQL's CONF_FILE_MAX_DEPTH). */
const MAX_INCLUDE_DEPTH = 10;

interface Source {
  readonly path: string;
  readonly readInclude: ReadInclude;
  readonly depth: number;
}

/**
 * Cuts an hba file into lines and words as PostgreSQL does (documentation, "The pg_hba.conf
 * File"): words end at blanks, commas make lists, `#` starts a comment, double quotes protect,
 * a backslash continues a line, and `@file` stands for the words of that file, relative to the
 * file that names it. Lines without words are left out.
 */
export function tokenizeHba(text: string, path: string, readInclude: ReadInclude): HbaLine[] {
  const source = { path, readInclude, depth: 0 };
  const lines: HbaLine[] = [];
  for (const { line, text: lineText } of joinContinuedLines(text)) {
    try {
      const fields = readFields(lineText, source);
      if (fields.length > 0) lines.push({ line, fields });
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      lines.push({ line, fields: [], error: error.message });
    }
  }
  return lines;
}

function joinContinuedLines(text: string): { line: number; text: string }[] {
  const joined: { line: number; text: string }[] = [];
  let pending: { line: number; text: string } | undefined;
  text.split("\n").forEach((physical, index) => {
    const part = physical.replace(/\r$/, "");
    const current = pending ?? { line: index + 1, text: "" };
    const continues = part.endsWith("\\");
    current.text += continues ? part.slice(0, -1) : part;
    pending = continues ? current : undefined;
    if (!continues) joined.push(current);
  });
  if (pending !== undefined) joined.push(pending);
  return joined;
}

function readFields(text: string, source: Source): HbaToken[][] {
  const scanner = new LineScanner(text);
  const fields: HbaToken[][] = [];
  let field: HbaToken[] = [];
  for (let word = scanner.next(); word !== undefined; word = scanner.next()) {
    field.push(...expand(word, source));
    if (word.listGoesOn) continue;
    if (field.length > 0) fields.push(field);
    field = [];
  }
  if (field.length > 0) fields.push(field);
  return fields;
}

function expand(word: HbaToken, source: Source): HbaToken[] {
  const included = !word.quoted && word.text.length > 1 && word.text.startsWith("@");
  if (!included) return [{ text: word.text, quoted: word.quoted }];
  const path = resolve(dirname(source.path), word.text.slice(1));
  if (source.depth >= MAX_INCLUDE_DEPTH) {
    throw new AuthError(`could not open file "${path}": maximum nesting depth exceeded`);
  }
  const inner = { ...source, path, depth: source.depth + 1 };
  const lines = joinContinuedLines(readText(path, source.readInclude));
  return lines.flatMap((line) => readFields(line.text, inner).flat());
}

function readText(path: string, readInclude: ReadInclude): string {
  try {
    return readInclude(path);
  } catch (cause) {
    throw new AuthError(`could not open file "${path}" named with @`, { cause });
  }
}

interface ScannedWord extends HbaToken {
  /** A comma followed: the next word belongs to the same list. */
  readonly listGoesOn: boolean;
}

class LineScanner {
  #at = 0;

  constructor(readonly text: string) {}

  /** The next word; undefined at the end of the line or at a comment. */
  next(): ScannedWord | undefined {
    while (/[ \t\r,]/.test(this.text.charAt(this.#at))) this.#at++;
    const first = this.text.charAt(this.#at);
    if (first === "" || first === "#") return undefined;
    const quoted = first === '"';
    let inQuotes = false;
    let word = "";
    for (; this.#at < this.text.length; this.#at++) {
      const character = this.text.charAt(this.#at);
      if (!inQuotes && /[ \t\r,#]/.test(character)) break;
      if (character !== '"') {
        word += character;
      } else if (inQuotes && this.text.charAt(this.#at + 1) === '"') {
        word += '"';
        this.#at++;
      } else {
        inQuotes = !inQuotes;
      }
    }
    const listGoesOn = this.text.charAt(this.#at) === ",";
    return { text: word, quoted, listGoesOn };
  }
}
