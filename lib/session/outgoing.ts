import { leadsRead } from "../sql/leading.ts";
import type { StatementClass } from "../sql/statement-class.ts";
import * as build from "../wire/build.ts";
import { text } from "../wire/read.ts";
import { ALL_DOWN } from "./farewells.ts";
import { InternalQuery } from "./internal-query.ts";
import { type Prepared, preparedText } from "./prepared.ts";
import { Expect, type ReplyContext, Show } from "./reply-queue.ts";
import { Route, type Router } from "./router.ts";
import type { ServerState } from "./server-state.ts";
import type { Session } from "./session.ts";

const NONE: readonly number[] = [];
const ROLLBACK = build.query("ROLLBACK");
/** Longest statement text kept for SHOW POOL_POOLS (limits.md 2: 1023 bytes). */
const STATEMENT_SHOWN = 1023;
/** Largest chunk of a client's bytes that is held on to for the text of a statement. */
const HELD_CHUNK = 2048;

/** Choosing servers for messages and sending to them, for both query protocols. */
export class Outgoing {
  /** Bytes that the text of the last statement stands in. */
  #statement: Uint8Array | undefined;
  #statementStart = 0;
  #statementEnd = 0;
  /** The last statement was one of the extended protocol's. */
  #prepared: Prepared | undefined;
  readonly #joined: (node: number) => boolean;

  constructor(readonly session: Session) {
    this.#joined = (node) => session.servers[node]?.inTransaction === true;
  }

