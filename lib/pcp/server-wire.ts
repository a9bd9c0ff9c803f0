import type { ByteStream } from "../net/stream.ts";

/** So much of what a client says ahead is kept; then its socket is read no more. */
const MOST_AHEAD = 16 * 1024;
/** So much of an answer waits in memory for a client that reads slowly. */
const MOST_QUEUED = 64 * 1024;
/** Longest time for a client to take what is queued for it, in milliseconds. */
const TAKE_MS = 60_000;

/** The connection is over, because the client has left, or for a reason worth a line in the log. */
export class ConnectionOver extends Error {
  override readonly name = "ConnectionOver";

  constructor(readonly reason: string = "") {
    super(reason);
  }
}

/** Takes a client's bytes and tells how many it has not used yet. */
export interface Inbox {
  readonly pending: number;
  feed(chunk: Uint8Array): void;
}

/** The bytes of one client, with limits for memory and time. */
export class PcpWire {
  readonly #stream: ByteStream;
  readonly #inbox: Inbox;
  #wake: () => void = () => {};

  constructor(stream: ByteStream, inbox: Inbox) {
    this.#stream = stream;
    this.#inbox = inbox;
    stream.onData = (chunk) => {
      inbox.feed(chunk);
      if (inbox.pending > MOST_AHEAD) stream.pause();
      this.#wake();
    };
    stream.onDrain = () => this.#wake();
    stream.onClose = () => this.#wake();
  }

  /**
   * Waits for more bytes of the client.
   *
   * @param limitMs 0 for no limit
   * @param what that the client owes, for the log
   * @throws {ConnectionOver}
   */
  async more(limitMs: number, what: string): Promise<void> {
    const before = this.#inbox.pending;
    this.#stream.resume();
    const hasMore = () => this.#inbox.pending > before;
    await this.#until(hasMore, limitMs, `The client took too long for ${what}.`);
  }

  send(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  /** Sends, and waits as long as the client does not keep up. @throws {ConnectionOver} */
  async sendSlowly(bytes: Uint8Array): Promise<void> {
    this.#stream.write(bytes);
    if (this.#stream.buffered <= MOST_QUEUED) return;
    this.#stream.flush();
    const isTaken = () => this.#stream.buffered <= MOST_QUEUED;
    await this.#until(isTaken, TAKE_MS, "The client does not take its answer.");
  }

  /** Lets time go by as long as the client is there. @throws {ConnectionOver} */
  async pause(milliseconds: number): Promise<void> {
    const ends = performance.now() + milliseconds;
    const timer = setTimeout(() => this.#wake(), milliseconds);
    try {
      await this.#until(() => performance.now() >= ends, 0, "");
    } finally {
      clearTimeout(timer);
    }
  }

  async #until(condition: () => boolean, limitMs: number, reason: string): Promise<void> {
    let isLate = false;
    const timer = limitMs === 0 ? undefined : setTimeout(() => {
      isLate = true;
      this.#wake();
    }, limitMs);
    try {
      while (!condition()) {
        if (this.#stream.closed) throw new ConnectionOver();
        if (isLate) throw new ConnectionOver(reason);
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
    } finally {
      clearTimeout(timer);
      this.#wake = () => {};
    }
  }
}
