/** The middle value, the mean of the two middle ones of an even number; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}

/**
 * The smallest value that at least this share of all values does not exceed (nearest rank).
 *
 * @param sorted in ascending order.
 * @param share above 0 and at most 1: 0.99 for the 99th percentile.
 */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}
