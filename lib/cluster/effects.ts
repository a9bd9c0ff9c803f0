/** One thing to tell the operator. */
export interface LogEntry {
  readonly severity: "log" | "warning" | "error";
  readonly text: string;
  readonly detail?: string;
  readonly hint?: string;
}

/** What the world has to do after an event; carried out in order by the service. */
export type Effect =
  | { readonly type: "log"; readonly entry: LogEntry }
  /** The state has a new snapshot. */
  | { readonly type: "publish" }
  | { readonly type: "save-status" }
  /** Ask whether the node answers, after a pause in milliseconds; answered by `verified`. */
  | { readonly type: "verify"; readonly node: number; readonly pause: number }
  /** Ask all usable nodes about themselves now; answered by `checked`. */
  | { readonly type: "check" }
  /** Close what is kept open to the node. */
  | { readonly type: "disconnect"; readonly node: number };
