/** Chunks from this size on are handed to the socket as they are; smaller ones are gathered. */
const ALONE_FROM = 16 * 1024;
const SCRATCH_SIZE = 64 * 1024;

/** Small chunks are gathered here; what a socket does not take is gathered again later. */
const scratch = new Uint8Array(SCRATCH_SIZE);

/** Where the bytes go. */
export interface ByteSink {
  /**
   * Offers `length` bytes from `offset`. They may be overwritten as soon as this returns.
   *
   * @returns how many were taken, a negative number when there is nobody to take them any more.
   */
  send(bytes: Uint8Array, offset: number, length: number): number;
}

/**
 * Bytes that wait for a socket. Small chunks leave together in one system call.
 *
 * TLS libraries want an attempt that was refused to be repeated with the same bytes, and perhaps
 * more behind them. That holds here: chunks only ever join at the end.
 */
export class WriteQueue {
  /** Bytes in the queue. */
  bytes = 0;
  #chunks: Uint8Array[] = [];
  /** First chunk still to be sent, and how much of it is gone. */
  #head = 0;
  #offset = 0;

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
  }

  clear(): void {
    this.#chunks = [];
    this.bytes = this.#head = this.#offset = 0;
  }

  /**
   * Sends until the queue is empty or the socket takes no more.
   *
   * @returns false when something is left.
   */
  flush(sink: ByteSink): boolean {
    while (this.bytes > 0) {
      if (!this.#attempt(sink)) return this.bytes === 0;
    }
    return true;
  }

  /** One attempt; true when the socket took everything offered. */
  #attempt(sink: ByteSink): boolean {
    const first = this.#chunks[this.#head];
    if (first === undefined) return false;
    const rest = first.length - this.#offset;
    if (rest >= ALONE_FROM || rest === this.bytes) {
      return this.#take(sink.send(first, this.#offset, rest), rest);
    }
    const gathered = this.#gather();
    return this.#take(sink.send(scratch, 0, gathered), gathered);
  }

  #gather(): number {
    let filled = 0;
    let offset = this.#offset;
    for (let i = this.#head; i < this.#chunks.length && filled < SCRATCH_SIZE; i++) {
      const chunk = this.#chunks[i];
      if (chunk === undefined) break;
      const count = Math.min(chunk.length - offset, SCRATCH_SIZE - filled);
      scratch.set(chunk.subarray(offset, offset + count), filled);
      filled += count;
      offset = 0;
    }
    return filled;
  }

  /** Removes what was sent. */
  #take(sent: number, offered: number): boolean {
    if (sent < 0) {
      this.clear();
      return false;
    }
    this.bytes -= sent;
    if (this.bytes === 0) {
      this.#chunks.length = this.#head = this.#offset = 0;
      return true;
    }
    let left = sent;
    for (;;) {
      const rest = (this.#chunks[this.#head]?.length ?? 0) - this.#offset;
      if (left < rest) break;
      left -= rest;
      this.#chunks[this.#head] = EMPTY;
      this.#head++;
      this.#offset = 0;
    }
    this.#offset += left;
    if (this.#head > 64 && this.#head * 2 > this.#chunks.length) {
      this.#chunks.splice(0, this.#head);
      this.#head = 0;
    }
    return sent === offered;
  }
}

const EMPTY = new Uint8Array(0);
