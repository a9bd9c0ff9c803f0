import type { ErrorFields } from "../wire/build.ts";
import { LoginFailed } from "./client/login-failed.ts";
import type { SharedCounters } from "./shared-memory.ts";
import { WaitEnded, WaitingRoom } from "./waiting-room.ts";

/** The parameters that decide how many clients are served; they may change at any time. */
export interface AdmissionLimits {
  readonly num_init_children: number;
  /** Above 0, clients beyond num_init_children - reserved_connections are refused at once. */
  readonly reserved_connections: number;
  /** Seconds, 0 to wait for ever. */
  readonly client_queue_timeout: number;
}

/** While clients wait, free slots are looked for this often even when nobody tells of any. */
const LOOK_AGAIN_MS = 1000;

/**
 * The clients of one worker that are served, and those that wait until one of the client slots
 * of all workers is free, first come first served within a worker.
 */
export class Admission {
  readonly #counters: SharedCounters;
  readonly #limits: () => AdmissionLimits;
  readonly #tellFree: () => void;
  /** Slots taken by this worker's clients; which client has which does not matter. */
  readonly #slots: number[] = [];
  readonly #queue = new WaitingRoom((size) => this.#queueChanged(size));
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param tellFree called when a slot became free while clients of other workers wait. */
  constructor(counters: SharedCounters, limits: () => AdmissionLimits, tellFree: () => void) {
    this.#counters = counters;
    this.#limits = limits;
    this.#tellFree = tellFree;
  }

  get served(): number {
    return this.#slots.length;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Waits for a place. Every call that succeeds has to be followed by one of {@link release}.
   *
   * @param signal ends the wait of a client that is gone.
   * @throws {LoginFailed} 53300, at once or when client_queue_timeout is over.
   * @throws {WaitEnded}
   */
  async admit(signal?: AbortSignal): Promise<void> {
    if (this.#queue.closed || signal?.aborted) throw new WaitEnded("client left the queue");
    const { figures } = this.#counters;
    if (this.#queue.size === 0 && this.#take()) return figures.waitedForSlot(0);
    if (this.#limits().reserved_connections > 0) throw new LoginFailed(TOO_MANY);
    const seconds = this.#limits().client_queue_timeout;
    const late = () => new LoginFailed(waitedFor(seconds));
    const began = performance.now();
    await this.#queue.wait({ signal, milliseconds: seconds * 1000, late });
    figures.waitedForSlot(performance.now() - began);
  }

  /** A client that was admitted is gone. */
  release(): void {
    const slot = this.#slots.pop();
    if (slot === undefined) return;
    const own = this.#queue.size;
    if (own > 0 && this.#counters.allWaiting() === own) {
      this.#slots.push(slot);
      this.#queue.next();
      return;
    }
    this.#counters.releaseSlot(slot);
    // The supervisor picks whose turn it is, so that no worker's clients wait for ever.
    if (this.#counters.allWaiting() > 0) this.#tellFree();
  }

  /** A slot may be free: lets waiting clients in. */
  wake(): void {
    while (this.#queue.size > 0 && this.#take()) this.#queue.next();
  }

  /** Sends everybody away who waits or comes later, because the worker stops. */
  close(): void {
    this.#queue.close();
  }

  #take(): boolean {
    const { num_init_children: slots, reserved_connections: reserved } = this.#limits();
    const slot = this.#counters.tryAcquireSlot(Math.max(1, slots - reserved));
    if (slot < 0) return false;
    this.#slots.push(slot);
    return true;
  }

  #queueChanged(size: number): void {
    this.#counters.setWaiting(size);
    if (size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else {
      this.#timer ??= setInterval(() => this.wake(), LOOK_AGAIN_MS);
    }
  }
}

/** Pgpool-II's answer when reserved_connections are left (parameters.md, reserved_connections). */
const TOO_MANY: ErrorFields = {
  severity: "FATAL",
  sqlstate: "53300",
  message: "Sorry, too many clients already",
};

function waitedFor(seconds: number): ErrorFields {
  return {
    ...TOO_MANY,
    detail: `No client slot became free within ${seconds} seconds (client_queue_timeout).`,
    hint: "Try again later, or have num_init_children raised.",
  };
}
