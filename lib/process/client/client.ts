import { randomBytes } from "node:crypto";
import type { ServerCredentials } from "../../auth/credentials.ts";
import type { Config } from "../../config/config.ts";
import { SessionOverlay } from "../../config/session.ts";
import type { Logger } from "../../log/log.ts";
import { redactSecrets } from "../../log/redact.ts";
import type { ByteStream } from "../../net/stream.ts";
import type { SessionState } from "../../pcp/statistics.ts";
import { ServerRefused, ServerUnreachable } from "../../pool/errors.ts";
import { cancelOn } from "../../pool/cancel.ts";
import type { MessageStream } from "../../pool/message-stream.ts";
import type { ConnectionKey, ServerConnection } from "../../pool/server-connection.ts";
import type {
  ErrorFields,
  ServerUnavailable,
  SessionPort,
  StatisticsKind,
} from "../../session/port.ts";
import { Session } from "../../session/session.ts";
import type { PgpoolCommand } from "../../sql/pgpool-commands.ts";
import * as build from "../../wire/build.ts";
import { TransactionStatus } from "../../wire/protocol.ts";
import type { NodeComplaint, SessionInfo } from "../messages.ts";
import { addressOf, type ClientAddress, type EndedSession } from "./connection-log.ts";
import type { LoginRequest } from "./login-request.ts";
import { CONGESTED, isCongested, SessionLink } from "./session-link.ts";
import { unreachableFields } from "./unreachable.ts";
import type { WorkerContext } from "./worker-context.ts";

/** What SHOW POOL_PROCESSES calls the states of a session. */
const STATUS = {
  active: "Execute command",
  waiting: "Execute command",
  idleInTransaction: "Idle in transaction",
  idle: "Idle",
} as const;

/** A client that has logged in: its connection, its session and the servers lent to it. */
export class Client implements SessionPort {
  readonly session: Session;
  readonly startTime = Date.now();
  /** Key of cancel requests for this session, made for it alone, as hex. */
  readonly cancelKey: string;
  readonly #stream: ByteStream;
  readonly #links: SessionLink[] = [];
  #lastActive: number;
  #overlay: SessionOverlay | undefined;
  #ownLogger: Logger | undefined;
  #sessionPaused = false;
  #serverCongested = false;
  #clientCongested = false;
  #untouched = true;
  /** Process id that the client was told. */
  #announcedPid = 0;

  constructor(
    readonly id: number,
    messages: MessageStream,
    readonly request: LoginRequest,
    /** What the client's login may be repeated with at other servers. */
    readonly credentials: ServerCredentials,
    readonly key: ConnectionKey,
    readonly context: WorkerContext,
  ) {
    this.#stream = messages.stream;
    this.#lastActive = context.now();
    this.cancelKey = randomBytes(key.minor >= 2 ? 32 : 4).toString("hex");
    this.session = new Session(context.sessionOptions(this));
  }

  /** Parameters as this session has them, PGPOOL SET included. */
  get settings(): Config["values"] {
    return (this.#overlay?.config ?? this.context.config).values;
  }

  /** What PGPOOL SET has changed. */
  get overlay(): SessionOverlay {
    return this.#overlay ??= new SessionOverlay(this.context.config);
  }

  /** The configuration has been read anew. */
  reload(config: Config): void {
    this.#overlay?.rebase(config);
  }

  get user(): string {
    return this.request.user;
  }

  get database(): string {
    return this.request.database;
  }

  /** Lets the client begin with the connection its login got it. */
  start(connection: ServerConnection, messages: MessageStream): void {
    this.#announcedPid = connection.pid;
    this.context.add(this);
    this.session.adopt(this.#link(connection));
    this.#stream.write(this.#welcome(connection));
    const early = messages.detach();
    this.#stream.onData = (chunk) => this.#data(chunk);
    this.#stream.onDrain = () => this.#drained();
    this.#stream.onClose = () => this.#closed();
    if (early.length > 0) this.#data(early);
  }

  /** Identifies the session in cancel requests. */
  get cancelName(): string {
    return `${this.#announcedPid}:${this.cancelKey}`;
  }

  /** Cancels what runs or waits for this client, and nothing else. */
  cancel(): void {
    if (this.session.holding.cancel()) return;
    for (const link of this.#links) {
      if (this.session.servers[link.node]?.replies.length === 0) continue;
      const { host, port } = this.context.address(link.node);
      this.context.logger.log("log", `forwarding cancel request to backend ${link.node}`);
      cancelOn(link.connection, host, port).catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.context.logger.log("warning", `cancel request to backend ${link.node} failed`, {
          detail: reason,
        });
      });
    }
  }

