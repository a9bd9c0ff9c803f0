/** The one who waited has gone, or the worker stops: there is nobody to be told. */
export class WaitEnded extends Error {
  override readonly name = "WaitEnded";
}

/** How long somebody waits, and what else may end that. */
export interface WaitOptions {
  /** Ends the wait of a client that is gone. */
  readonly signal?: AbortSignal | undefined;
  /** 0 to wait for ever. */
  readonly milliseconds: number;
  /** What is thrown when the time is over. */
  readonly late: () => Error;
}

/** Clients that wait for something, in the order in which they came. */
export class WaitingRoom {
  readonly #waiting = new Set<(error?: Error) => void>();
  readonly #onChange: (size: number) => void;
  #closed = false;

  /** @param onChange called when somebody has come or gone. */
  constructor(onChange: (size: number) => void = () => {}) {
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** @throws {WaitEnded} and what `late` gives. */
  wait({ signal, milliseconds, late }: WaitOptions): Promise<void> {
    if (this.#closed || signal?.aborted) throw new WaitEnded("nobody is waited for");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => settle(new WaitEnded("client left the queue"));
    const timer = milliseconds > 0 ? setTimeout(() => settle(late()), milliseconds) : undefined;
    const settle = (error?: Error) => {
      if (!this.#waiting.delete(settle)) return;
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      this.#onChange(this.#waiting.size);
      if (error === undefined) resolve();
      else reject(error);
    };
    signal?.addEventListener("abort", abort);
    this.#waiting.add(settle);
    this.#onChange(this.#waiting.size);
    return promise;
  }

  /** Lets the one who has waited longest go on. */
  next(): void {
    const [first] = this.#waiting;
    first?.();
  }

  /** Lets all who wait go on. */
  all(): void {
    for (const settle of [...this.#waiting]) settle();
  }

  /** Sends everybody away who waits or comes later, because the worker stops. */
  close(): void {
    this.#closed = true;
    for (const settle of [...this.#waiting]) settle(new WaitEnded("worker stops"));
  }

  get closed(): boolean {
    return this.#closed;
  }
}
