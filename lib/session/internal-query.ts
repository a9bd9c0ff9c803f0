import { parseDataRow, parseErrorFields } from "../wire/read.ts";

/** A query of pgpool's own on a session's server connection, and what came back. */
export class InternalQuery {
  readonly rows: (string | null)[][] = [];
  /** Message of the server's error, if there was one. */
  error: string | undefined;

  /** `done` is called once, when ReadyForQuery has come. */
  constructor(readonly purpose: string, readonly done: (result: InternalQuery) => void) {}

  addRow(body: Uint8Array): void {
    this.rows.push(parseDataRow(body));
  }

  fail(body: Uint8Array): void {
    this.error = parseErrorFields(body).get("M") ?? "unknown error";
  }
}
