import type { LogRecord } from "./record.ts";

type PrefixPart = (record: LogRecord) => string;

/** A compiled log_line_prefix. */
export type LinePrefix = (record: LogRecord) => string;

const escapes: ReadonlyMap<string, PrefixPart> = new Map<string, PrefixPart>([
  ["a", (record) => record.application ?? record.process],
  ["p", (record) => String(record.pid)],
  ["P", (record) => String(record.childNumber)],
  ["t", (record) => formatTime(record.time)],
  ["m", (record) => `${formatTime(record.time)}.${pad(record.time % 1000, 3)}`],
  ["d", (record) => nameOrPlaceholder(record.database)],
  ["u", (record) => nameOrPlaceholder(record.user)],
  ["l", (record) => String(record.line)],
]);

/**
 * Compiles a log_line_prefix: `%a %p %P %t %m %d %u %l %%`, each with an optional width as in
 * `%-10a` (left justified) or `%10a`; unknown escapes vanish (behaviour.md 15).
 */
export function compilePrefix(template: string): LinePrefix {
  const parts: PrefixPart[] = [];
  const escape = /%(-?\d*)(.)|%$/gsu;
  let end = 0;
  for (const match of template.matchAll(escape)) {
    addText(parts, template.slice(end, match.index));
    end = match.index + match[0].length;
    const [, width = "", letter = ""] = match;
    if (letter === "%") addText(parts, "%");
    const part = escapes.get(letter);
    if (part) parts.push(justified(part, width));
  }
  addText(parts, template.slice(end));
  return (record) => parts.map((part) => part(record)).join("");
}

/** Local time as `YYYY-MM-DD HH:MM:SS`; takes Unix time in milliseconds. */
export function formatTime(time: number): string {
  const date = new Date(time);
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1, 2)}-${pad(date.getDate(), 2)}`;
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return `${day} ${clock.map((unit) => pad(unit, 2)).join(":")}`;
}

function addText(parts: PrefixPart[], text: string): void {
  if (text !== "") parts.push(() => text);
}

function justified(part: PrefixPart, width: string): PrefixPart {
  // A width beyond any sensible column would only serve to fill the disk.
  const columns = Math.min(Math.abs(Number.parseInt(width, 10) || 0), 200);
  if (columns === 0) return part;
  return width.startsWith("-")
    ? (record) => part(record).padEnd(columns)
    : (record) => part(record).padStart(columns);
}

function nameOrPlaceholder(name: string | undefined): string {
  if (name === undefined) return "[No Connection]";
  return name === "" ? "[unknown]" : name;
}

function pad(value: number, digits: number): string {
  return String(Math.trunc(value)).padStart(digits, "0");
}
