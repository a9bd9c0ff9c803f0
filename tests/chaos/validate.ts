import type { History } from "./history.ts";

/** What the servers hold and how patient the clients were, when all faults are over. */
export interface Ending {
  /** The rows of the table on the primary, every one as often as it is there. */
  readonly rows: readonly number[];
  /** Longest time that a client may wait for an answer of any kind, in milliseconds. */
  readonly deadlineMs: number;
  /** Since when nothing was wrong any more. */
  readonly healedAt: number;
  /** Workers were killed, which can not tell their clients any more. */
  readonly workersDied: boolean;
}

/** The promises of pgpool to its clients, by number. */
export const PROMISES = {
  1: "every acknowledged write is there",
  2: "no write is there twice",
  3: "no write is there that was said to have failed",
  4: "nothing is there that nobody wrote",
  5: "no read shows a row before it was written, or one that failed",
  6: "a transaction sees its own write",
  7: "no client waits longer than its deadline",
  8: "writes are acknowledged again when the faults are over",
  9: "a client that is cut off is told so, once",
} as const;

/** A promise that was not kept. */
export interface Violation {
  readonly promise: keyof typeof PROMISES;
  readonly what: string;
}

/** Holds a history against the promises; empty when all were kept. */
export function validate(history: History, ending: Ending): Violation[] {
  return [
    ...checkRows(history, ending.rows),
    ...checkReads(history),
    ...history.attempts.filter(({ tookMs }) => tookMs > ending.deadlineMs).map((
      { what, tookMs },
    ) => violation(7, `${what} took ${Math.round(tookMs)} ms`)),
    ...checkLiveness(history, ending.healedAt),
    ...ending.workersDied ? [] : checkCuts(history),
  ];
}

function checkRows(history: History, rows: readonly number[]): Violation[] {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1);
  const violations: Violation[] = [];
  const known = new Set<number>();
  for (const { row, outcome } of history.writes) {
    known.add(row);
    const count = counts.get(row) ?? 0;
    if (outcome === "acknowledged" && count === 0) violations.push(violation(1, `row ${row}`));
    if (count > 1) violations.push(violation(2, `row ${row} is there ${count} times`));
    if (outcome === "failed" && count > 0) violations.push(violation(3, `row ${row}`));
  }
  for (const row of counts.keys()) {
    if (!known.has(row)) violations.push(violation(4, `row ${row}`));
  }
  return violations;
}

function checkReads(history: History): Violation[] {
  const writes = new Map(history.writes.map((write) => [write.row, write]));
  const violations: Violation[] = [];
  for (const { rows, endedAt, own } of history.reads) {
    for (const row of rows) {
      const write = writes.get(row);
      // A transaction may see what it wrote itself, whatever becomes of it.
      if (row === own) continue;
      if (write === undefined || write.invokedAt > endedAt) {
        violations.push(violation(5, `row ${row} was read before it was written`));
      } else if (write.outcome === "failed") {
        violations.push(violation(5, `row ${row} was read although it failed`));
      }
    }
    if (own !== undefined && !rows.includes(own)) violations.push(violation(6, `row ${own}`));
  }
  return violations;
}

function checkLiveness(history: History, healedAt: number): Violation[] {
  const isAlive = history.writes.some(({ invokedAt, outcome }) =>
    invokedAt > healedAt && outcome === "acknowledged"
  );
  return isAlive ? [] : [violation(8, "no write was acknowledged after the last fault")];
}

function checkCuts(history: History): Violation[] {
  return history.cuts.filter(({ errors }) => errors.length !== 1).map(({ what, errors }) =>
    violation(9, `${what}: ${errors.length === 0 ? "no error" : errors.join(", ")}`)
  );
}

function violation(promise: Violation["promise"], what: string): Violation {
  return { promise, what };
}

/** Violations as text, one a line; the same promise is named a few times only. */
export function describeViolations(violations: readonly Violation[], most = 5): string {
  const byPromise = Map.groupBy(violations, ({ promise }) => promise);
  return [...byPromise].map(([promise, some]) => {
    const examples = some.slice(0, most).map(({ what }) => what).join(", ");
    const more = some.length > most ? ` and ${some.length - most} more` : "";
    return `broken: ${promise}. ${PROMISES[promise]}: ${examples}${more}`;
  }).join("\n");
}
