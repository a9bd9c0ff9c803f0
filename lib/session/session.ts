import type { ClusterSnapshot } from "../cluster/types.ts";
import type { StatementClass } from "../sql/statement-class.ts";
import type { StatementCache } from "../sql/template.ts";
import * as build from "../wire/build.ts";
import { ProtocolError } from "../wire/errors.ts";
import { Frame, FrameReader } from "../wire/frames.ts";
import { Frontend } from "../wire/protocol.ts";
import { Answers } from "./answers.ts";
import { ExtendedProtocol } from "./extended.ts";
import { Holding, type TransactionGate } from "./holding.ts";
import { NodeChanges } from "./node-changes.ts";
import { Outgoing } from "./outgoing.ts";
import type {
  CommandResult,
  ErrorFields,
  ServerLink,
  ServerUnavailable,
  SessionPort,
} from "./port.ts";
import { PreparedStatements } from "./prepared.ts";
import type { ReadKnowledge } from "./read-knowledge.ts";
import { Expect, Show } from "./reply-queue.ts";
import type { Router } from "./router.ts";
import { ServerState } from "./server-state.ts";
import { SessionLog } from "./session-log.ts";
import type { SessionSettings } from "./settings.ts";
import { SettingsJournal } from "./settings-journal.ts";
import { SimpleProtocol } from "./simple.ts";

const ROLLBACK = build.query("ROLLBACK");
/** Unread client bytes beyond which a waiting session stops reading. */
const PENDING_LIMIT = 64 * 1024;

/** What a session waits for before it takes the next message of its client. */
export type Waiting =
  | ""
  | "answers of another node"
  | "server connection"
  | "catalog lookup"
  | "primary node"
  | "check of the primary"
  | "end of a pause"
  | "pgpool command"
  | "search for a server process";

/** What a session is made of. */
export interface SessionOptions {
  readonly port: SessionPort;
  readonly statements: StatementCache;
  readonly router: Router;
  readonly knowledge: ReadKnowledge;
  readonly gate: TransactionGate;
  /** Whether a primary has been missing for so short that waiting for one makes sense. */
  readonly mayWaitForPrimary: () => boolean;
}

/**
 * One client's session after its login: bytes of the client and of the servers in, bytes out
 * through the port. It does no I/O and waits for nothing itself: what it waits for is named by
 * {@link waitingFor}, and it goes on when that has come.
 *
 * Answers that the client sees come from one node at a time. A message for another node waits
 * until the first owes nothing more, so the order of answers is the order of messages.
 */
export class Session {
  readonly servers: (ServerState | undefined)[] = [];
  readonly journal = new SettingsJournal();
  readonly outgoing: Outgoing;
  readonly simple: SimpleProtocol;
  readonly extended: ExtendedProtocol;
  readonly holding: Holding;
  readonly changes: NodeChanges;
  /** Statements named by SQL PREPARE. */
  readonly sqlPrepared = new PreparedStatements();
  /** Node of the last statement, -1 before the first. */
  statementNode = -1;
  /** The session is over; nothing more is taken from the client. */
  ended = false;
  /** Something was left in a server that can not be moved to another one. */
  bound = false;
  /** The BEGIN of a transaction that has done nothing on the primary, for the next primary. */
  begun: Uint8Array | undefined;
  /** Node whose answers the client sees, and how many of them are still to come. */
  visibleNode = -1;
  visibleCount = 0;
  /** Node of the last message since Sync, and whether there was another one. */
  pipelineNode = -1;
  pipelineMixed = false;
  /** Node whose error ended a pipeline: the client's messages are dropped up to Sync. */
  failedPipeline = -1;
  /** Where the rest of a large message goes. */
  passTo: ServerState | undefined;
  readonly #reader = new FrameReader();
  readonly #answers = new Answers(this);
  #waitingFor: Waiting = "";
  #waitingSince = 0;
  #dispatching = false;
  /** The client's next message has been looked at before: it had to wait. */
  #waited = false;
  #log: SessionLog | undefined;

  constructor(readonly options: SessionOptions) {
    this.outgoing = new Outgoing(this);
    this.simple = new SimpleProtocol(this);
    this.extended = new ExtendedProtocol(this);
    this.holding = new Holding(this);
    this.changes = new NodeChanges(this);
  }

