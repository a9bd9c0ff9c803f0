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

/** Prints what went wrong: as JSON to standard output, else as text to standard error. */
export function printFailure(failure: CommandFailure, json: boolean): void {
  const { code, message, hint } = failure;
  if (json) return printJson({ error: { code, message, hint } });
  process.stderr.write(`pgpool: ${message}\n${hint === "" ? "" : `HINT:  ${hint}\n`}`);
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

/** Prints rows below their headings, in columns as wide as their longest text. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]) {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? "").length))
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd();
  process.stdout.write(
    [paint("bold", line(headings)), ...rows.map(line)].map((each) => `${each}\n`).join(""),
  );
}

const codes = { bold: 1, red: 31, yellow: 33, dim: 2 } as const;

/** Colours a text for standard output, on a terminal and unless NO_COLOR asks for none. */
export function paint(style: keyof typeof codes, text: string): string {
  if (!process.stdout.isTTY || process.env["NO_COLOR"]) return text;
  return `\x1b[${codes[style]}m${text}\x1b[0m`;
}
