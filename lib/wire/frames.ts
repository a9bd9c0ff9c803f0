import { ProtocolError } from "./errors.ts";
import { MAX_MESSAGE_LENGTH } from "./protocol.ts";
import { readInt32 } from "./read.ts";

/** What {@link FrameReader.next} found. */
export const Frame = {
  /** Nothing more: the next chunk is needed. */
  None: 0,
  /** A whole message, `start` to `end`. */
  Whole: 1,
  /** The beginning of a message too large to be kept: `start` to `end`, the rest follows. */
  Head: 2,
  /** More of the message announced by the last Head, `start` to `end`. */
  More: 3,
} as const;

/**
 * Cuts a stream of bytes into messages without copying what arrives in one piece.
 *
 * A message of up to `keep` bytes is given whole. A larger one is given as a Head of at least
 * `keep` bytes and any number of More, so that no message costs more memory than that.
 * After a result other than None, `bytes`, `start` and `end` are valid until the next call.
 */
export class FrameReader {
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  /** Type byte of the message found last. */
  type = 0;
  /** Whole length of the message found last, with its type byte. */
  length = 0;
  /** Bytes of a Head's message that have not been given yet. */
  remaining = 0;
  #next = 0;
  #limit = 0;

  constructor(readonly keep: number = 64 * 1024) {}

  /** Takes a chunk; it is referred to until its bytes are used up. */
  feed(chunk: Uint8Array): void {
    const left = this.#limit - this.#next;
    if (left === 0) {
      this.bytes = chunk;
    } else {
      const joined = Buffer.allocUnsafe(left + chunk.length);
      joined.set(this.bytes.subarray(this.#next, this.#limit), 0);
      joined.set(chunk, left);
      this.bytes = joined;
    }
    this.#next = 0;
    this.#limit = this.bytes.length;
  }

  /** Bytes that have come and belong to no message given so far. */
  get pending(): number {
    return this.#limit - this.#next;
  }

  /** Whole length of the message that has begun to come, 0 before its header is there. */
  get announced(): number {
    return this.pending < 5 ? 0 : this.length;
  }

  /**
   * Finds the next message.
   *
   * @throws {ProtocolError} when a length is below 4 or above what PostgreSQL accepts.
   */
  next(): number {
    const have = this.#limit - this.#next;
    if (this.remaining > 0) {
      if (have === 0) return this.#none();
      const take = Math.min(have, this.remaining);
      this.start = this.#next;
      this.end = this.#next += take;
      this.remaining -= take;
      return Frame.More;
    }
    if (have < 5) return this.#none();
    const at = this.#next;
    const body = readInt32(this.bytes, at + 1);
    if (body < 4 || body > MAX_MESSAGE_LENGTH) {
      throw new ProtocolError(`invalid message length ${body}`);
    }
    const whole = body + 1;
    this.type = this.bytes[at];
    this.length = whole;
    if (have >= whole) {
      this.start = at;
      this.end = this.#next = at + whole;
      return Frame.Whole;
    }
    if (whole <= this.keep || have < this.keep) return this.#none();
    this.start = at;
    this.end = this.#next = this.#limit;
    this.remaining = whole - have;
    return Frame.Head;
  }

  /** Gives the message found last again at the next call. */
  unread(): void {
    this.#next = this.start;
    this.remaining = 0;
  }

  /** Takes all bytes that are left away, as when the connection is no longer ours to read. */
  takeRest(): Uint8Array {
    const rest = this.bytes.subarray(this.#next, this.#limit);
    this.#next = this.#limit = 0;
    this.bytes = EMPTY;
    return rest;
  }

  #none(): number {
    // An idle connection must not hold on to the chunk its last message came in.
    if (this.#next === this.#limit) {
      this.bytes = EMPTY;
      this.#next = this.#limit = 0;
    }
    return Frame.None;
  }
}

const EMPTY = new Uint8Array(0);
