import type { ProbeFailure } from "./facts.ts";

/** Health checks of one node since the start. Durations in milliseconds, times in Unix seconds. */
export interface HealthCheckStats {
  readonly total: number;
  readonly success: number;
  readonly fail: number;
  /** Checks that were due while the node was down. */
  readonly skip: number;
  /** Attempts after the first, over all checks. */
  readonly retry: number;
  /** Most of them in one check. */
  readonly maxRetry: number;
  /** Of a check with all its retries; of those that were made. */
  readonly maxDuration: number;
  readonly minDuration: number;
  readonly averageDuration: number;
  /** 0 when there has been none, as the next three. */
  readonly last: number;
  readonly lastSuccess: number;
  readonly lastSkip: number;
  readonly lastFail: number;
  /** How often checks failed for which reason; reasons that never occurred are missing. */
  readonly failures: Readonly<Partial<Record<ProbeFailure["kind"], number>>>;
}

export const NO_HEALTH_CHECKS: HealthCheckStats = {
  total: 0,
  success: 0,
  fail: 0,
  skip: 0,
  retry: 0,
  maxRetry: 0,
  maxDuration: 0,
  minDuration: 0,
  averageDuration: 0,
  last: 0,
  lastSuccess: 0,
  lastSkip: 0,
  lastFail: 0,
  failures: {},
};

/** What the figures are counted in: the sum of durations instead of their average. */
export interface HealthTally {
  readonly stats: Omit<HealthCheckStats, "averageDuration">;
  /** Milliseconds. */
  readonly durations: number;
}

const { averageDuration: _, ...NO_STATS } = NO_HEALTH_CHECKS;

export const NO_TALLY: HealthTally = { stats: NO_STATS, durations: 0 };

/** The figures as they are shown. */
export function healthCheckStats({ stats, durations }: HealthTally): HealthCheckStats {
  const made = stats.success + stats.fail;
  return { ...stats, averageDuration: made === 0 ? 0 : durations / made };
}

/** Counts a check that was due while the node was down. @param now milliseconds */
export function skipped({ stats, durations }: HealthTally, now: number): HealthTally {
  const seconds = toSeconds(now);
  return {
    stats: {
      ...stats,
      total: stats.total + 1,
      skip: stats.skip + 1,
      last: seconds,
      lastSkip: seconds,
    },
    durations,
  };
}

/** Counts a check that found the server well. Times in milliseconds. */
export function succeeded(
  tally: HealthTally,
  now: number,
  duration: number,
  retries: number,
): HealthTally {
  const { stats, durations } = made(tally, now, duration, retries);
  return {
    stats: { ...stats, success: stats.success + 1, lastSuccess: stats.last },
    durations,
  };
}

/** Counts a check that failed, with all its retries. Times in milliseconds. */
export function failed(
  tally: HealthTally,
  now: number,
  duration: number,
  retries: number,
  reason: ProbeFailure["kind"],
): HealthTally {
  const { stats, durations } = made(tally, now, duration, retries);
  const failures = { ...stats.failures, [reason]: (stats.failures[reason] ?? 0) + 1 };
  return {
    stats: { ...stats, fail: stats.fail + 1, lastFail: stats.last, failures },
    durations,
  };
}

function made(tally: HealthTally, now: number, duration: number, retries: number): HealthTally {
  const { stats } = tally;
  const isFirst = stats.success + stats.fail === 0;
  return {
    stats: {
      ...stats,
      total: stats.total + 1,
      retry: stats.retry + retries,
      maxRetry: Math.max(stats.maxRetry, retries),
      maxDuration: Math.max(stats.maxDuration, duration),
      minDuration: isFirst ? duration : Math.min(stats.minDuration, duration),
      last: toSeconds(now),
    },
    durations: tally.durations + duration,
  };
}

function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