  get port(): SessionPort {
    return this.options.port;
  }

  get log(): SessionLog {
    return this.#log ??= new SessionLog(this);
  }

  get waitingFor(): Waiting {
    return this.#waitingFor;
  }

  set waitingFor(what: Waiting) {
    if (what !== "") this.#waitingSince = this.port.clock();
    this.#waitingFor = what;
  }

  /** Since when the client waits for the present answer, on the port's clock. */
  get busySince(): number {
    const server = this.visibleCount > 0 ? this.servers[this.visibleNode] : undefined;
    return server?.owesSince ?? this.#waitingSince;
  }

  get router(): Router {
    return this.options.router;
  }

  get settings(): SessionSettings {
    return this.options.router.options.settings();
  }

  /** What a statement means; of a large one only the beginning is there. */
  classify(bytes: Uint8Array, start: number, end: number, partial: boolean): StatementClass {
    const primary = this.servers[this.router.primary];
    const strings = primary?.link?.parameters.get("standard_conforming_strings");
    if (!partial && strings !== "off") return this.options.statements.classify(bytes, start, end);
    const hints = { partial, backslashEscapes: strings === "off" };
    return this.options.statements.classify(bytes, start, end, hints);
  }

  /** Nothing has been asked of this session yet, so its connections are as good as new. */
  get untouched(): boolean {
    return this.statementNode < 0 && this.visibleCount === 0 && this.waitingFor === "" &&
      this.servers.every((server) => server === undefined || !server.touched);
  }

  /** No transaction is open and no server owes anything. */
  get quiet(): boolean {
    return !this.router.inTransaction && this.visibleCount === 0 &&
      this.servers.every((server) =>
        server === undefined || (server.clean && !server.inTransaction && !server.wantsCopyData)
      );
  }

