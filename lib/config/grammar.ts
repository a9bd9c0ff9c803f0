import { tokenize, tokenKinds } from "./lexer.ts";
import type { Token } from "./lexer.ts";
import type { Problem } from "./problems.ts";

/** One `name = value` of a file. */
export interface Assignment {
  readonly name: string;
  /** The value as text, without quotes. */
  readonly value: string;
  readonly line: number;
}

/** What a file contains, in the order of its lines. */
export interface ParsedFile {
  readonly assignments: readonly Assignment[];
  readonly problems: readonly Problem[];
}

/** A value that would read as the same text: quoted, as the file's grammar asks for it. */
export function quoteValue(value: string): string {
  return `'${value}'`;
}

/**
 * Reads the text of a configuration file: `name [=] value` on each line, comments from `#`
 * (parameters.md 1). `include` and its kin are given like any other name. Never throws: what
 * cannot be read is a problem, and reading goes on with the next line.
 */
export function parseFile(path: string, text: string): ParsedFile {
  const assignments: Assignment[] = [];
  const problems: Problem[] = [];
  const lines = text.replace(/^\ufeff/, "").split("\n");
  lines.forEach((content, index) => {
    const line = index + 1;
    const show = /password|authkey/i.test(content) ? () => "*****" : (raw: string) => raw;
    let tokens = tokenize(content);
    while (tokens.length > 0) {
      const read = readAssignment(tokens);
      if ("unexpected" in read) {
        problems.push(syntaxProblem(path, line, read.unexpected, show, read.hint));
        return;
      }
      assignments.push({ name: read.name, value: read.value, line });
      tokens = read.rest;
      const [next] = tokens;
      // Pgpool-II takes the unit of `64 MB` for a name of its own and ignores it.
      if (tokens.length === 1 && next?.kind === "key") {
        problems.push(strayWord(path, line, read.name, show(next.raw)));
        return;
      }
    }
  });
  return { assignments, problems };
}

type Read =
  | { readonly name: string; readonly value: string; readonly rest: readonly Token[] }
  | { readonly unexpected: Token; readonly hint: string };

const endOfLine: Token = { kind: "newline", raw: "", text: "" };

function readAssignment(tokens: readonly Token[]): Read {
  const [name = endOfLine, second = endOfLine] = tokens;
  if (name.kind !== "key") return { unexpected: name, hint: hintFor(name, "name") };
  const at = second.kind === "equals" ? 2 : 1;
  const value = tokens[at] ?? endOfLine;
  if (value.kind === "equals" || value.kind === "newline" || value.kind === "error") {
    return { unexpected: value, hint: hintFor(value, "value") };
  }
  return { name: name.text, value: value.text, rest: tokens.slice(at + 1) };
}

function hintFor(token: Token, expected: "name" | "value"): string {
  if (token.raw === "'") return "The closing quote is missing; a value ends on its line.";
  if (expected === "value") {
    return token.kind === "newline"
      ? "The value is missing; an empty value is written ''."
      : "Put the value in single quotes.";
  }
  return token.kind === "string"
    ? "A quote inside of a quoted value is written \\'."
    : "A line is: name = value.";
}

/** `show` hides the token when it may be part of a password. */
function syntaxProblem(
  path: string,
  line: number,
  token: Token,
  show: (raw: string) => string,
  hint: string,
): Problem {
  const shown = token.kind === "newline" ? "" : show(token.raw);
  return {
    severity: "error",
    code: "syntax",
    file: path,
    line,
    message: `syntax error in configuration file "${path}"`,
    detail: `parse error at line ${line} '${shown}' token = ${tokenKinds[token.kind]}`,
    hint,
  };
}

function strayWord(path: string, line: number, name: string, stray: string): Problem {
  return {
    severity: "warning",
    code: "unknown-name",
    file: path,
    line,
    message: `"${stray}" after the value of "${name}" is ignored`,
    hint: "Put the whole value in single quotes, or remove what does not belong to it.",
  };
}