  /** Gives up the connection to a node if nothing was asked of this session yet. */
  surrender(node: number, key: string | undefined, heldMs: number): ServerConnection | undefined {
    if (!this.session.untouched) return undefined;
    const link = this.#links.find((each) => each.node === node);
    if (link === undefined || Date.now() - link.lentAt < heldMs) return undefined;
    if (key !== undefined && key !== this.context.poolKey(link.connection)) return undefined;
    const connection = link.take();
    this.session.dropServer(node, "untouched");
    return connection;
  }

  /** Ends the session with an error, as when pgpool stops. */
  terminate(error: ErrorFields): void {
    this.session.fail(error);
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.#stream.destroy();
    this.#closed();
  }

  /** A second has passed. */
  tick(now: number): void {
    if (this.#busy) this.#lastActive = now;
    this.session.holding.tick(this.settings.failover_wait_timeout);
    const { client_idle_limit, client_idle_limit_in_recovery } = this.settings;
    const limit = this.context.gate.emptiesPool ? client_idle_limit_in_recovery : client_idle_limit;
    if (limit === 0 || this.#busy || now - this.#lastActive < limit * 1000) return;
    this.terminate(limit < 0 ? ONLINE_RECOVERY : idleTooLong(limit));
  }

  /** The client waits for an answer, and so not the client is waited for. */
  get #busy(): boolean {
    return this.session.visibleCount > 0 || this.session.waitingFor !== "";
  }

  get address(): ClientAddress {
    return addressOf(this.#stream);
  }

  /** Who the log says this is. */
  get logIdentity(): EndedSession {
    const { startTime, address, user, database } = this;
    return { startTime, address, user, database, applicationName: this.request.applicationName };
  }

  get state(): SessionState {
    const { session } = this;
    if (session.waitingFor !== "" && session.visibleCount === 0) return "waiting";
    if (session.visibleCount > 0) return "active";
    return session.router.inTransaction ? "idleInTransaction" : "idle";
  }

  /** Milliseconds that the present statement, wait or pause in a transaction takes; 0 when idle. */
  busyFor(): number {
    switch (this.state) {
      case "active":
      case "waiting":
        return this.clock() - this.session.busySince;
      case "idleInTransaction":
        return this.context.now() - this.#lastActive;
      case "idle":
        return 0;
    }
  }

  get info(): SessionInfo {
    const { session, request } = this;
    return {
      sessionId: this.id,
      startTime: Math.floor(this.startTime / 1000),
      database: request.database,
      user: request.user,
      clientHost: this.address.host,
      clientPort: this.address.port,
      applicationName: request.applicationName,
      status: STATUS[this.state],
      waitingFor: session.waitingFor,
      loadBalanceNode: session.router.loadBalanceNode,
      statement: redactSecrets(session.outgoing.statement),
      statementNode: session.statementNode,
      busyFor: this.busyFor(),
      idleSince: Math.floor(this.#lastActive / 1000),
      servers: this.#links.map((link) => this.context.connectionInfo(link.connection)),
    };
  }

  // SessionPort

  toClient(bytes: Uint8Array): void {
    this.#stream.write(bytes);
    if (!this.#clientCongested && isCongested(this.#stream)) {
      this.#clientCongested = true;
      for (const link of this.#links) link.connection.stream.pause();
    }
  }

  endClient(): void {
    this.#stream.end();
    this.context.ended(this);
  }

  pauseClient(): void {
    this.#sessionPaused = true;
    this.#stream.pause();
  }

  resumeClient(): void {
    if (!this.#sessionPaused) return;
    this.#sessionPaused = false;
    this.#resumeReading();
  }

  openServer(node: number): void {
    void this.#openServer(node);
  }

  runCommand(command: PgpoolCommand): void {
    void this.context.runCommand(command, this).then(
      (result) => this.session.commandDone(result),
      (error: unknown) => this.session.commandDone({ error: this.#unexpected(error) }),
    );
  }

  locateBackend(pid: number): void {
    void this.context.locateBackend(pid).then(
      (node) => this.session.backendLocated(pid, node),
      (error: unknown) => {
        this.#unexpected(error);
        this.session.backendLocated(pid, -1);
      },
    );
  }

  complain(node: number, complaint: NodeComplaint, detail: string): void {
    this.context.complain(node, complaint, detail);
  }

  countStatement(node: number, kind: StatisticsKind): void {
    this.context.figures.count(node, kind);
  }

  countError(node: number, severity: "error" | "fatal" | "panic"): void {
    this.context.figures.count(node, severity);
  }

  statementTook(node: number, milliseconds: number): void {
    this.context.figures.took(node, "statement", milliseconds);
  }

  clock(): number {
    return performance.now();
  }

  log(
    severity: "log" | "debug1" | "warning",
    text: string,
    detail?: string,
    context?: string,
  ): void {
    this.#logger.log(severity, text, {
      application: this.request.applicationName,
      user: this.user,
      database: this.database,
      detail,
      context,
    });
  }

  /** A load balance node was chosen for the session, or for a statement of it. */
  choseNode(node: number): void {
    if (!this.#logger.enabled("debug1")) return;
    this.log("debug1", "selecting load balance node", `selected backend id is ${node}`);
  }

  closeIdleConnections(): void {
    this.context.closeIdleEverywhere();
  }

  settled(): void {
    this.context.gate.settled(this);
  }

  serverCongested(): void {
    this.#serverCongested = true;
    this.#stream.pause();
  }

  serverDrained(): void {
    this.#serverCongested = false;
    this.#resumeReading();
  }

  /** The worker's logger, or one with the level and verbosity of PGPOOL SET. */
  get #logger(): Logger {
    if (this.#overlay === undefined) return this.context.logger;
    const own = this.settings;
    const common = this.context.config.values;
    const { log_min_messages: level, log_error_verbosity: verbosity } = own;
    const logger = this.#ownLogger ??= this.context.logger.child("child");
    logger.setOwnLevel(level === common.log_min_messages ? undefined : level);
    logger.setOwnVerbosity(verbosity === common.log_error_verbosity ? undefined : verbosity);
    return logger;
  }

  #resumeReading(): void {
    if (!this.#sessionPaused && !this.#serverCongested) this.#stream.resume();
  }

  #data(chunk: Uint8Array): void {
    this.#lastActive = this.context.now();
    if (this.#untouched) {
      this.#untouched = false;
      this.context.untouched.delete(this);
    }
    this.session.clientData(chunk);
  }

  #drained(): void {
    if (!this.#clientCongested || this.#stream.buffered > CONGESTED / 2) return;
    this.#clientCongested = false;
    for (const link of this.#links) link.connection.stream.resume();
  }

  #closed(): void {
    this.session.clientClosed();
    this.context.ended(this);
  }

  #link(connection: ServerConnection): SessionLink {
    const link = new SessionLink(connection, this.session, this.context.pool, this, (over) => {
      const at = this.#links.indexOf(over);
      if (at >= 0) this.#links.splice(at, 1);
    });
    this.#links.push(link);
    if (this.#clientCongested) connection.stream.pause();
    return link;
  }

  #welcome(connection: ServerConnection): Uint8Array {
    const messages: Uint8Array[] = [build.authentication(0)];
    for (const [name, value] of connection.parameters) {
      messages.push(build.parameterStatus(name, value));
    }
    messages.push(build.backendKeyData(connection.pid, Buffer.from(this.cancelKey, "hex")));
    messages.push(build.readyForQuery(TransactionStatus.Idle));
    return Buffer.concat(messages);
  }

  async #openServer(node: number): Promise<void> {
    try {
      const connection = await this.context.pool.acquire({
        node,
        key: this.key,
        applicationName: this.request.applicationName,
        credentials: this.credentials,
        // The client is past its login: it can not be asked for anything any more.
        askClient: () => Promise.resolve({ kind: "none" }),
      });
      this.context.noteUse(node);
      this.session.serverOpened(this.#link(connection));
    } catch (error) {
      this.session.serverUnavailable(node, this.#unavailable(node, error));
    }
  }

  /** A fault of pgpool's own is told to the one client it concerns, and to the log. */
  #unexpected(error: unknown): ErrorFields {
    const detail = error instanceof Error ? error.message : String(error);
    this.context.logger.error("unexpected error in a session", { detail });
    return { severity: "ERROR", sqlstate: "XX000", message: "internal error of pgpool", detail };
  }

  #unavailable(node: number, error: unknown): ServerUnavailable {
    const isVerdictDue = this.context.complainOf(node, error);
    if (error instanceof ServerRefused) return { error: error.fields, isVerdictDue };
    if (!(error instanceof ServerUnreachable)) {
      return { error: this.#unexpected(error), isVerdictDue };
    }
    return {
      isVerdictDue,
      error: unreachableFields(error, this.settings.failover_on_backend_error),
    };
  }
}

function idleTooLong(limit: number): ErrorFields {
  return {
    severity: "FATAL",
    sqlstate: "57P05",
    message: "terminating connection due to idle-session timeout",
    detail: `child connection forced to terminate due to client_idle_limit:${limit} is reached`,
  };
}

/** client_idle_limit_in_recovery = -1 (behaviour.md 6). */
const ONLINE_RECOVERY: ErrorFields = {
  severity: "FATAL",
  sqlstate: "57P05",
  message: "connection terminated due to online recovery",
};
