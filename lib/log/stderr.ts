import type { LogRecord, LogSink } from "./record.ts";
import { nonBlockingWriter } from "./descriptor.ts";
import type { DescriptorWriter } from "./descriptor.ts";

/** Bytes that may wait for a destination that takes none at the moment. */
const pendingLimit = 256 * 1024;
/** Milliseconds until a destination that took nothing is tried again. */
const retryDelay = 50;

/**
 * Writes text lines to a descriptor, standard error by default. When the reader is slow, up to
 * 256 kB wait; when there is none, or the disk is full, lines are dropped and counted, and the
 * count is told in one line when writing works again.
 */
export class StderrSink implements LogSink {
  readonly #writer: DescriptorWriter;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #retryPlanned = false;
  #lostSinceReport = 0;
  #lostReason = "";
  #lost = 0;

  constructor(writer: DescriptorWriter = nonBlockingWriter(2)) {
    this.#writer = writer;
  }

  /** How many messages were dropped since the start. */
  get lost(): number {
    return this.#lost;
  }

  write(_record: LogRecord, text: () => string): void {
    const bytes = new TextEncoder().encode(text());
    if (this.#pendingBytes + bytes.length > pendingLimit && this.#pending.length > 0) {
      this.flush();
      if (this.#pendingBytes + bytes.length > pendingLimit) return this.#lose("EAGAIN", 1);
    }
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.flush();
  }

  /** Writes as much of the waiting lines as the destination takes now. */
  flush(): void {
    for (let next = this.#pending[0]; next; next = this.#pending[0]) {
      const result = this.#writer.write(next);
      if (result.state === "failed") return this.#dropPending(result.reason);
      if (result.state === "full" || result.written === 0) return this.#planRetry();
      this.#pendingBytes -= result.written;
      if (result.written < next.length) {
        this.#pending[0] = next.subarray(result.written);
        return this.#planRetry();
      }
      this.#pending.shift();
    }
    this.#reportLost();
  }

  close(): void {
    this.flush();
    this.#writer.close();
  }

  #planRetry(): void {
    if (this.#retryPlanned) return;
    this.#retryPlanned = true;
    setTimeout(() => {
      this.#retryPlanned = false;
      this.flush();
    }, retryDelay).unref();
  }

  #dropPending(reason: string): void {
    this.#lose(reason, this.#pending.length);
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #lose(reason: string, count: number): void {
    this.#lost += count;
    this.#lostSinceReport += count;
    this.#lostReason = reason;
  }

  #reportLost(): void {
    if (this.#lostSinceReport === 0) return;
    const text = `WARNING:  ${this.#lostSinceReport} log messages were lost because the log ` +
      `could not be written (${this.#lostReason})\n`;
    const result = this.#writer.write(new TextEncoder().encode(text));
    if (result.state === "written") this.#lostSinceReport = 0;
  }
}
