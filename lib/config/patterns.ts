const posixClasses: ReadonlyMap<string, string> = new Map([
  ["alpha", "a-zA-Z"],
  ["digit", "0-9"],
  ["alnum", "a-zA-Z0-9"],
  ["upper", "A-Z"],
  ["lower", "a-z"],
  ["space", "\\s"],
  ["blank", " \\t"],
  ["punct", "!-\\/:-@\\[-`{-~"],
  ["xdigit", "0-9A-Fa-f"],
  ["cntrl", "\\x00-\\x1f\\x7f"],
  ["print", "\\x20-\\x7e"],
  ["graph", "\\x21-\\x7e"],
]);

/**
 * Compiles an item of a function, table, query or redirect list: a POSIX extended regular
 * expression, case-insensitive, that has to match the whole subject (parameters.md 1). Gives
 * undefined when the expression is not valid.
 */
export function compilePattern(item: string): RegExp | undefined {
  const start = item.startsWith("^") ? "" : "^";
  const end = item.endsWith("$") ? "" : "$";
  try {
    return new RegExp(start + translate(item) + end, "is");
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Whether a pattern matches a name or text; double quotes in the subject do not count. */
export function matchesPattern(pattern: RegExp, subject: string): boolean {
  return pattern.test(subject.replaceAll('"', ""));
}

/** POSIX bracket expressions differ from ours: classes, and the backslash is an ordinary one. */
function translate(item: string): string {
  let result = "";
  for (let at = 0; at < item.length; at++) {
    const character = item.charAt(at);
    if (character === "\\") {
      result += character + item.charAt(at + 1);
      at++;
    } else if (character === "[") {
      const end = bracketEnd(item, at);
      if (end < 0) return result + item.slice(at);
      result += translateBracket(item.slice(at + 1, end));
      at = end;
    } else {
      result += character;
    }
  }
  return result;
}

/** Index of the bracket that closes the expression opened at `at`, -1 when there is none. */
function bracketEnd(item: string, at: number): number {
  let from = at + 1;
  if (item.charAt(from) === "^") from++;
  if (item.charAt(from) === "]") from++;
  for (let index = from; index < item.length; index++) {
    if (item.startsWith("[:", index)) {
      const close = item.indexOf(":]", index + 2);
      if (close > 0) index = close + 1;
    } else if (item.charAt(index) === "]") {
      return index;
    }
  }
  return -1;
}

function translateBracket(inside: string): string {
  const negated = inside.startsWith("^");
  const body = (negated ? inside.slice(1) : inside)
    .replace(/\[:(\w+):\]|[\\[\]]/g, (match, name: string | undefined) => {
      if (name === undefined) return `\\${match}`;
      return posixClasses.get(name) ?? match;
    });
  return `[${negated ? "^" : ""}${body}]`;
}
