/** Kinds of tokens, numbered as Pgpool-II's messages number them. */
export const tokenKinds = {
  key: 1,
  integer: 2,
  real: 3,
  string: 4,
  word: 5,
  equals: 6,
  newline: 7,
  error: 8,
} as const;

export type TokenKind = keyof typeof tokenKinds;

export interface Token {
  readonly kind: TokenKind;
  /** The token as written. */
  readonly raw: string;
  /** Its value: without the quotes for a string. */
  readonly text: string;
}

// Characters from U+0080 on count as letters. "letter" is a value's or a name's first one.
const letter = "A-Za-z_\\u0080-\\u{10ffff}";
const skipped = /[ \t\r\f\v]+|#[^\n]*/y;
const rules: readonly (readonly [kind: TokenKind, rule: RegExp])[] = [
  ["real", /[-+]?(?:\d+\.\d*|\.\d+|\d+(?=[eE][-+]?\d))(?:[eE][-+]?\d+)?/y],
  ["integer", /[-+]?(?:0x[0-9a-fA-F]+|\d+)[a-zA-Z]*/y],
  ["equals", /=/y],
];
const key = new RegExp(`[${letter}][${letter}0-9]*`, "uy");
const word = new RegExp(`[${letter}][${letter}0-9\\-.:/]*`, "uy");

/**
 * Reads the tokens of one line; comments and white space fall away. A token of kind `error`
 * holds the character that fits nowhere and ends the line.
 */
export function tokenize(line: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < line.length) {
    const blank = matchAt(skipped, line, at);
    if (blank !== "") {
      at += blank.length;
      continue;
    }
    const token = readToken(line, at);
    tokens.push(token);
    if (token.kind === "error") break;
    at += token.raw.length;
  }
  return tokens;
}

function readToken(line: string, at: number): Token {
  if (line.charAt(at) === "'") return readString(line, at);
  const wordText = matchAt(word, line, at);
  if (wordText !== "") {
    const isKey = matchAt(key, line, at).length === wordText.length;
    return { kind: isKey ? "key" : "word", raw: wordText, text: wordText };
  }
  for (const [kind, rule] of rules) {
    const raw = matchAt(rule, line, at);
    if (raw !== "") return { kind, raw, text: raw };
  }
  const raw = line.charAt(at);
  return { kind: "error", raw, text: raw };
}

/**
 * A quoted value: all that stands between the quotes, unchanged. A quote after a backslash does
 * not end the value unless no other quote follows, so that `'\;'`, `'it\'s'` and `'C:\'` are all
 * read as Pgpool-II reads them (the longest text that can be one value).
 */
function readString(line: string, at: number): Token {
  let end = -1;
  for (let index = at + 1; index < line.length; index++) {
    if (line.charAt(index) !== "'") continue;
    end = index;
    const escaped = index > at + 1 && line.charAt(index - 1) === "\\";
    if (!escaped) break;
  }
  if (end < 0) return { kind: "error", raw: "'", text: "'" };
  return { kind: "string", raw: line.slice(at, end + 1), text: line.slice(at + 1, end) };
}

function matchAt(rule: RegExp, line: string, at: number): string {
  rule.lastIndex = at;
  return rule.exec(line)?.[0] ?? "";
}
