import { accessSync, closeSync, constants, ftruncateSync, openSync, unlinkSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { ProcessError, systemText } from "./errors.ts";
import { figureCells, SharedFigures } from "./statistics/figures.ts";

/**
 * Layout, in bytes:
 *
 *     0      header, 64 bytes of Int32: magic, number of workers, number of slots
 *     64     per worker 64 bytes of Int32: clients that wait for a slot
 *     then   figures of all processes, as Float64 (statistics/figures.ts)
 *     then   per slot one Int32: 0 when free, else the number of the worker that has taken it
 *
 * A slot names its owner, so that the slots of a worker that died can be given back exactly.
 */
const MAGIC = 0x70677031;
const HEADER_BYTES = 64;
const WORKER_BYTES = 64;

/** Slots beyond this are not provided for: the memory of a machine ends far below. */
const MAX_SLOTS = 4_000_000;

/** Memory that the supervisor and all workers see, held by a file without a name. */
export interface SharedFile {
  /** Descriptor to hand to workers. */
  readonly fd: number;
  readonly counters: SharedCounters;
  close(): void;
}

/**
 * Creates the memory for some workers and client slots.
 *
 * @param workDir where to put it when there is no /dev/shm.
 * @throws {ProcessError}
 */
export function createSharedMemory(workers: number, slots: number, workDir: string): SharedFile {
  const count = Math.min(slots, MAX_SLOTS);
  const size = HEADER_BYTES + workers * WORKER_BYTES + figureCells(workers) * 8 + count * 4;
  const path = join(isWritable("/dev/shm") ? "/dev/shm" : workDir, name());
  let fd: number;
  try {
    fd = openSync(path, "wx+", 0o600);
  } catch (cause) {
    throw new ProcessError(
      `could not create shared memory file "${path}"`,
      systemText(cause),
      "pgpool's user has to be able to write to /dev/shm or work_dir.",
      { cause },
    );
  }
  // Without a name there is nothing to be left behind, whatever happens to us.
  unlinkSync(path);
  ftruncateSync(fd, size);
  const words = new Int32Array(map(sharedMemoryPath(fd)), 0, HEADER_BYTES / 4);
  words[1] = workers;
  words[2] = count;
  words[0] = MAGIC;
  return { fd, counters: new SharedCounters(sharedMemoryPath(fd), 0), close: () => closeSync(fd) };
}

/** The name under which a process finds memory behind one of its own descriptors. */
export function sharedMemoryPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** Figures and client slots, exact over all processes. */
export class SharedCounters {
  readonly figures: SharedFigures;
  readonly #slots: Int32Array;
  readonly #workers: Int32Array;
  readonly #workerCount: number;
  /** Where the search for a free slot begins. */
  #hint = 0;

  /**
   * Opens memory that the supervisor has created.
   *
   * @param path see {@link sharedMemoryPath}.
   * @param worker number of this worker, 0 in the supervisor.
   */
  constructor(path: string, readonly worker: number) {
    const memory = map(path);
    const header = new Int32Array(memory, 0, HEADER_BYTES / 4);
    const [magic, workers = 0, slots = 0] = header;
    if (magic !== MAGIC) throw new ProcessError("shared memory is not what it should be");
    this.#workerCount = workers;
    this.#workers = new Int32Array(memory, HEADER_BYTES, workers * WORKER_BYTES / 4);
    const figures = HEADER_BYTES + workers * WORKER_BYTES;
    const cells = figureCells(workers);
    this.figures = new SharedFigures(new Float64Array(memory, figures, cells), worker);
    this.#slots = new Int32Array(memory, figures + cells * 8, slots);
  }

  /**
   * Takes a slot for a client of this worker.
   *
   * @param limit how many of the slots may be used.
   * @returns the slot, or -1 when all are taken.
   */
  tryAcquireSlot(limit: number): number {
    const usable = Math.min(limit, this.#slots.length);
    for (let tried = 0; tried < usable; tried++) {
      const slot = (this.#hint + tried) % usable;
      if (Atomics.compareExchange(this.#slots, slot, 0, this.worker) !== 0) continue;
      this.#hint = slot + 1;
      return slot;
    }
    return -1;
  }

  /** Gives back a slot of this worker. */
  releaseSlot(slot: number): void {
    Atomics.compareExchange(this.#slots, slot, this.worker, 0);
    this.#hint = slot;
  }

  /** Gives back all slots of a worker that is gone, and forgets its sessions and waiting clients. */
  reclaim(worker: number): number {
    let count = 0;
    for (let slot = 0; slot < this.#slots.length; slot++) {
      if (Atomics.compareExchange(this.#slots, slot, worker, 0) === worker) count++;
    }
    Atomics.store(this.#workers, this.#waitingAt(worker), 0);
    this.figures.forgetState(worker);
    return count;
  }

  slotsInUse(): number {
    return this.slotsByWorker().reduce((sum, slots) => sum + slots, 0);
  }

  /** Slots that each worker has taken, by its number. */
  slotsByWorker(): number[] {
    const taken = Array.from({ length: this.#workerCount + 1 }, () => 0);
    for (let slot = 0; slot < this.#slots.length; slot++) taken[Atomics.load(this.#slots, slot)]++;
    taken[0] = 0;
    return taken;
  }

  /** Tells everybody how many clients of this worker wait for a slot. */
  setWaiting(clients: number): void {
    Atomics.store(this.#workers, this.#waitingAt(this.worker), clients);
  }

  /** Clients of a worker that wait for a slot. */
  waiting(worker: number): number {
    return Atomics.load(this.#workers, this.#waitingAt(worker));
  }

  /** Clients that wait for a slot, over all workers. */
  allWaiting(): number {
    let sum = 0;
    for (let worker = 1; worker <= this.#workerCount; worker++) sum += this.waiting(worker);
    return sum;
  }

  #waitingAt(worker: number): number {
    return (worker - 1) * WORKER_BYTES / 4;
  }
}

function map(path: string): ArrayBuffer {
  return Bun.mmap(path, { shared: true }).buffer;
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function name(): string {
  return `pgpool.${process.pid}.${randomBytes(6).toString("hex")}`;
}
