import { parseDouble, parseInteger } from "./numbers.ts";
import type { AnyValue, EnumParameter, ListParameter, Parameter } from "./parameters.ts";
import { compilePattern } from "./patterns.ts";
import { InvalidValueError } from "./problems.ts";

/**
 * Reads the text of a value as the parameter's type. `name` is the name as written, with its
 * index, for the messages. Throws InvalidValueError (texts: parameters.md 1).
 */
export function parseValue(name: string, parameter: Parameter, text: string): AnyValue {
  switch (parameter.type) {
    case "bool":
      return parseBool(name, text);
    case "int":
      return parseInteger(name, parameter, text);
    case "double":
      return parseDouble(name, parameter, text);
    case "enum":
      return parseEnum(name, parameter, text);
    case "string-list":
      return parseList(name, parameter, text);
    case "string":
      return text;
  }
}

/** Whether a value is of the type that the parameter has. */
export function hasTypeOf(parameter: Parameter, value: unknown): boolean {
  switch (parameter.type) {
    case "bool":
      return typeof value === "boolean";
    case "int":
    case "double":
      return typeof value === "number";
    case "string":
      return typeof value === "string";
    case "enum":
      return typeof value === "string" && parameter.values.includes(value);
    case "string-list":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
  }
}

const booleanWords: readonly (readonly [word: string, shortest: number, value: boolean])[] = [
  ["true", 1, true],
  ["false", 1, false],
  ["yes", 1, true],
  ["no", 1, false],
  ["on", 2, true],
  ["off", 2, false],
  ["1", 1, true],
  ["0", 1, false],
];

/** Pgpool-II takes anything else as on; a misspelt switch is an error here. */
function parseBool(name: string, text: string): boolean {
  const lower = text.toLowerCase();
  for (const [word, shortest, value] of booleanWords) {
    if (lower.length >= shortest && word.startsWith(lower)) return value;
  }
  throw new InvalidValueError(`invalid value for parameter "${name}": "${text}"`, {
    hint: "Available values: on, off, true, false, yes, no, 1, 0.",
  });
}

function parseEnum(name: string, parameter: EnumParameter, text: string): string {
  const lower = text.toLowerCase();
  const value = parameter.values.find((each) => each.toLowerCase() === lower);
  if (value !== undefined) return value;
  const aliases = Object.entries(parameter.aliases ?? {});
  const alias = aliases.find(([each]) => each.toLowerCase() === lower);
  if (alias) return alias[1];
  const retired = parameter.retired?.[lower];
  if (retired) {
    throw new InvalidValueError(`invalid value for parameter "${name}": "${text}"`, {
      detail: `"${lower}" does not exist any more since version ${retired.since}`,
      hint: `Use ${retired.use} instead.`,
    });
  }
  const hidden = parameter.hiddenAliases ?? [];
  const offered = aliases.map(([each]) => each).filter((each) => !hidden.includes(each));
  const available = [...parameter.values, ...offered].join(", ");
  throw new InvalidValueError(`invalid value for parameter "${name}": "${text}"`, {
    hint: `Available values: ${available}.`,
  });
}

function parseList(name: string, parameter: ListParameter, text: string): readonly string[] {
  const items = parameter.accumulates
    ? splitPatterns(text)
    : text.split(parameter.separator).map((item) => item.trim()).filter((item) => item !== "");
  if (!parameter.regex) return items;
  for (const item of items) {
    if (compilePattern(item) !== undefined) continue;
    throw new InvalidValueError(`invalid value for parameter "${name}": "${text}"`, {
      detail: `invalid regular expression: "${item}"`,
    });
  }
  return items;
}

/**
 * Splits at semicolons that no backslash protects; a protected quote loses its backslash, which
 * only kept it from ending the value (parameters.md 1).
 */
function splitPatterns(text: string): readonly string[] {
  const items: string[] = [];
  let item = "";
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    const next = text.charAt(at + 1);
    if (character === "\\" && next !== "") {
      item += next === "'" ? next : character + next;
      at++;
    } else if (character === ";") {
      items.push(item);
      item = "";
    } else {
      item += character;
    }
  }
  items.push(item);
  return items.filter((each) => each !== "");
}
