import { closeSync, openSync } from "node:fs";
import type { Logger } from "../log/log.ts";
import type { ServedListener } from "./serve.ts";

/** So many descriptors are left to server connections and files while no client is accepted. */
const RESERVE = 4;
/** So many more have to be free before clients are accepted again. */
const ROOM = 4;
/** How long after the last shortage every client that comes is a reason to look, in ms. */
const WARY_MS = 60_000;

/**
 * Keeps listeners from a shortage of descriptors: a connection that waits and cannot be accepted
 * would wake the event loop again and again, and keep a core busy. Nobody is accepted until
 * somebody has left.
 */
export class AcceptGuard {
  readonly #listeners: readonly ServedListener[];
  readonly #logger: Logger;
  readonly #now: () => number;
  /** Kept for the copies of listening sockets that a pause needs. */
  #spare: number | undefined;
  #paused = false;
  #shortAt = -Infinity;

  constructor(listeners: readonly ServedListener[], logger: Logger, now = Date.now) {
    this.#listeners = listeners;
    this.#logger = logger;
    this.#now = now;
    this.#takeSpare();
  }

  /** A connection has come. Costs nothing unless there was a shortage of late. */
  accepted(): void {
    if (this.#now() - this.#shortAt < WARY_MS && freeDescriptors(RESERVE) < RESERVE) this.#pause();
  }

  /** To be called about once a second. */
  tick(): void {
    if (!this.#paused) {
      if (freeDescriptors(1) === 0) this.#pause();
      return;
    }
    if (freeDescriptors(RESERVE + ROOM) < RESERVE + ROOM) return this.#pauseListeners();
    this.#paused = false;
    this.#takeSpare();
    for (const listener of this.#listeners) listener.resume();
  }

  #pause(): void {
    if (this.#paused) return;
    if (this.#now() - this.#shortAt >= WARY_MS) {
      this.#logger.warning("no file descriptor is left in this worker: new clients wait", {
        hint: "Raise the limit of open files (LimitNOFILE of the unit, ulimit -n), " +
          "or lower num_init_children.",
      });
    }
    this.#shortAt = this.#now();
    this.#paused = true;
    if (this.#spare !== undefined) closeSync(this.#spare);
    this.#spare = undefined;
    this.#pauseListeners();
  }

  #pauseListeners(): void {
    for (const listener of this.#listeners) listener.pause();
  }

  #takeSpare(): void {
    this.#spare ??= open();
  }
}

/** How many descriptors this process may still open, counted up to `most`. */
function freeDescriptors(most: number): number {
  const opened: number[] = [];
  while (opened.length < most) {
    const fd = open();
    if (fd === undefined) break;
    opened.push(fd);
  }
  for (const fd of opened) closeSync(fd);
  return opened.length;
}

function open(): number | undefined {
  try {
    return openSync("/dev/null", "r");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "EMFILE" || code === "ENFILE") return undefined;
    throw error;
  }
}
