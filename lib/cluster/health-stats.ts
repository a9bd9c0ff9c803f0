/** Health checks of one node since the start. Durations in milliseconds, times in Unix seconds. */
export interface HealthCheckStats {
  readonly total: number;
  readonly success: number;
  readonly fail: number;
  readonly skip: number;
  readonly retry: number;
  readonly maxRetry: number;
  readonly maxDuration: number;
  readonly minDuration: number;
  readonly averageDuration: number;
  /** 0 when there has been none, as the next three. */
  readonly last: number;
  readonly lastSuccess: number;
  readonly lastSkip: number;
  readonly lastFail: number;
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
};
