/** The runs behind the table: every target in turn, workload by workload. */
import type { TestCluster } from "../../tests/support/cluster.ts";
import type { TargetName } from "./options.ts";
import { type Pgbench, PgbenchError, type PgbenchResult } from "./pgbench.ts";
import { cpuTime, family, type Memory, memory } from "./processes.ts";
import type { Target } from "./targets.ts";
import { type Workload, WORKLOADS } from "./workloads.ts";

/** One run of pgbench. */
export interface Run {
  readonly workload: string;
  readonly target: TargetName;
  /** From 1. */
  readonly round: number;
  readonly result: Measured | Failed;
}

export interface Measured extends PgbenchResult, Memory {
  /** CPU time of the pooler per transaction in microseconds, logins included. */
  readonly cpu: number;
}

export interface Failed {
  readonly error: string;
}

export interface MatrixOptions {
  readonly pgbench: Pgbench;
  readonly cluster: TestCluster;
  readonly targets: readonly Target[];
  readonly workloads: readonly Workload[];
  readonly rounds: number;
  readonly seconds: number;
  readonly say: (text: string) => void;
}

/**
 * Runs everything. Targets take turns within a workload,
 * so that whatever else happens on the machine hits all of them alike: every workload and every round
 * begins with another target.
 */
export async function runMatrix(options: MatrixOptions): Promise<Run[]> {
  const { targets, workloads, rounds, say } = options;
  await warmUp(options);
  const runs: Run[] = [];
  for (const [index, workload] of workloads.entries()) {
    const taking = targets.filter(({ name }) => !name.endsWith("-1") || workload.oneProcess);
    for (let round = 1; round <= rounds; round++) {
      const shift = (index + round - 1) % taking.length;
      for (const target of [...taking.slice(shift), ...taking.slice(0, shift)]) {
        const result = await measure(options, workload, target);
        runs.push({ workload: workload.name, target: target.name, round, result });
        const said = "error" in result ? result.error : `${Math.round(result.tps)} tps`;
        say(
          `[${index + 1}/${workloads.length}] ${workload.name} ${round}/${rounds} ` +
            `${target.name}: ${said}`,
        );
      }
    }
  }
  return runs;
}

async function measure(
  { pgbench, cluster, seconds }: MatrixOptions,
  workload: Workload,
  target: Target,
): Promise<Measured | Failed> {
  if (workload.script === "tpcb-like") await cleanTables(cluster);
  const pids = () => target.process === null ? [] : family(target.process.pid);
  const before = cpuTime(pids());
  let result: PgbenchResult;
  try {
    result = await pgbench.measure(target.port, workload, seconds);
  } catch (error) {
    if (error instanceof PgbenchError) return { error: error.message };
    throw error;
  }
  const after = pids();
  const cpu = (cpuTime(after) - before) / result.transactions;
  return { ...result, cpu, ...memory(after) };
}

/** As pgbench begins its own runs, but on the primary itself: a run finds what the first found. */
async function cleanTables(cluster: TestCluster): Promise<void> {
  for (
    const statement of [
      "VACUUM pgbench_branches",
      "VACUUM pgbench_tellers",
      "TRUNCATE pgbench_history",
    ]
  ) {
    await cluster.query(statement);
  }
  await cluster.waitForReplay();
}

/** Lets runtimes compile what they run often, and pools open their connections. */
async function warmUp({ pgbench, targets, workloads, say }: MatrixOptions): Promise<void> {
  say("warming up");
  const most = Math.max(...workloads.map(({ clients }) => clients));
  const useful = WORKLOADS.filter((each) =>
    each.script === "select-only" && !each.reconnect && each.clients === most &&
    workloads.some(({ mode }) => mode === each.mode)
  );
  for (const target of targets) {
    // Only what reads the protocol has to learn its variants.
    const learnt = target.name.startsWith("pgpool") ? useful : useful.slice(0, 1);
    for (const workload of learnt) {
      try {
        await pgbench.measure(target.port, workload, 1);
      } catch (error) {
        if (!(error instanceof PgbenchError)) throw error;
        say(`${target.name}: ${error.message}`);
      }
    }
  }
}
