import { constants } from "node:os";

/** A signal has ended the benchmark. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  constructor(readonly signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
  }

  get status(): number {
    return 128 + constants.signals[this.signal];
  }
}

/** The first SIGINT, SIGTERM or SIGHUP that this process gets; later ones change nothing. */
export class Interruption {
  readonly #controller = new AbortController();

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => this.#controller.abort(new Interrupted(signal)));
    }
  }

  /** Aborted with an {@link Interrupted}. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The promise's value, unless a signal comes first. */
  async before<T>(promise: Promise<T>): Promise<T> {
    const { promise: interrupted, reject } = Promise.withResolvers<never>();
    this.signal.addEventListener("abort", () => reject(this.signal.reason));
    // Whatever becomes of it after a signal has lost its meaning.
    promise.catch(() => {});
    return await Promise.race([promise, interrupted]);
  }
}
