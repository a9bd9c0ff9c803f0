import type { LinePrefix } from "./prefix.ts";
import type { LogRecord } from "./record.ts";
import { defaultCode, severityLabel } from "./severity.ts";

/** log_error_verbosity: terse leaves out the further lines, verbose adds the SQLSTATE. */
export type Verbosity = "terse" | "default" | "verbose";

/**
 * Writes a record as the lines of a text log, each with the prefix and ended by a newline:
 * `LOG:  text`, then DETAIL, HINT and CONTEXT (behaviour.md 15). Newlines inside a text are
 * followed by a tab, so that no text can pass for a line of its own.
 */
export function formatRecord(record: LogRecord, prefix: LinePrefix, verbosity: Verbosity): string {
  const start = prefix(record);
  const code = verbosity === "verbose" ? `${record.code ?? defaultCode(record.severity)}: ` : "";
  let text = line(start, severityLabel(record.severity), code + record.message);
  if (verbosity === "terse") return text;
  if (record.detail) text += line(start, "DETAIL", record.detail);
  if (record.hint) text += line(start, "HINT", record.hint);
  if (record.context) text += line(start, "CONTEXT", record.context);
  return text;
}

function line(start: string, label: string, text: string): string {
  return `${start}${label}:  ${text.replace(/\r?\n/g, "\n\t").replace(/\0/g, "?")}\n`;
}
