import type { Clock } from "../cluster/clock.ts";
import { ProcessError } from "./errors.ts";
import type { GateState, SupervisorMessage } from "./messages.ts";

/** What a closed gate holds back (messages.ts, GateState). */
export type GateKind = Exclude<GateState["kind"], "open">;

/**
 * How the wait for a gate ended: nothing that it waits for is left, the time is over, or pgpool
 * stops and the gate is open again.
 */
export type Quiet = "quiet" | "late" | "stopped";

/** What a timer can be set for at most. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The gate is closed already, or pgpool stops. */
export class GateBusyError extends ProcessError {
  override readonly name = "GateBusyError";
}

/**
 * The gate before all workers: while it is closed, clients can not begin something new, and what
 * they have begun goes on. Nothing is lost: what waits goes on when the gate is opened.
 */
export class Gate {
  readonly #workers: number;
  readonly #broadcast: (message: SupervisorMessage) => void;
  readonly #clock: Clock;
  readonly #log: (text: string) => void;
  readonly #quietWorkers = new Set<number>();
  #closed: ClosedGate | undefined;
  #state: GateState = { kind: "open" };
  #closings = 0;
  #isStopped = false;

  /**
   * @param workers how many there are, numbered from 1.
   * @param broadcast reaches all workers that run; one that starts asks for {@link state}.
   */
  constructor(
    workers: number,
    broadcast: (message: SupervisorMessage) => void,
    clock: Clock,
    log: (text: string) => void,
  ) {
    this.#workers = workers;
    this.#broadcast = broadcast;
    this.#clock = clock;
    this.#log = log;
  }

  get state(): GateState {
    return this.#state;
  }

  /**
   * Closes the gate until what is returned is disposed of.
   *
   * @throws {GateBusyError}
   */
  close(kind: GateKind): ClosedGate {
    if (this.#closed !== undefined) {
      throw new GateBusyError("clients are held back already, for another request");
    }
    if (this.#isStopped) throw new GateBusyError("pgpool is being stopped");
    this.#quietWorkers.clear();
    const closing = ++this.#closings;
    this.#closed = new ClosedGate(
      this.#clock,
      () => this.#open(),
      () => this.#broadcast({ type: "end-transactions" }),
      () => this.#set({ kind: "transactions", closing, holdsLogins: true }),
    );
    this.#log(
      kind === "clients"
        ? "new clients wait until those that are connected have left"
        : "new transactions wait until those that run have ended",
    );
    this.#set(kind === "clients" ? { kind, closing } : { kind, closing, holdsLogins: false });
    return this.#closed;
  }

  /** A worker says that nothing is left there that the gate waits for. */
  workerQuiet(worker: number, closing: number): void {
    if (this.#closed === undefined || closing !== this.#closings) return;
    this.#quietWorkers.add(worker);
    if (this.#quietWorkers.size === this.#workers) this.#closed.becameQuiet();
  }

  /** pgpool stops: nobody has to wait any more, and the gate is not closed again. */
  stop(): void {
    this.#isStopped = true;
    this.#closed?.stopped();
    this.#open();
  }

  #open(): void {
    if (this.#closed === undefined) return;
    this.#closed = undefined;
    this.#set({ kind: "open" });
    this.#log("clients are not held back any more");
  }

  #set(state: GateState): void {
    this.#state = state;
    this.#broadcast({ type: "gate", gate: state });
  }
}

/** The gate while it is closed; disposing of it opens it. */
export class ClosedGate implements Disposable {
  readonly #clock: Clock;
  readonly #open: () => void;
  readonly #end: () => void;
  readonly #holdLogins: () => void;
  readonly #done = Promise.withResolvers<Quiet>();
  #isOver = false;

  constructor(clock: Clock, open: () => void, end: () => void, holdLogins: () => void) {
    this.#clock = clock;
    this.#open = open;
    this.#end = end;
    this.#holdLogins = holdLogins;
  }

  /** Waits until nothing is left that the gate waits for; it stays closed whatever comes. */
  async quiet(milliseconds: number): Promise<Quiet> {
    const late = Promise.withResolvers<Quiet>();
    const limit = Math.min(milliseconds, LONGEST_TIMER_MS);
    const cancel = this.#clock.after(limit, () => late.resolve("late"));
    try {
      return await Promise.race([this.#done.promise, late.promise]);
    } finally {
      cancel();
    }
  }

  /** Ends the sessions whose transactions still run. */
  endTransactions(): void {
    this.#end();
  }

  /** New clients wait as well from now on. */
  holdLogins(): void {
    if (!this.#isOver) this.#holdLogins();
  }

  becameQuiet(): void {
    this.#done.resolve("quiet");
  }

  stopped(): void {
    this.#isOver = true;
    this.#done.resolve("stopped");
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#open();
  }
}
