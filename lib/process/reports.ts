import type { WorkerReport } from "./messages.ts";

/** Longest time workers may take to tell of themselves, in milliseconds. */
const DEADLINE_MS = 2000;

/** A question that was put to several workers. */
export interface ReportQuestion {
  /** A worker has answered. */
  add(report: WorkerReport): void;
  /** A worker will never answer, because it is gone. */
  forget(worker: number): void;
  /** Resolves when all have answered or time is up; `missing` are workers that did not answer. */
  readonly answer: Promise<{ reports: WorkerReport[]; missing: number[] }>;
}

/** Waits for the answers of these workers, in the order of their numbers. */
export function collectReports(
  workers: readonly number[],
  deadlineMs: number = DEADLINE_MS,
): ReportQuestion {
  const waiting = new Set(workers);
  const reports = new Map<number, WorkerReport>();
  const { promise, resolve } = Promise.withResolvers<
    { reports: WorkerReport[]; missing: number[] }
  >();
  const finish = () => {
    clearTimeout(timer);
    const inOrder = [...reports.values()].sort((one, other) => one.worker - other.worker);
    resolve({ reports: inOrder, missing: [...waiting] });
  };
  const timer = setTimeout(finish, deadlineMs);
  const settled = (worker: number) => {
    if (waiting.delete(worker) && waiting.size === 0) finish();
  };
  if (waiting.size === 0) finish();
  return {
    answer: promise,
    add(report) {
      if (!waiting.has(report.worker)) return;
      reports.set(report.worker, report);
      settled(report.worker);
    },
    forget: settled,
  };
}
