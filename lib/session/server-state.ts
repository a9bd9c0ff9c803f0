import { Backend, isPlausibleAnswer, TransactionStatus } from "../wire/protocol.ts";
import { readInt32 } from "../wire/read.ts";
import { InternalQuery } from "./internal-query.ts";
import type { ServerLink } from "./port.ts";
import { Expect, type ReplyContext, ReplyQueue, Show } from "./reply-queue.ts";

/** Messages above this size are passed on piece by piece; only their header is looked at. */
const KEEP = 64 * 1024;

/** What a session learns from the bytes of one server. */
export interface ReplyHandler {
  /** What is to hear of every message of a server, for log_backend_messages. */
  watcher(server: ServerState): ((type: number) => void) | undefined;
  /** Bytes for the client, whole messages or parts of a large one. */
  forward(server: ServerState, bytes: Uint8Array): void;
  /** Whether a message that answers nothing (notice, notification, parameter) is for the client. */
  showsAsync(server: ServerState, type: number): boolean;
  /** Whether an ErrorResponse that answers nothing is for the client. */
  showsUnaskedError(server: ServerState, body: Uint8Array | undefined): boolean;
  parameter(server: ServerState, body: Uint8Array): void;
  /** An ErrorResponse; the body is undefined when it was too large to be kept. */
  error(server: ServerState, body: Uint8Array | undefined, show: number, expect: number): void;
  /** Milliseconds that only grow. */
  clock(): number;
  /** An entry of the queue has been answered, or will never be. */
  settled(server: ServerState, show: number): void;
  /** An entry that the server skips because of an error before it; settled is called as well. */
  skipped(context: ReplyContext): void;
  /** @param took milliseconds that the server owed answers since it was ready before. */
  ready(server: ServerState, status: number, show: number, took: number): void;
  copyIn(server: ServerState): void;
  copyEnded(server: ServerState): void;
  /** The server broke the protocol: it must not be used any further. */
  broken(server: ServerState, reason: string): void;
}

/** One server as one session uses it: what it owes, its transaction, its stream of replies. */
export class ServerState {
  link: ServerLink | undefined;
  readonly replies = new ReplyQueue();
  /** Transaction status of the last ReadyForQuery. */
  status: number = TransactionStatus.Idle;
  /** A BEGIN was sent and no COMMIT or ROLLBACK since. */
  inTransaction = false;
  /** Extended-protocol messages were sent since the last Sync. */
  unsynced = false;
  /** The server waits for CopyData. */
  copying = false;
  /** The client has not said yet that its copy data is complete. */
  wantsCopyData = false;
  /** Something other than queries of pgpool's own has been sent. */
  touched = false;
  /** The client has been sent the beginning of a message that is not complete yet. */
  midMessage = false;
  /** When the server began to owe what it owes, on the handler's clock. */
  owesSince = 0;
  /** Milliseconds it owed something before that, since it was ready. */
  #owedFor = 0;
  #outbox: Uint8Array[] = [];
  /** Messages in the client's bytes that have not been handed on yet. */
  #run: Uint8Array | undefined;
  #runStart = 0;
  #runEnd = 0;
  #stash: Uint8Array | undefined;
  #passing = 0;
  #passingShown = false;
  /** The beginning of such a message that the client has not been sent yet. */
  #head: Uint8Array[] = [];
  #headBytes = 0;

  constructor(readonly node: number, readonly handler: ReplyHandler) {}

  /** Sends a message that will be answered as `expect` says; waits for the connection if need be. */
  send(bytes: Uint8Array, expect: number, show: number, context?: ReplyContext): void {
    this.#owe(expect, show, context);
    this.write(bytes);
  }

  /** The same for a message that stands between two offsets. */
  sendRange(
    bytes: Uint8Array,
    start: number,
    end: number,
    expect: number,
    show: number,
    context?: ReplyContext,
  ): void {
    this.#owe(expect, show, context);
    this.writeRange(bytes, start, end);
  }

