/** A value cannot be put into a command without the shell taking it for something else. */
export class CommandTemplateError extends Error {
  override readonly name = "CommandTemplateError";
}

/**
 * How the shell reads the place that a value is put into. `unclear`: from a substitution, a
 * here-document, a comment or the like on, where only the shell itself could tell.
 */
type Place = "bare" | "single-quoted" | "double-quoted" | "unclear";

/** What no shell takes for anything else, wherever it stands. */
const PLAIN = /^[\w.,:@%+/-]+$/;

/** In front of these a `#` begins a comment. */
const BEFORE_COMMENT = /(?:^|[\s;&|()<>])$/;

/** Behind a `$` these are the name of a variable; anything else may begin a substitution. */
const VARIABLE = /^[\w@*#?$!-]/;

/**
 * Puts values into the places `%x` of a shell command (behaviour.md 11). `%%` is a percent sign,
 * other `%x` are left out. An empty value is an empty argument, `""`. The shell takes every value
 * for one word: a plain one stays as it is, others are quoted for the place where they stand.
 *
 * @param values by the letter of their place
 * @throws CommandTemplateError for a value that is no plain word where quoting cannot be judged
 */
export function expandTemplate(template: string, values: ReadonlyMap<string, string>): string {
  let text = "";
  let place: Place = "bare";
  for (let at = 0; at < template.length; at++) {
    const char = template.charAt(at);
    const next = template.charAt(at + 1);
    if (char === "%") {
      at++;
      text += next === "%" ? "%" : insertion(next, values.get(next), place);
      continue;
    }
    if (char === "\\" && (place === "bare" || place === "double-quoted") && next !== "%") {
      at++;
      text += char + next;
      continue;
    }
    if (char === "$" && place !== "single-quoted" && VARIABLE.test(next)) {
      at++;
      text += char + next;
      continue;
    }
    place = placeBehind(char, place, text);
    text += char;
  }
  return text;
}

/** @param before what the shell has read so far */
function placeBehind(char: string, place: Place, before: string): Place {
  switch (place) {
    case "bare":
      if (char === "'") return "single-quoted";
      if (char === '"') return "double-quoted";
      if (char === "#" && BEFORE_COMMENT.test(before)) return "unclear";
      if (char === "<" && before.endsWith("<")) return "unclear";
      return "$`\\".includes(char) ? "unclear" : "bare";
    case "single-quoted":
      return char === "'" ? "bare" : place;
    case "double-quoted":
      if (char === '"') return "bare";
      return "$`\\".includes(char) ? "unclear" : place;
    case "unclear":
      return place;
  }
}

function insertion(letter: string, value: string | undefined, place: Place): string {
  if (value === undefined) return "";
  if (value.includes("\0")) throw refusal(letter, "it has a zero byte");
  if (PLAIN.test(value)) return value;
  switch (place) {
    case "bare":
      return value === "" ? '""' : `'${value.replaceAll("'", `'\\''`)}'`;
    case "single-quoted":
      return value.replaceAll("'", `'\\''`);
    case "double-quoted":
      return value.replace(/[\\"$`]/g, "\\$&");
    case "unclear":
      if (value === "") return '""';
      throw refusal(letter, "it would have to be quoted where the shell substitutes or comments");
  }
}

function refusal(letter: string, reason: string): CommandTemplateError {
  return new CommandTemplateError(
    `the value of %${letter} cannot be put into the command: ${reason}`,
  );
}
