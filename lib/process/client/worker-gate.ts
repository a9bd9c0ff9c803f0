import type { TransactionGate } from "../../session/holding.ts";
import type { ErrorFields } from "../../wire/build.ts";
import type { GateState } from "../messages.ts";
import type { Client } from "./client.ts";

/** What the gate of a worker goes by. */
export interface WorkerGateOptions {
  readonly clients: ReadonlySet<Client>;
  /** Logins that have been let in and have not become clients yet. */
  readonly loggingIn: () => number;
  /** Nothing that the gate waits for is left in this worker; `closing` says which time it closed. */
  readonly tellQuiet: (closing: number) => void;
  /** The gate has been closed, opened or changed. */
  readonly onChange: () => void;
}

/** A worker's side of the gate that the supervisor closes and opens (lib/process/gate.ts). */
export class WorkerGate implements TransactionGate {
  readonly #options: WorkerGateOptions;
  readonly #busy = new Set<Client>();
  #state: GateState;
  #isQuietTold = false;

  constructor(state: GateState, options: WorkerGateOptions) {
    this.#state = state;
    this.#options = options;
  }

  /** New transactions have to wait. */
  get closed(): boolean {
    return this.#state.kind === "transactions";
  }

  get state(): GateState {
    return this.#state;
  }

  /** The clients that are there have to leave: client_idle_limit_in_recovery counts. */
  get emptiesPool(): boolean {
    return this.#state.kind === "clients";
  }

  set(state: GateState): void {
    const before = this.#state;
    this.#state = state;
    const isSame = before.kind !== "open" && state.kind !== "open" &&
      before.closing === state.closing;
    if (!isSame) this.#begin();
    this.#options.onChange();
    if (!this.closed) {
      for (const client of [...this.#options.clients]) client.session.resume("end of a pause");
    }
    this.check();
  }

  /** Nothing runs in the client's session any more, or the client is gone. */
  settled(client: Client): void {
    this.#busy.delete(client);
    this.check();
  }

  /** Ends the sessions that still run something, with this error. */
  endBusy(error: ErrorFields): void {
    for (const client of [...this.#busy]) client.terminate(error);
  }

  /** Tells the supervisor once when there is nothing left to wait for. */
  check(): void {
    const state = this.#state;
    if (state.kind === "open" || this.#isQuietTold) return;
    const { clients, loggingIn } = this.#options;
    const isQuiet = state.kind === "transactions"
      ? this.#busy.size === 0
      : clients.size === 0 && loggingIn() === 0;
    if (!isQuiet) return;
    this.#isQuietTold = true;
    this.#options.tellQuiet(state.closing);
  }

  #begin(): void {
    this.#isQuietTold = false;
    this.#busy.clear();
    if (!this.closed) return;
    for (const client of this.#options.clients) this.#busy.add(client);
    for (const client of [...this.#busy]) client.session.holding.settle();
  }
}