  #owe(expect: number, show: number, context: ReplyContext): void {
    if (this.replies.length === 0) this.owesSince = this.handler.clock();
    this.replies.push(expect, show, context);
    if (expect >= Expect.Parse && expect <= Expect.Close) this.unsynced = true;
    else if (expect === Expect.Sync) this.unsynced = false;
    if (expect !== Expect.Internal) this.touched = true;
  }

  /** Sends bytes that are not answered: copy data, Flush. */
  write(bytes: Uint8Array): void {
    this.flushRun();
    this.#write(bytes);
  }

  /**
   * Sends what stands between two offsets. Messages that follow each other in the client's bytes
   * are kept together until {@link flushRun}, so that a pipeline leaves in one piece.
   */
  writeRange(bytes: Uint8Array, start: number, end: number): void {
    if (this.#run === bytes && this.#runEnd === start) {
      this.#runEnd = end;
      return;
    }
    this.flushRun();
    this.#run = bytes;
    this.#runStart = start;
    this.#runEnd = end;
  }

  /** Sends the messages that were kept together. */
  flushRun(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    this.#write(
      this.#runEnd - this.#runStart === run.length
        ? run
        : run.subarray(this.#runStart, this.#runEnd),
    );
  }

  #write(bytes: Uint8Array): void {
    if (this.link === undefined) this.#outbox.push(bytes);
    else this.link.write(bytes);
  }

  /** The connection is there; `preamble` are Query messages that bring it to the session's state. */
  opened(link: ServerLink, preamble: readonly Uint8Array[] = []): void {
    this.link = link;
    this.replies.prepend(preamble.length, Expect.Query, Show.Nothing);
    for (const bytes of preamble) link.write(bytes);
    if (preamble.length > 0) this.touched = true;
    for (const bytes of this.#outbox) link.write(bytes);
    this.#outbox = [];
  }

  /** Nothing is owed, half sent or half received, no transaction is open. */
  get clean(): boolean {
    return this.replies.length === 0 && !this.unsynced && !this.copying &&
      this.#stash === undefined && this.#passing === 0;
  }

  /** Takes bytes from the server. */
  receive(chunk: Uint8Array): void {
    const bytes = this.#stash === undefined ? chunk : Buffer.concat([this.#stash, chunk]);
    this.#stash = undefined;
    const end = bytes.length;
    const watch = this.handler.watcher(this);
    if (this.#headBytes > 0 && !this.#passHead(bytes)) return;
    let at = 0;
    // Messages that go to the client one after the other are sent as one run.
    let run = -1;
    while (at < end) {
      if (this.#passing > 0) {
        const take = Math.min(this.#passing, end - at);
        if (this.#passingShown && run < 0) run = at;
        at += take;
        this.#passing -= take;
        if (this.#passing === 0) this.midMessage = false;
        continue;
      }
      if (end - at < 5) break;
      const type = bytes[at];
      const length = readInt32(bytes, at + 1);
      if (!isPlausibleAnswer(type, length)) {
        if (run >= 0) this.handler.forward(this, bytes.subarray(run, at));
        this.handler.broken(this, `message of type ${type} with length ${length}`);
        return;
      }
      const next = at + length + 1;
      const isRow = type === Backend.DataRow || type === Backend.CopyData;
      const internal = this.replies.expect === Expect.Internal;
      if (next > end && (!isRow || internal) && length < KEEP) break;
      if (watch !== undefined && !internal) {
        // A client that is told of the message is told so before it comes.
        if (run >= 0) this.handler.forward(this, bytes.subarray(run, at));
        run = -1;
        watch(type);
      }
      const shown = isRow && !internal
        ? this.replies.show === Show.All
        : this.#take(type, next <= end ? bytes.subarray(at + 5, next) : undefined);
      if (shown) {
        if (run < 0) run = at;
      } else if (run >= 0) {
        this.handler.forward(this, bytes.subarray(run, at));
        run = -1;
      }
      if (next > end) {
        this.#passing = next - end;
        this.#passingShown = shown;
        this.midMessage = shown && length >= KEEP;
        if (shown && length < KEEP) {
          if (run < at) this.handler.forward(this, bytes.subarray(run, at));
          run = -1;
          this.#holdHead(bytes.subarray(at));
        }
        at = end;
      } else {
        at = next;
      }
    }
    if (run >= 0) this.handler.forward(this, bytes.subarray(run, at));
    if (at < end) this.#stash = bytes.subarray(at);
  }

  /**
   * Keeps the beginning of a message until all of it has come, so that a client whose server is
   * lost meanwhile can still be sent an error.
   */
  #holdHead(bytes: Uint8Array): void {
    this.#head.push(bytes);
    this.#headBytes += bytes.length;
  }

  /** Hands on what was held, if the chunk has the rest of the message; else holds all of that too. */
  #passHead(chunk: Uint8Array): boolean {
    if (chunk.length < this.#passing) {
      this.#passing -= chunk.length;
      this.#holdHead(chunk);
      return false;
    }
    for (const bytes of this.#head) this.handler.forward(this, bytes);
    this.#head = [];
    this.#headBytes = 0;
    return true;
  }

  /** Handles one message and says whether the client sees it. */
  #take(type: number, body: Uint8Array | undefined): boolean {
    const { replies } = this;
    const expect = replies.expect;
    const show = replies.show;
    const shown = expect >= 0 && show === Show.All;
    switch (type) {
      case Backend.ReadyForQuery:
        return this.#ready(body, expect, show, shown);
      case Backend.ErrorResponse:
        return this.#error(body, expect, show);
      case Backend.NoticeResponse:
      case Backend.NotificationResponse:
        return shown || this.handler.showsAsync(this, type);
      case Backend.ParameterStatus:
        if (body !== undefined) this.handler.parameter(this, body);
        return this.handler.showsAsync(this, type);
      case Backend.ParseComplete:
        return this.#ends(Expect.Parse, expect, show, shown);
      case Backend.BindComplete:
        return this.#ends(Expect.Bind, expect, show, shown);
      case Backend.CloseComplete:
        return this.#ends(Expect.Close, expect, show, shown);
      case Backend.NoData:
        return this.#ends(Expect.Describe, expect, show, shown);
      case Backend.RowDescription:
        if (expect === Expect.Describe) this.#settle(show);
        return shown;
      case Backend.CommandComplete:
      case Backend.EmptyQueryResponse:
      case Backend.PortalSuspended:
        if (this.copying) this.#copyEnded();
        if (expect === Expect.Execute) this.#settle(show);
        return shown;
      case Backend.CopyInResponse:
        this.copying = true;
        this.wantsCopyData = !replies.copyEnds();
        // What was sent behind the statement is read as part of the copy, and Sync ignored.
        for (let dropped = replies.dropSyncAfterHead(); dropped >= 0;) {
          this.handler.settled(this, dropped);
          dropped = replies.dropSyncAfterHead();
        }
        if (shown) this.handler.copyIn(this);
        return shown;
      case Backend.DataRow:
        if (expect === Expect.Internal && body !== undefined) this.#internal()?.addRow(body);
        return false;
      case Backend.FunctionCallResponse:
      case Backend.CopyOutResponse:
      case Backend.CopyDone:
      case Backend.ParameterDescription:
        return shown;
      default:
        this.handler.broken(this, `unexpected message of type ${type}`);
        return false;
    }
  }

  #internal(): InternalQuery | undefined {
    const context = this.replies.context;
    return context instanceof InternalQuery ? context : undefined;
  }

  #settle(show: number): void {
    this.replies.shift();
    // The client takes its time before it goes on: a pipeline with Flush, whose Sync is to come.
    if (this.replies.length === 0) this.#owedFor += this.handler.clock() - this.owesSince;
    this.handler.settled(this, show);
  }

  #copyEnded(): void {
    this.copying = false;
    this.wantsCopyData = false;
    this.handler.copyEnded(this);
  }

  #ends(ends: number, expect: number, show: number, shown: boolean): boolean {
    if (expect !== ends) {
      this.handler.broken(this, "an answer to nothing that was asked");
      return false;
    }
    this.#settle(show);
    return shown;
  }

  #ready(body: Uint8Array | undefined, expect: number, show: number, shown: boolean): boolean {
    const ends = expect === Expect.Query || expect === Expect.Sync || expect === Expect.Function ||
      expect === Expect.Internal;
    if (!ends || body === undefined || body.length !== 1) {
      this.handler.broken(this, "ReadyForQuery out of turn");
      return false;
    }
    if (this.copying) this.#copyEnded();
    this.status = body[0];
    this.inTransaction = this.status !== TransactionStatus.Idle;
    const internal = this.#internal();
    this.replies.shift();
    const now = this.handler.clock();
    const took = this.#owedFor + now - this.owesSince;
    this.owesSince = now;
    this.#owedFor = 0;
    this.handler.ready(this, this.status, show, took);
    this.handler.settled(this, show);
    internal?.done(internal);
    return shown;
  }

  #error(body: Uint8Array | undefined, expect: number, show: number): boolean {
    if (this.copying) this.#copyEnded();
    if (expect === Expect.Internal) {
      if (body !== undefined) this.#internal()?.fail(body);
      this.handler.error(this, body, show, expect);
      return false;
    }
    const shown = expect < 0 ? this.handler.showsUnaskedError(this, body) : show !== Show.Nothing;
    // After an error the server skips everything up to Sync: those answers never come.
    if (expect >= Expect.Parse && expect <= Expect.Close) {
      while (this.replies.length > 0 && this.replies.expect !== Expect.Sync) {
        const skipped = this.replies.show;
        this.handler.skipped(this.replies.context);
        this.replies.shift();
        this.handler.settled(this, skipped);
      }
    }
    this.handler.error(this, body, shown ? Show.All : Show.Nothing, expect);
    return shown;
  }
}