  /** Hands over the connection the client logged in with. */
  adopt(link: ServerLink): void {
    const server = new ServerState(link.node, this.#answers);
    this.servers[link.node] = server;
    this.options.knowledge.searchPath(link.parameters.get("search_path") ?? "");
    server.opened(link);
  }

  /** Takes bytes from the client. */
  clientData(chunk: Uint8Array): void {
    if (this.ended) return;
    this.#reader.feed(chunk);
    this.#dispatch();
    if (this.waitingFor !== "" && this.#reader.pending > PENDING_LIMIT) this.port.pauseClient();
  }

  /** Takes bytes from a server. */
  serverData(node: number, chunk: Uint8Array): void {
    this.servers[node]?.receive(chunk);
    if (this.#answers.sawFatal && !this.ended) this.end();
    this.endStrayTransactions();
    if (this.waitingFor === "answers of another node" && this.visibleCount === 0) {
      this.resume("answers of another node");
    }
    this.holding.settle();
  }

  /** Goes on with the client's messages if the session waited for just this. */
  resume(what: Waiting): void {
    if (this.ended || this.waitingFor !== what) return;
    this.waitingFor = "";
    this.port.resumeClient();
    this.#dispatch();
  }

  /** Asks for a connection to a node, on which messages may be queued at once. */
  openServer(node: number): ServerState {
    const server = new ServerState(node, this.#answers);
    this.servers[node] = server;
    if (this.begun !== undefined && this.router.inTransaction && node === this.router.primary) {
      server.send(this.begun, Expect.Query, Show.Nothing);
      server.inTransaction = true;
    }
    this.port.openServer(node);
    return server;
  }

  /** A connection asked for is there. */
  serverOpened(link: ServerLink): void {
    const server = this.servers[link.node];
    if (this.ended || server === undefined || server.link !== undefined) {
      link.release(this.router.isUsable(link.node) ? "untouched" : "broken");
      return;
    }
    if (link.node === this.router.primary && this.changes.primaryIsWell()) {
      link.release("untouched");
      return;
    }
    server.opened(link, [...this.journal.replay()]);
    this.resume("server connection");
  }

  /** A connection asked for can not be had. */
  serverUnavailable(node: number, why: ServerUnavailable): void {
    this.changes.serverUnavailable(node, why);
  }

  /** A server's connection has ended. */
  serverClosed(node: number, reason: string): void {
    this.changes.serverClosed(node, reason);
    this.holding.settle();
  }

  /** The cluster has changed. */
  setSnapshot(snapshot: ClusterSnapshot): void {
    this.changes.setSnapshot(snapshot);
    this.holding.settle();
  }

  /**
   * Ends transactions that are left open on a server although the session's is over, as after a
   * BEGIN that the leader skipped.
   */
  endStrayTransactions(): void {
    if (this.router.inTransaction || this.visibleCount > 0) return;
    for (const server of this.servers) {
      if (server?.link === undefined || !server.clean || !server.inTransaction) continue;
      server.send(ROLLBACK, Expect.Query, Show.Nothing);
    }
  }

  /** A new pipeline begins. */
  pipelineOver(): void {
    this.pipelineNode = -1;
    this.pipelineMixed = false;
    this.failedPipeline = -1;
    this.router.pipelineWrote = false;
  }

  /** Lets go of a server; `state` says what may become of its connection. */
  dropServer(node: number, state: "untouched" | "used" | "broken"): void {
    const server = this.servers[node];
    this.servers[node] = undefined;
    server?.link?.release(state);
    this.extended.serverLost(node);
    this.sqlPrepared.lost(node);
  }

  /** Gives back the connections of a session that has asked for nothing yet. */
  yieldServers(): void {
    for (const server of this.servers) {
      if (server !== undefined) this.dropServer(server.node, "untouched");
    }
  }

  /** The outcome of a command that pgpool itself carries out. */
  commandDone(result: CommandResult): void {
    if (this.ended || this.waitingFor !== "pgpool command") return;
    this.simple.reply(result);
    this.resume("pgpool command");
  }

  /** The node of a server process is known, -1 when it is none of pgpool's. */
  backendLocated(pid: number, node: number): void {
    this.simple.backendLocated(pid, node);
    this.resume("search for a server process");
  }

  /** Whether the client can not go on without what its session has on a server. */
  dependsOn(server: ServerState): boolean {
    return this.changes.dependsOn(server);
  }

  /** Sends an error to the client and ends the session. */
  fail(error: ErrorFields): void {
    this.endWith(build.errorResponse(error));
  }

  /**
   * Sends an ErrorResponse to the client and ends the session. A client that has the beginning of
   * a message sees its connection end there: it would take the error for the rest of the message.
   */
  endWith(errorResponse: Uint8Array): void {
    if (this.ended) return;
    const isCutOff = this.servers.some((server) => server?.midMessage === true);
    if (!isCutOff) this.port.toClient(errorResponse);
    this.end();
  }

  /** The client's connection has ended without Terminate. */
  clientClosed(): void {
    if (!this.ended) this.end();
  }

  #dispatch(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      while (!this.ended && this.waitingFor === "") {
        const found = this.#reader.next();
        if (found === Frame.None) break;
        if (found === Frame.More) this.#more();
        else if (this.#message(found === Frame.Head)) this.#taken();
        else this.#wait();
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.fail({ severity: "FATAL", sqlstate: error.sqlstate, message: error.message });
    } finally {
      this.#dispatching = false;
      for (const server of this.servers) server?.flushRun();
    }
  }

  /** The client's message has been dealt with. */
  #taken(): void {
    this.#waited = false;
    this.router.rebalanced = false;
    this.holding.taken();
  }

  /** The client's message is looked at again when what it waits for has come. */
  #wait(): void {
    this.#reader.unread();
    this.#waited = true;
  }

  #logMessage(): void {
    if (this.#waited) return;
    const { bytes, start, end, type } = this.#reader;
    this.log.clientMessages.message(type, bytes, start, end);
  }

  /** The rest of a large message goes where its head went. */
  #more(): void {
    const { bytes, start, end } = this.#reader;
    this.passTo?.writeRange(bytes, start, end);
  }

