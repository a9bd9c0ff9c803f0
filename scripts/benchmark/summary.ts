/** Medians of all runs, and their ratios. */
import type { Measured, Run } from "./matrix.ts";
import { type TargetName, TARGETS } from "./options.ts";
import { median } from "./statistics.ts";

/** One line of the table. */
export interface Line {
  readonly workload: string;
  readonly target: TargetName;
  /** Medians over the rounds that went well; NaN when none did. */
  readonly figures: Measured;
  /** Throughput divided by the servers' own and by the relay's. */
  readonly ofDirect: number;
  readonly ofRelay: number;
  /** CPU per transaction divided by the relay's. */
  readonly cpuOfRelay: number;
  /** Messages of rounds that did not go well. */
  readonly errors: readonly string[];
}

/** Lines in the order of the runs' workloads and of the targets. */
export function summarize(runs: readonly Run[]): Line[] {
  const workloads = [...new Set(runs.map(({ workload }) => workload))];
  return workloads.flatMap((workload) => {
    const own = runs.filter((run) => run.workload === workload);
    const medians = new Map(
      TARGETS.filter((target) => own.some((run) => run.target === target)).map((target) =>
        [target, medianOf(own.filter((run) => run.target === target))] as const
      ),
    );
    return [...medians].map(([target, figures]) => {
      // With one process pgpool is compared to the relay with one.
      const relay = medians.get(target.endsWith("-1") ? "relay-1" : "relay");
      return {
        workload,
        target,
        figures,
        ofDirect: figures.tps / (medians.get("direct")?.tps ?? NaN),
        ofRelay: figures.tps / (relay?.tps ?? NaN),
        cpuOfRelay: figures.cpu / (relay?.cpu ?? NaN),
        errors: own.flatMap(({ target: of, result }) =>
          of === target && "error" in result ? [result.error] : []
        ),
      };
    });
  });
}

function medianOf(runs: readonly Run[]): Measured {
  const good = runs.flatMap(({ result }) => "error" in result ? [] : [result]);
  const of = (figure: (run: Measured) => number) => median(good.map(figure));
  const connect = of(({ connectMs }) => connectMs ?? NaN);
  return {
    transactions: good.reduce((sum, { transactions }) => sum + transactions, 0),
    failed: good.reduce((sum, { failed }) => sum + failed, 0),
    tps: of(({ tps }) => tps),
    connectMs: Number.isNaN(connect) ? null : connect,
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    cpu: of(({ cpu }) => cpu),
    pss: of(({ pss }) => pss),
    rss: of(({ rss }) => rss),
  };
}
