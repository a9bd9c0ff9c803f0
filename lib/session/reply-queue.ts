import type { InternalQuery } from "./internal-query.ts";
import type { Prepared } from "./prepared.ts";

/** What a message sent to a server is answered with, and so what ends its entry in the queue. */
export const Expect = {
  /** Query: everything up to ReadyForQuery. */
  Query: 0,
  /** FunctionCall: everything up to ReadyForQuery. */
  Function: 1,
  /** Sync: ReadyForQuery. */
  Sync: 2,
  /** Parse: ParseComplete. */
  Parse: 3,
  /** Bind: BindComplete. */
  Bind: 4,
  /** Describe of a statement or portal: RowDescription or NoData. */
  Describe: 5,
  /** Execute: CommandComplete, EmptyQueryResponse or PortalSuspended. */
  Execute: 6,
  /** Close: CloseComplete. */
  Close: 7,
  /** A query of pgpool's own: rows are collected, nothing is shown to the client. */
  Internal: 8,
  /** CopyDone or CopyFail sent before the copy began: answered by nothing, but Sync counts again. */
  CopyEnd: 9,
} as const;

/** Who sees the answer to a message. */
export const Show = {
  /** The client sees all of it. */
  All: 0,
  /** Dropped: a follower's answer, or that to a message of pgpool's own. */
  Nothing: 1,
  /** Dropped unless it is an error, which takes the place of the answer the client waits for. */
  Error: 2,
} as const;

/** What belongs to an entry beside its kind. */
export type ReplyContext = Prepared | InternalQuery | undefined;

/**
 * The answers one server still owes, oldest first. Kind and visibility are kept in one small
 * integer each, so that a message costs no object.
 */
export class ReplyQueue {
  #codes: number[] = [];
  #contexts: ReplyContext[] = [];
  #head = 0;

  get length(): number {
    return this.#codes.length - this.#head;
  }

  push(expect: number, show: number, context?: ReplyContext): void {
    // Where nothing is owed there is no copy that could end.
    if (expect === Expect.CopyEnd && this.length === 0) return;
    this.#codes.push(expect | (show << 4));
    this.#contexts.push(context);
  }

  /** Puts entries before all others: what is sent first on a connection that was just opened. */
  prepend(count: number, expect: number, show: number): void {
    this.#codes.splice(this.#head, 0, ...Array.from({ length: count }, () => expect | (show << 4)));
    this.#contexts.splice(this.#head, 0, ...Array.from({ length: count }, () => undefined));
  }

  /** Kind of the oldest entry, one of {@link Expect}, or -1 when nothing is owed. */
  get expect(): number {
    return this.#head < this.#codes.length ? this.#codes[this.#head] & 15 : -1;
  }

  /** Visibility of the oldest entry, one of {@link Show}. */
  get show(): number {
    return this.#head < this.#codes.length ? this.#codes[this.#head] >> 4 : Show.All;
  }

  get context(): ReplyContext {
    return this.#contexts[this.#head];
  }

  /** Whether an answer of this kind is owed, be others owed before it or not. */
  owes(expect: number): boolean {
    return this.#codes.some((code, at) => at >= this.#head && (code & 15) === expect);
  }

  /** Removes the oldest entry. */
  shift(): void {
    do {
      this.#contexts[this.#head] = undefined;
      this.#head++;
    } while (this.#head < this.#codes.length && (this.#codes[this.#head] & 15) === Expect.CopyEnd);
    if (this.#head === this.#codes.length) {
      this.#codes.length = 0;
      this.#contexts.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024) {
      this.#codes.splice(0, this.#head);
      this.#contexts.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** Whether the end of the copy that the oldest entry has begun was sent already. */
  copyEnds(): boolean {
    return this.#codes.findIndex((code, at) => at > this.#head && (code & 15) === Expect.CopyEnd) >
      0;
  }

  /**
   * Removes the first Sync after the oldest entry, as the server does that reads it while it
   * copies data in. Returns its visibility, or -1 when the copy ends before one.
   */
  dropSyncAfterHead(): number {
    for (let i = this.#head + 1; i < this.#codes.length; i++) {
      const expect = this.#codes[i] & 15;
      if (expect === Expect.CopyEnd) {
        this.#codes.splice(i, 1);
        this.#contexts.splice(i, 1);
        return -1;
      }
      if (expect === Expect.Sync) {
        const show = this.#codes[i] >> 4;
        this.#codes.splice(i, 1);
        this.#contexts.splice(i, 1);
        return show;
      }
    }
    return -1;
  }
}
