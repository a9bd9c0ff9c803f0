import { type ByteStream, LINGER_MS, type TlsInfo } from "./stream.ts";
import { WriteQueue } from "./write-queue.ts";

/** Streams written to during the present wake-up; one microtask sends for all of them. */
let dirty: BaseStream[] = [];
let spare: BaseStream[] = [];

function sendDirty(): void {
  const streams = dirty;
  dirty = spare;
  spare = [];
  for (const stream of streams) stream.sendScheduled();
  streams.length = 0;
  spare = streams;
}

/** What all streams have in common: the queue of writes, handlers, pausing and the order of it all. */
export abstract class BaseStream implements ByteStream {
  abstract readonly remoteHost: string;
  abstract readonly remotePort: number;
  abstract readonly isUnix: boolean;
  tls: TlsInfo | undefined = undefined;

  readonly #queue = new WriteQueue();
  #scheduled = false;
  /** The socket has refused bytes; it tells when it takes more. */
  #blocked = false;
  #ending = false;
  #closed = false;
  #paused = false;
  #linger: ReturnType<typeof setTimeout> | undefined;

  #onData: ((chunk: Uint8Array) => void) | undefined;
  #onClose: ((error?: Error) => void) | undefined;
  onDrain: () => void = () => {};
  /** Chunks that came while nobody wanted them: before the first handler, or paused. */
  #held: Uint8Array[] = [];
  #closeTold = false;
  #error: Error | undefined;

  /** Hands bytes to the socket (see ByteSink.send). */
  abstract send(bytes: Uint8Array, offset: number, length: number): number;
  /** Closes the socket after what it has taken. */
  protected abstract closeSocket(): void;
  /** Closes the socket whatever it still holds. */
  protected abstract abortSocket(): void;
  protected abstract pauseSocket(): void;
  protected abstract resumeSocket(): void;

  get buffered(): number {
    return this.#queue.bytes;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get onData(): (chunk: Uint8Array) => void {
    return this.#onData ?? (() => {});
  }

  set onData(handler: (chunk: Uint8Array) => void) {
    this.#onData = handler;
    if (this.#held.length > 0) queueMicrotask(() => this.#deliver());
  }

  get onClose(): (error?: Error) => void {
    return this.#onClose ?? (() => {});
  }

  set onClose(handler: (error?: Error) => void) {
    this.#onClose = handler;
    if (this.#closed && !this.#closeTold) queueMicrotask(() => this.#deliver());
  }

  write(bytes: Uint8Array): void {
    if (this.#closed || this.#ending) return;
    this.#queue.push(bytes);
    if (this.#scheduled || this.#blocked) return;
    this.#scheduled = true;
    if (dirty.push(this) === 1) queueMicrotask(sendDirty);
  }

  flush(): void {
    if (!this.#blocked && !this.#closed) this.#send();
  }

  /** End of a wake-up: everything written during it leaves. */
  sendScheduled(): void {
    this.#scheduled = false;
    this.flush();
  }

  pause(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.pauseSocket();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#closed) this.resumeSocket();
    if (this.#held.length > 0 || this.#closed) queueMicrotask(() => this.#deliver());
  }

  end(): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    this.flush();
    if (this.#closed) return;
    if (this.#queue.bytes === 0) this.closeSocket();
    else this.#linger = setTimeout(() => this.destroy(), LINGER_MS);
  }

  destroy(): void {
    if (this.#closed) return;
    this.#held = [];
    this.abortSocket();
    this.gone(undefined);
  }

  /** Bytes have arrived. */
  protected received(chunk: Uint8Array): void {
    if (this.#paused || this.#onData === undefined || this.#held.length > 0) {
      this.#held.push(chunk);
      if (!this.#paused && this.#onData !== undefined) queueMicrotask(() => this.#deliver());
      return;
    }
    if (this.#ending) return;
    try {
      this.#onData(chunk);
    } catch (error) {
      this.broken(asError(error));
    }
  }

  /** The socket takes bytes again. */
  protected drained(): void {
    if (this.#closed) return;
    this.#send();
  }

  /** The connection can not be used any more. */
  protected broken(error: Error): void {
    if (this.#closed) return;
    this.#error ??= error;
    this.abortSocket();
    this.gone(error);
  }

  /** The socket has closed. */
  protected gone(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error ??= error;
    this.#queue.clear();
    clearTimeout(this.#linger);
    queueMicrotask(() => this.#deliver());
  }

  /** Another stream has taken over the socket: this one is closed and tells nobody. */
  protected abandon(): void {
    this.#closed = true;
    this.#closeTold = true;
    this.#held = [];
    this.#queue.clear();
  }

  #send(): void {
    const wasBlocked = this.#blocked;
    this.#blocked = !this.#queue.flush(this);
    if (this.#blocked || this.#closed) return;
    if (this.#ending) {
      clearTimeout(this.#linger);
      if (wasBlocked) this.closeSocket();
      return;
    }
    if (wasBlocked) queueMicrotask(() => this.#tellDrained());
  }

  #tellDrained(): void {
    if (this.#closed || this.#blocked) return;
    try {
      this.onDrain();
    } catch (error) {
      this.broken(asError(error));
    }
  }

  /** Hands over what was held back, in order: data first, then the close. */
  #deliver(): void {
    try {
      while (!this.#paused && this.#onData !== undefined && this.#held.length > 0) {
        const chunk = this.#held.shift();
        if (chunk !== undefined && !this.#ending) this.#onData(chunk);
      }
    } catch (error) {
      this.#held = [];
      this.broken(asError(error));
    }
    const waiting = this.#held.length > 0 && (this.#paused || this.#onData === undefined);
    if (!this.#closed || this.#closeTold || waiting || this.#onClose === undefined) return;
    this.#closeTold = true;
    this.#onClose(this.#error);
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
