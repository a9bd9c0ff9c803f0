/** Time as the cluster sees it; tests hand in their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /**
   * Calls `run` once after `milliseconds`.
   * @returns a function that cancels the call; harmless when it has run already
   */
  after(milliseconds: number, run: () => void): () => void;
}

/** The clock of the operating system. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
