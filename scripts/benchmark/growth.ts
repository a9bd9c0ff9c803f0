/** Whether memory grows with the number of transactions. */
import type { Pgbench } from "./pgbench.ts";
import { family, type Memory, memory } from "./processes.ts";
import type { Target } from "./targets.ts";
import { MODES, type Workload, WORKLOADS } from "./workloads.ts";

/** Parts after which memory is looked at; the query modes take turns. */
const PARTS = 12;

export interface GrowthResult {
  /** Transactions between the first figure and the last. */
  readonly transactions: number;
  /** All of pgpool's processes together: once every query mode was in use, and after each part. */
  readonly memory: readonly Memory[];
}

/** Runs transactions through pgpool, beside those that only make it ready. */
export async function measureGrowth(
  pgbench: Pgbench,
  target: Target,
  transactions: number,
  say: (text: string) => void,
): Promise<GrowthResult> {
  const pid = target.process?.pid ?? 0;
  const part = Math.ceil(transactions / PARTS);
  const run = async (workload: Workload) =>
    (await pgbench.repeat(target.port, workload, part)).transactions;
  const workloads = MODES.flatMap((mode) =>
    WORKLOADS.find((each) => each.oneProcess && each.mode === mode) ?? []
  );
  say("growth: getting ready");
  for (const workload of workloads) await run(workload);
  const figures = [memory(family(pid))];
  let done = 0;
  for (let i = 0; i < PARTS; i++) {
    for (const workload of workloads.slice(i % MODES.length, i % MODES.length + 1)) {
      done += await run(workload);
    }
    figures.push(memory(family(pid)));
    say(`growth: ${done} of ${part * PARTS} transactions`);
  }
  return { transactions: done, memory: figures };
}
