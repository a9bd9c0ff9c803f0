import type { ByteStream } from "../net/stream.ts";
import { ProtocolError } from "../wire/errors.ts";
import { Frame, FrameReader } from "../wire/frames.ts";

/** One message taken whole. */
export interface Message {
  readonly type: number;
  readonly body: Uint8Array;
}

/** The peer closed the connection while a message was waited for. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
}

/** Nothing came in time. */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/**
 * A connection during its login, when one message at a time is waited for. It owns the stream's
 * handlers until {@link detach}.
 */
export class MessageStream {
  readonly #reader: FrameReader;
  #wake: (() => void) | undefined;
  #closed: Error | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Milliseconds left when the clock was last started or stopped. */
  #left: number;
  #endsAt = 0;
  #gone: AbortController | undefined;

  /**
   * @param deadlineMs time for everything up to detach, 0 for no limit.
   * @param maxLength longest message accepted, in bytes.
   */
  constructor(readonly stream: ByteStream, deadlineMs: number, readonly maxLength: number) {
    this.#reader = new FrameReader(maxLength);
    stream.onData = (chunk) => {
      this.#reader.feed(chunk);
      this.#wake?.();
    };
    stream.onClose = (error) =>
      this.#fail(new ConnectionClosed("connection closed", { cause: error }));
    this.#left = deadlineMs;
    this.startClock();
  }

  /** Milliseconds until the deadline, at least 1; 0 when there is none. */
  get timeLeft(): number {
    if (this.#timer === undefined) return this.#left;
    return Math.max(1, this.#endsAt - Date.now());
  }

  /** What the peer is not to blame for does not count: the deadline moves until startClock. */
  stopClock(): void {
    this.#left = this.timeLeft;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  startClock(): void {
    if (this.#left === 0 || this.#timer !== undefined) return;
    this.#endsAt = Date.now() + this.#left;
    this.#timer = setTimeout(() => this.#fail(new DeadlineExceeded("timeout")), this.#left);
  }

  /** @throws {ConnectionClosed | DeadlineExceeded} when nothing more will come. */
  checkOpen(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  /** Aborted when the peer has closed the connection or the time is over. */
  get gone(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.#closed !== undefined) this.#gone.abort();
    return this.#gone.signal;
  }

  /** The next message. @throws {ProtocolError | ConnectionClosed | DeadlineExceeded} */
  async next(): Promise<Message> {
    for (;;) {
      const found = this.#reader.next();
      if (found === Frame.Whole) {
        const { bytes, start, end, type } = this.#reader;
        if (end - start > this.maxLength) throw new ProtocolError("message is too long");
        return { type, body: bytes.subarray(start + 5, end) };
      }
      // Not only when all of it has come: the peer may never send it.
      if (found !== Frame.None || this.#reader.announced > this.maxLength) {
        throw new ProtocolError("message is too long");
      }
      await this.#more();
    }
  }

  /** Waits for exactly `count` raw bytes to be there and gives all that is. */
  async raw(count: number): Promise<Uint8Array> {
    while (this.#reader.pending < count) await this.#more();
    return this.#reader.takeRest();
  }

  /** Puts bytes taken by {@link raw} back. */
  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#reader.feed(bytes);
  }

  /** Ends the use of the stream and gives what has come beyond the last message. */
  detach(): Uint8Array {
    clearTimeout(this.#timer);
    this.stream.onData = () => {};
    this.stream.onClose = () => {};
    return this.#reader.takeRest();
  }

  #more(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) return reject(this.#closed);
      this.#wake = () => {
        this.#wake = undefined;
        if (this.#closed !== undefined) reject(this.#closed);
        else resolve();
      };
    });
  }

  #fail(error: Error): void {
    this.#closed ??= error;
    clearTimeout(this.#timer);
    this.#gone?.abort();
    this.#wake?.();
  }
}
