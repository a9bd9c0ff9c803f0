/** What clients did and saw. Times are milliseconds of one clock. */
export interface History {
  readonly writes: readonly Write[];
  readonly reads: readonly Read[];
  readonly attempts: readonly Attempt[];
  readonly cuts: readonly Cut[];
}

/** A connection that ended although its client had not asked for that. */
export interface Cut {
  readonly at: number;
  /** What the client was doing. */
  readonly what: string;
  /** SQLSTATEs of the errors with which it was told; empty when it was not. */
  readonly errors: readonly string[];
}

/** A row that a client wrote; every row has a number of its own and is sent once only. */
export interface Write {
  readonly row: number;
  readonly invokedAt: number;
  readonly endedAt: number;
  /**
   * acknowledged: committed, says the pool. failed: not committed, says the pool. unknown: the
   * connection was lost, or ended by an error, after the commit was on its way.
   */
  readonly outcome: "acknowledged" | "failed" | "unknown";
}

/** The rows that a client was shown. */
export interface Read {
  readonly endedAt: number;
  readonly rows: readonly number[];
  /** The row that the same transaction had written before it read. */
  readonly own?: number;
}

/** Anything that a client waited for, also logins: how long it took until there was an answer. */
export interface Attempt {
  readonly what: string;
  readonly tookMs: number;
}

/** Takes down what happens; one for all clients. */
export class Recorder implements History {
  readonly writes: Write[] = [];
  readonly reads: Read[] = [];
  readonly attempts: Attempt[] = [];
  readonly cuts: Cut[] = [];
  #lastRow = 0;

  now(): number {
    return performance.now();
  }

  /** A number that no row has had. */
  nextRow(): number {
    return ++this.#lastRow;
  }

  /** Takes down how long something took, whether it went well or not. */
  async timed<T>(what: string, act: () => Promise<T>): Promise<T> {
    const start = this.now();
    try {
      return await act();
    } finally {
      this.attempts.push({ what, tookMs: this.now() - start });
    }
  }
}
