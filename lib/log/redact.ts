const trigger = /password|passwd|passphrase|:\/\//i;

/** `postgres://user:password@host`; parts longer than this are no name and no password. */
const uriSecret = /(:\/\/[^\s:@/'"]{0,256}:)[^\s@'"]{1,256}@/g;

/**
 * Replaces passwords in a text that is about to be logged, such as a statement, by `*****`:
 * `PASSWORD 'x'` of CREATE and ALTER ROLE, `password=x` of connection strings, and their kin.
 * Clients choose these texts, so the time it takes only grows with their length.
 */
export function redactSecrets(text: string): string {
  if (!trigger.test(text)) return text;
  return redactNamed(text).replace(uriSecret, "$1*****@");
}

function redactNamed(text: string): string {
  const name = /password|passwd|passphrase/gi;
  let result = "";
  let copied = 0;
  for (let match = name.exec(text); match !== null; match = name.exec(text)) {
    const { at, assigned } = afterSeparator(text, name.lastIndex);
    const end = at === name.lastIndex ? at : endOfSecret(text, at, assigned);
    if (end === at) continue;
    result += `${text.slice(copied, at)}*****`;
    copied = end;
    name.lastIndex = end;
  }
  return result + text.slice(copied);
}

/** Passes over `=` or `:`, perhaps behind a closing quote, or over blanks and comments. */
function afterSeparator(text: string, from: number): { at: number; assigned: boolean } {
  const quoted = text[from] === '"' || text[from] === "'" ? from + 1 : from;
  const sign = afterBlanks(text, quoted);
  if (text[sign] === "=" || text[sign] === ":") {
    return { at: afterBlanks(text, sign + 1), assigned: true };
  }
  let at = afterBlanks(text, from);
  while (text.startsWith("/*", at)) {
    const end = text.indexOf("*/", at + 2);
    if (end < 0) break;
    at = afterBlanks(text, end + 2);
  }
  return { at, assigned: false };
}

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) <= 32) at++;
  return at;
}

/**
 * Where the secret that begins at `at` ends; `at` itself when there is none. Strings may be plain,
 * escaped (`E'..'`), dollar quoted, within another string (`''x''`) or cut off before their end.
 * What has no quotes counts behind `=` and `:` only.
 */
function endOfSecret(text: string, at: number, assigned: boolean): number {
  if (assigned && text.startsWith("''", at)) {
    const end = text.indexOf("'", at + 2);
    return end >= 0 && text[end + 1] === "'" ? end + 2 : at + 2;
  }
  const opening = matchAt(/[ue]?&?'/iy, text, at);
  if (opening > at) return endOfString(text, opening);
  const tagEnd = matchAt(/\$\w*\$/y, text, at);
  if (tagEnd > at) {
    const tag = text.slice(at, tagEnd);
    const end = text.indexOf(tag, tagEnd);
    return end < 0 ? text.length : end + tag.length;
  }
  return assigned ? matchAt(/[^\s,;)&'"]+|"[^"]*"/y, text, at) : at;
}

function endOfString(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "'") {
      if (text[at + 1] !== "'") return at + 1;
      at++;
    }
  }
  return text.length;
}

/** End of the match of a sticky expression at a place, that place when it does not match. */
function matchAt(expression: RegExp, text: string, at: number): number {
  expression.lastIndex = at;
  return expression.test(text) ? expression.lastIndex : at;
}
