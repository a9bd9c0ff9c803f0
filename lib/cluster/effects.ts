import type { CommandValues } from "./command-values.ts";
import type { RequestRefusal } from "./requests.ts";

/** One thing to tell the operator. */
export interface LogEntry {
  /** Name in the log, that of Pgpool-II's process for the work; `main` when absent. */
  readonly process?: "sr_check_worker" | `health_check${number}`;
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
  /** Look whether a node is well; answered by `health-checked`. */
  | { readonly type: "health-check"; readonly node: number }
  /** Send `health-due` after a pause in milliseconds, in place of what was planned; null: never. */
  | { readonly type: "health-timer"; readonly node: number; readonly pause: number | null }
  /** Run an operator's command; answered by `command-ended`. Deadline in ms, 0 for none. */
  | {
    readonly type: "command";
    readonly run: number;
    readonly name: "failover_command" | "failback_command" | "follow_primary_command";
    readonly template: string;
    readonly deadline: number;
    readonly values: CommandValues;
  }
  /** Have a command print the delays of these nodes; answered by `delays`. Deadline in ms. */
  | {
    readonly type: "delay-command";
    readonly command: string;
    readonly nodes: readonly number[];
    /** host:port of each. */
    readonly replicas: readonly string[];
    readonly primary: number;
    readonly deadline: number;
  }
  /** End a command; its end is of no interest any more. */
  | { readonly type: "stop-command"; readonly run: number }
  /** Tell whoever holds the ticket that his request is done, or why it is not. */
  | {
    readonly type: "answer";
    readonly ticket: number;
    readonly refusal: RequestRefusal | null;
  }
  /** Ask a node that is down what it is now; answered by `return-probed`. */
  | { readonly type: "ask-return"; readonly node: number }
  /** Close what is kept open to the node. */
  | { readonly type: "disconnect"; readonly node: number };
