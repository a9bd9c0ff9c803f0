import type { DurationStatistics } from "../../pcp/statistics.ts";

/** Upper bounds of the buckets in seconds; a last bucket has none. */
export const DURATION_BOUNDS: readonly number[] = [
  0.0001,
  0.00025,
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  30,
];

const SUM = DURATION_BOUNDS.length + 1;

/** Cells that a histogram takes: its buckets and the sum of all durations. */
export const DURATION_CELLS = SUM + 1;

/** Counts one duration in the histogram that begins at a cell. */
export function addDuration(cells: Float64Array, at: number, seconds: number): void {
  let bucket = 0;
  while (bucket < DURATION_BOUNDS.length && seconds > DURATION_BOUNDS[bucket]) bucket++;
  cells[at + bucket]++;
  cells[at + SUM] += seconds;
}

/** The sum of the histograms that begin at these cells. */
export function readDurations(cells: Float64Array, starts: readonly number[]): DurationStatistics {
  const total = (offset: number) => starts.reduce((sum, at) => sum + cells[at + offset], 0);
  return {
    bounds: DURATION_BOUNDS,
    counts: Array.from({ length: DURATION_BOUNDS.length + 1 }, (_, bucket) => total(bucket)),
    sum: total(SUM),
  };
}
