/** How many equal messages are written within one window before the rest is only counted. */
const allowed = 10;
/** Length of a window in milliseconds. */
const windowLength = 1000;
/** How many different messages are watched at once; the oldest gives way. */
const capacity = 256;

/** Time as the log sees it; tests pass their own. */
export interface LogClock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Calls `run` once after `delay` milliseconds; never keeps the process alive. */
  schedule(delay: number, run: () => void): void;
}

/** The clock of the machine. */
export const systemClock: LogClock = {
  now: () => Date.now(),
  schedule: (delay, run) => {
    setTimeout(run, delay).unref();
  },
};

interface Window {
  readonly start: number;
  written: number;
  suppressed: number;
  readonly summarize: (count: number) => void;
}

/**
 * Notices bursts of the same message: the first ten within a second pass, further ones are
 * counted, and the count is told when the second is over.
 */
export class Repeats {
  readonly #windows = new Map<string, Window>();
  readonly #clock: LogClock;

  constructor(clock: LogClock) {
    this.#clock = clock;
  }

  /**
   * Whether a message may be written. `key` identifies equal messages; `summarize` is called
   * with the number of those held back when their second is over.
   */
  admit(key: string, summarize: (count: number) => void): boolean {
    const now = this.#clock.now();
    let window = this.#windows.get(key);
    if (window && now - window.start >= windowLength) {
      this.#end(key, window);
      window = undefined;
    }
    if (!window) {
      this.#makeRoom();
      window = { start: now, written: 0, suppressed: 0, summarize };
      this.#windows.set(key, window);
    }
    if (window.written < allowed) {
      window.written++;
      return true;
    }
    window.suppressed++;
    if (window.suppressed === 1) this.#endLater(key, window, window.start + windowLength - now);
    return false;
  }

  /** Tells all counts now, for instance because the process is about to end. */
  flush(): void {
    for (const [key, window] of [...this.#windows]) this.#end(key, window);
  }

  #endLater(key: string, window: Window, delay: number): void {
    this.#clock.schedule(delay, () => {
      if (this.#windows.get(key) === window) this.#end(key, window);
    });
  }

  #end(key: string, window: Window): void {
    this.#windows.delete(key);
    if (window.suppressed > 0) window.summarize(window.suppressed);
  }

  #makeRoom(): void {
    if (this.#windows.size < capacity) return;
    const oldest = this.#windows.entries().next().value;
    if (oldest) this.#end(oldest[0], oldest[1]);
  }
}
