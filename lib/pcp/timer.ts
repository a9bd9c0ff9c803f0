/** A timer for a time of `performance.now()`, none when that is infinite. */
export function timerUntil(
  deadline: number,
  run: () => void,
): ReturnType<typeof setTimeout> | undefined {
  if (!Number.isFinite(deadline)) return undefined;
  return setTimeout(run, Math.max(1, deadline - performance.now()));
}
