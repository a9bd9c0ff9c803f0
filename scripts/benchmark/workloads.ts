/** What pgbench does: one of its built-in scripts, and how. */
export interface Workload {
  /** As the table and --only name it, such as `select-simple-16`. */
  readonly name: string;
  readonly script: "select-only" | "tpcb-like";
  readonly mode: QueryMode;
  readonly clients: number;
  /** A new connection for every transaction. */
  readonly reconnect: boolean;
  /** Whether it also runs on poolers restricted to one process. */
  readonly oneProcess: boolean;
}

export type QueryMode = "simple" | "extended" | "prepared";

export const MODES: readonly QueryMode[] = ["simple", "extended", "prepared"];

/** Most clients that any workload has. */
export const MOST_CLIENTS = 100;

/** Clients of the workloads that the goals are about. */
const GOAL_CLIENTS = 16;

/** All workloads. Those that write come last: a standby has then less to catch up with. */
export const WORKLOADS: readonly Workload[] = [
  ...family("select", "select-only"),
  {
    name: `connect-simple-${GOAL_CLIENTS}`,
    script: "select-only",
    mode: "simple",
    clients: GOAL_CLIENTS,
    reconnect: true,
    oneProcess: false,
  },
  ...family("tpcb", "tpcb-like"),
];

function family(prefix: string, script: Workload["script"]): Workload[] {
  return MODES.flatMap((mode) =>
    [1, GOAL_CLIENTS, MOST_CLIENTS].map((clients) => ({
      name: `${prefix}-${mode}-${clients}`,
      script,
      mode,
      clients,
      reconnect: false,
      oneProcess: script === "select-only" && clients === GOAL_CLIENTS,
    }))
  );
}

/**
 * Whether a word of --only names the workload: each part of the word is a part of its name, so that
 * `select-16` stands for three of them.
 */
export function isNamed(workload: Workload, word: string): boolean {
  const parts = workload.name.split("-");
  return word.split("-").every((part) => parts.includes(part));
}
