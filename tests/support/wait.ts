/** Thrown when something did not come true in time; says what was waited for. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

export interface WaitOptions {
  /** What is waited for, as it completes "waited 10000 ms for …". */
  readonly what: string;
  /** Default 10 seconds. */
  readonly deadlineMs?: number;
  /** Pause between two looks, default 20 ms. */
  readonly everyMs?: number;
}

/**
 * Looks again and again until the condition gives something true, and returns that.
 * A condition that throws counts as not yet true; the last error becomes the cause when time is up.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { what, deadlineMs = 10_000, everyMs = 20 }: WaitOptions,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() >= end) {
      throw new DeadlineError(`waited ${deadlineMs} ms for ${what}`, { cause: lastError });
    }
    await Bun.sleep(everyMs);
  }
}

/** The promise's value, or a DeadlineError when it takes longer. */
export async function within<T>(promise: Promise<T>, { what, deadlineMs = 10_000 }: WaitOptions) {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new DeadlineError(`waited ${deadlineMs} ms for ${what}`)),
    deadlineMs,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
