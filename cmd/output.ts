import { EXIT } from "./exit-status.ts";
import type { ExitStatus } from "./exit-status.ts";

/** What went wrong with a command, for its user. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";

  /**
   * @param code a word that programs can rely on.
   * @param hint what to do about it, empty when there is nothing to say.
   */
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string,
    readonly status: ExitStatus = EXIT.failed,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Prints data as JSON to standard output. */
export function printJson(data: unknown): void {
  process.stdout.write(`${JSON.stringify(data, null, 2)}\n`);
}

/** Prints data as JSON in one line, of which more follow. */
export function printJsonLine(data: unknown): void {
  process.stdout.write(`${JSON.stringify(data)}\n`);
}

/** What went wrong, as JSON. */
export function failureValue({ code, message, hint }: CommandFailure): unknown {
  return { error: { code, message, hint } };
}

/** Prints what went wrong: as JSON to standard output, else as text to standard error. */
export function printFailure(failure: CommandFailure, json: boolean): void {
  if (json) return printJson(failureValue(failure));
  const { message, hint } = failure;
  process.stderr.write(`pgpool: ${message}\n${hint === "" ? "" : `HINT:  ${hint}\n`}`);
}

/** Exit status of a program that writes to a pipe which nobody reads: 128 + SIGPIPE. */
const BROKEN_PIPE_STATUS = 141;

/** Ends the program quietly when whoever reads its output has gone, as `head` does. */
export function endWithReader(): void {
  process.stdout.on("error", (error) => {
    if ("code" in error && error.code === "EPIPE") process.exit(BROKEN_PIPE_STATUS);
    throw error;
  });
}

/** Runs a command; its failure is printed. Gives the exit status. */
export async function run(
  json: boolean,
  act: () => ExitStatus | Promise<ExitStatus>,
): Promise<ExitStatus> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    printFailure(error, json);
    return error.status;
  }
}

/** Text of a table, or a text in a style. */
export type Cell = string | { readonly text: string; readonly style: Style };

/** Prints rows below their headings, in columns as wide as their longest text. */
export function printTable(headings: readonly string[], rows: readonly (readonly Cell[])[]) {
  process.stdout.write(tableText(headings, rows));
}

/** Rows below their headings, in columns as wide as their longest text. */
export function tableText(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => cellText(row[column] ?? "").length))
  );
  const line = (cells: readonly Cell[]) =>
    cells.map((cell, column) => {
      const text = cellText(cell);
      const isLast = column === cells.length - 1;
      const gap = isLast ? "" : " ".repeat((widths[column] ?? 0) - text.length + 2);
      return (typeof cell === "string" ? text : paint(cell.style, text)) + gap;
    }).join("").trimEnd();
  return [paint("bold", line(headings)), ...rows.map(line)].map((each) => `${each}\n`).join("");
}

const codes = { bold: 1, red: 31, green: 32, yellow: 33, dim: 2 } as const;

/** How a text looks on a terminal. */
export type Style = keyof typeof codes;

/** Colours a text for standard output, on a terminal and unless NO_COLOR asks for none. */
export function paint(style: Style, text: string): string {
  if (!process.stdout.isTTY || process.env["NO_COLOR"]) return text;
  return `\x1b[${codes[style]}m${text}\x1b[0m`;
}

function cellText(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}