  /** Text of the last statement, at most 1023 bytes. */
  get statement(): string {
    if (this.#prepared !== undefined) return shortened(preparedText(this.#prepared));
    if (this.#statement === undefined) return "";
    return text(this.#statement, this.#statementStart, this.#statementEnd);
  }

  /** Whether a text may be a read, by its beginning and by primary_routing_query_pattern_list. */
  mayBeRead(bytes: Uint8Array, start: number, end: number): boolean {
    if (!leadsRead(bytes, start, end, this.session.settings)) return false;
    return !this.belongsOnPrimary(bytes, start, end);
  }

  /** Whether primary_routing_query_pattern_list has a pattern for the text. */
  belongsOnPrimary(bytes: Uint8Array, start: number, end: number): boolean {
    const { primaryRouting } = this.session.options.knowledge.patterns();
    if (primaryRouting.length === 0) return false;
    const subject = text(bytes, start, end).replaceAll('"', "");
    return primaryRouting.some((pattern) => pattern.test(subject));
  }

  /** Chooses the node that leads a statement; undefined when the message has to wait. */
  target(statement: StatementClass, readText: boolean): number | undefined {
    const { session } = this;
    const { router } = session;
    const node = router.route(statement, readText, this.#joined);
    if (node >= 0) return node;
    if (node === Route.Primaryless) return session.holding.withoutPrimary(statement);
    if (node === Route.Nowhere) return this.#nowhere(statement);
    return this.#lookup(statement);
  }

  /** No node is usable: waits for one, if that makes sense. */
  #nowhere(statement: StatementClass | undefined): undefined {
    const { session } = this;
    if (session.options.mayWaitForPrimary()) session.holding.withoutPrimary(statement);
    else session.fail(ALL_DOWN);
  }

  /** The server to send a visible message to; undefined when the message has to wait. */
  ready(node: number): ServerState | undefined {
    const { session } = this;
    if (node < 0) return this.#nowhere(undefined);
    if (session.visibleCount > 0 && session.visibleNode !== node) {
      this.awaitAnswers();
      return undefined;
    }
    const server = this.server(node);
    if (server.link === undefined) {
      session.waitingFor = "server connection";
      return undefined;
    }
    // A transaction that the session's leader never began, or that is over, ends here too.
    // While answers are on their way it is not sure yet which transactions are open.
    const sure = session.visibleCount === 0 && !server.unsynced;
    if (sure && server.inTransaction && !session.router.inTransaction) {
      server.send(ROLLBACK, Expect.Query, Show.Nothing);
      server.inTransaction = false;
    }
    return server;
  }

  /** Waits until the client has seen all answers that are on their way. */
  awaitAnswers(): void {
    const server = this.session.servers[this.session.visibleNode];
    if (server?.unsynced === true) server.write(build.FLUSH);
    this.session.waitingFor = "answers of another node";
  }

  /** The server's state, whose connection is asked for if there is none. */
  server(node: number): ServerState {
    return this.session.servers[node] ?? this.session.openServer(node);
  }

  /** Sends the message between two offsets, whose answer the client sees. */
  visible(
    server: ServerState,
    bytes: Uint8Array,
    start: number,
    end: number,
    expect: number,
    context?: ReplyContext,
  ): void {
    const { session } = this;
    if (session.pipelineNode >= 0 && session.pipelineNode !== server.node) {
      session.pipelineMixed = true;
    }
    session.pipelineNode = server.node;
    session.visibleNode = server.node;
    session.visibleCount++;
    server.sendRange(bytes, start, end, expect, Show.All, context);
  }

  /** Nodes beside the leader that have to know a statement. */
  followers(statement: StatementClass, leader: number): readonly number[] {
    if (statement.route !== "both" && statement.kind !== "prepare-transaction") return NONE;
    const { servers, router } = this.session;
    const open: number[] = [];
    for (const server of servers) {
      if (server !== undefined && server.node !== leader) open.push(server.node);
    }
    const nodes = router.followers(statement, leader, open);
    // A node outside of the transaction has nothing to end, and no savepoint to go back to.
    return ofTransaction(statement)
      ? nodes.filter((node) => servers[node]?.inTransaction === true)
      : nodes;
  }

  /**
   * Notes that a statement goes out: routing state, settings, statistics.
   *
   * @param query the statement as a Query message, if it may have to be sent to other servers.
   */
  noteSent(statement: StatementClass, query: Uint8Array | undefined, server: ServerState): void {
    const { session } = this;
    session.statementNode = server.node;
    if (statement.kind === "begin") {
      server.inTransaction = true;
      session.begun = query;
    } else if (server.node === session.router.primary || statement.route !== "either") {
      session.begun = undefined;
    }
    if (undoesSettings(statement, session.router.failedNode >= 0)) session.journal.end(false);
    session.router.sent(statement);
    if (statement.kind === "execute") {
      session.router.executed(session.sqlPrepared.get(statement.prepared?.name ?? "")?.statement);
    }
    noteFunctions(statement, session.router);
    if (bindsSession(statement)) session.bound = true;
    if (statement.mayCreateTemp) session.options.knowledge.mayHaveTemporary();
    if (changesCatalog(statement)) session.options.knowledge.catalogChanged();
    if (statement.setting !== undefined) {
      session.options.knowledge.settingChanged(statement.setting.name);
    }
    if (query !== undefined && changesSettings(statement)) {
      session.journal.note(statement, query, session.router.inTransaction);
    }
    session.port.countStatement(server.node, statement.statisticsKind);
  }

  /** Keeps the text of the statement that is going to run, and logs it where that is wanted. */
  noteText(bytes: Uint8Array, start: number, end: number, node: number, prefix: string): void {
    const length = Math.min(end - start, STATEMENT_SHOWN);
    // Short chunks are held on to; copying is for those that would cost much memory.
    const holds = bytes.length <= HELD_CHUNK;
    this.#statement = holds ? bytes : bytes.slice(start, start + length);
    this.#statementStart = holds ? start : 0;
    this.#statementEnd = this.#statementStart + length;
    this.#prepared = undefined;
    const { settings } = this.session;
    if (settings.log_per_node_statement || settings.notice_per_node_statement) {
      this.logPerNode(node, prefix + text(bytes, start, end));
    }
  }

  /** Keeps the statement of the extended protocol that is going to run. */
  notePrepared(prepared: Prepared): void {
    if (prepared.bytes !== undefined) this.#prepared = prepared;
  }

  /** Logs a statement for the node it goes to (log_per_node_statement, notice_per_node_statement). */
  logPerNode(node: number, statement: string): void {
    const { session } = this;
    if (session.settings.log_per_node_statement) {
      const pid = session.servers[node]?.link?.pid ?? 0;
      session.log.tell("log", `DB node id: ${node} backend pid: ${pid} statement: ${statement}`);
    }
    if (session.settings.notice_per_node_statement) {
      const message = `DB node id: ${node} statement: ${statement}`;
      session.port.toClient(
        build.noticeResponse({ severity: "NOTICE", sqlstate: "00000", message }),
      );
    }
  }

  /** Logs a statement of pgpool's own (log_per_node_statement); clients are not shown it. */
  logInternal({ node, link }: ServerState, statement: string, context: string): void {
    if (!this.session.settings.log_per_node_statement) return;
    const text = `DB node id: ${node} backend pid: ${link?.pid ?? 0} statement: ${statement}`;
    this.session.port.log("log", text, undefined, context);
  }

  /**
   * Asks the catalog what the decision needs. In the middle of a pipeline or of a failed
   * transaction the primary can not be asked, so the statement goes there itself.
   */
  #lookup(statement: StatementClass): number | undefined {
    const { session } = this;
    const primary = session.router.primary;
    if (session.visibleCount > 0) {
      this.awaitAnswers();
      return undefined;
    }
    const server = this.server(primary);
    if (server.unsynced || server.copying) {
      return session.router.lacksPrimary ? session.holding.withoutPrimary(statement) : primary;
    }
    if (server.link === undefined) {
      session.waitingFor = "server connection";
      return undefined;
    }
    const { knowledge } = session.options;
    const sql = knowledge.question(statement);
    session.waitingFor = "catalog lookup";
    const query = new InternalQuery("catalog lookup", (result) => {
      knowledge.answer(statement, result);
      if (result.error !== undefined) {
        session.port.log("debug1", "catalog lookup failed", result.error);
      }
      session.resume("catalog lookup");
    });
    this.logInternal(server, sql, "while searching system catalog, When relcache is missed");
    server.send(build.query(sql), Expect.Internal, Show.Nothing, query);
    return undefined;
  }
}

/** Whether only nodes that take part in a transaction have to know the statement. */
function ofTransaction(statement: StatementClass): boolean {
  switch (statement.kind) {
    case "commit":
    case "rollback":
    case "prepare-transaction":
    case "savepoint":
    case "release":
    case "rollback-to":
      return true;
    default:
      return false;
  }
}

/** Whether tables and functions may be others afterwards. */
function changesCatalog(statement: StatementClass): boolean {
  switch (statement.kind) {
    case "ddl":
    case "do":
    case "call":
    case "multi":
    case "unparsable":
      return true;
    default:
      return false;
  }
}

/** Settings changed by functions are known to the primary alone. */
function noteFunctions(statement: StatementClass, router: Router): void {
  if (statement.kind === "do" || statement.kind === "call") router.settingsUnsure = true;
  if (statement.functions.length === 0) return;
  if (statement.functions.some((called) => called.name === "set_config")) {
    router.settingsOnPrimary = true;
  }
}

function changesSettings(statement: StatementClass): boolean {
  return statement.kind === "set" || statement.kind === "reset" || statement.kind === "discard";
}

function shortened(statement: string): string {
  if (Buffer.byteLength(statement) <= STATEMENT_SHOWN) return statement;
  return Buffer.from(statement).toString("utf8", 0, STATEMENT_SHOWN);
}

/** Whether settings of the open transaction are gone with it. */
function undoesSettings(statement: StatementClass, failed: boolean): boolean {
  return statement.kind === "rollback" || (failed && statement.kind === "commit");
}

/** Functions that lock until the session ends. */
const SESSION_LOCKS: ReadonlySet<string> = new Set([
  "pg_advisory_lock",
  "pg_advisory_lock_shared",
  "pg_try_advisory_lock",
  "pg_try_advisory_lock_shared",
]);

/** Whether a statement leaves something in the server that can not be moved to another one. */
function bindsSession(statement: StatementClass): boolean {
  if (statement.functions.some((called) => SESSION_LOCKS.has(called.name))) return true;
  switch (statement.kind) {
    case "listen":
    case "declare":
    case "multi":
    case "unparsable":
    case "do":
    case "call":
      return true;
    default:
      return statement.mayCreateTemp;
  }
}