  /** Handles one message; false when it has to wait. */
  #message(isHead: boolean): boolean {
    const { bytes, start, end, type } = this.#reader;
    if (isHead) this.passTo = undefined;
    if (this.failedPipeline >= 0 && type !== Frontend.Sync && type !== Frontend.Terminate) {
      return true;
    }
    if (this.holding.isActive) {
      const passage = this.holding.check(type, bytes, start, end);
      if (passage !== "go on") return passage === "dealt with";
    }
    if (this.settings.log_client_messages) this.#logMessage();
    if (this.#answers.copyServer?.wantsCopyData === true && !COPY_MESSAGES.has(type)) {
      this.#duringCopy(type);
      return true;
    }
    switch (type) {
      case Frontend.Query:
        this.#mustEndWithZero(isHead);
        return this.simple.query(bytes, start, end, isHead);
      case Frontend.Parse:
        return this.extended.parse(bytes, start, end, isHead);
      case Frontend.Bind:
        return this.extended.bind(bytes, start, end, isHead);
      case Frontend.Describe:
        return this.extended.describe(bytes, start, end);
      case Frontend.Execute:
        return this.extended.execute(bytes, start, end);
      case Frontend.Close:
        return this.extended.close(bytes, start, end);
      case Frontend.Flush:
        return this.extended.flush();
      case Frontend.Sync:
        return this.extended.sync(bytes, start, end);
      case Frontend.FunctionCall:
        return this.#functionCall(isHead);
      case Frontend.CopyData:
      case Frontend.CopyDone:
      case Frontend.CopyFail:
        this.#copy(isHead);
        return true;
      case Frontend.Terminate:
        this.#terminate();
        return true;
      default:
        throw new ProtocolError(`invalid frontend message type ${type}`);
    }
  }

  #mustEndWithZero(isHead: boolean): void {
    const { bytes, start, end } = this.#reader;
    const zero = bytes.indexOf(0, start + 5);
    if (zero >= 0 && zero < end - 1) throw new ProtocolError("invalid message format");
    if (!isHead && zero !== end - 1) throw new ProtocolError("invalid string in message");
  }

  #functionCall(isHead: boolean): boolean {
    const { bytes, start, end } = this.#reader;
    if (this.router.lacksPrimary) {
      this.holding.withoutPrimary(undefined);
      return false;
    }
    const server = this.outgoing.ready(this.router.primary);
    if (server === undefined) return false;
    this.statementNode = server.node;
    this.bound = true;
    this.router.wroteByFunction();
    this.options.knowledge.mayHaveTemporary();
    this.outgoing.visible(server, bytes, start, end, Expect.Function);
    if (isHead) this.passTo = server;
    return true;
  }

  /** A server ignores Flush and Sync while it reads copy data, and does without anything else. */
  #duringCopy(type: number): void {
    if (type === Frontend.Flush || type === Frontend.Sync) return;
    const hex = type.toString(16).toUpperCase().padStart(2, "0");
    throw new ProtocolError(`unexpected message type 0x${hex} during COPY from stdin`);
  }

  /** Copy data goes to the COPY that runs; without one the server would ignore it as we do. */
  #copy(isHead: boolean): void {
    const { bytes, start, end, type } = this.#reader;
    const server = this.#answers.copyServer ??
      (this.visibleCount > 0 ? this.servers[this.visibleNode] : undefined);
    server?.writeRange(bytes, start, end);
    if (type !== Frontend.CopyData && server !== undefined) {
      server.wantsCopyData = false;
      if (!server.copying) server.replies.push(Expect.CopyEnd, Show.Nothing);
    }
    if (isHead) this.passTo = server;
  }

  /** As a server does: what came before Terminate is still carried out. */
  #terminate(): void {
    for (const server of this.servers) {
      if (server !== undefined && !server.clean) server.write(build.TERMINATE);
    }
    this.end();
  }

  /** Ends the session; what the client is to be told has been sent. */
  end(): void {
    this.ended = true;
    this.#log?.end();
    for (const server of this.servers) {
      if (server === undefined) continue;
      const state = !server.clean ? "broken" : server.touched ? "used" : "untouched";
      this.dropServer(server.node, state);
    }
    this.port.endClient();
  }
}

/** What a client may send while a server reads its copy data. */
const COPY_MESSAGES: ReadonlySet<number> = new Set([
  Frontend.CopyData,
  Frontend.CopyDone,
  Frontend.CopyFail,
  Frontend.Terminate,
]);
