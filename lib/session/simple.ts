import type { StatementClass } from "../sql/statement-class.ts";
import { looksLikePgpoolCommand, parsePgpoolCommand } from "../sql/pgpool-commands.ts";
import * as build from "../wire/build.ts";
import { readyForQuery } from "../wire/build.ts";
import { TransactionStatus } from "../wire/protocol.ts";
import { text } from "../wire/read.ts";
import type { CommandResult } from "./port.ts";
import type { Prepared } from "./prepared.ts";
import { Expect, Show } from "./reply-queue.ts";
import type { Session } from "./session.ts";

const ROLLBACK = build.query("ROLLBACK");

/** The simple query protocol, and the commands that pgpool itself answers. */
export class SimpleProtocol {
  /** Server process that was looked for last, and its node. */
  #located: { pid: number; node: number } | undefined;

  constructor(readonly session: Session) {}

  /** The node of a server process is known. */
  backendLocated(pid: number, node: number): void {
    this.#located = { pid, node };
  }

  /**
   * Handles the Query message between two offsets; of a large one only the head is there.
   * Returns false when it has to wait.
   */
  query(bytes: Uint8Array, start: number, end: number, isHead: boolean): boolean {
    const { session } = this;
    const textStart = start + 5;
    const textEnd = isHead ? end : end - 1;
    if (looksLikePgpoolCommand(bytes, textStart, textEnd)) {
      const command = parsePgpoolCommand(text(bytes, textStart, textEnd));
      if (command !== undefined) return this.#command(command, bytes, textStart, textEnd);
    }
    const statement = session.classify(bytes, textStart, textEnd, isHead);
    if (!isHead && session.router.failedNode >= 0 && !isTakenWhenFailed(statement)) {
      return this.#refuseInFailed(bytes, textStart, textEnd);
    }
    const target = this.#target(statement, bytes, textStart, textEnd);
    if (target === undefined) return false;
    const server = session.outgoing.ready(target);
    if (server === undefined) return false;

    const failedNode = session.router.failedNode;
    // A standby refuses PREPARE TRANSACTION also where it would roll back.
    const rollsBack = statement.kind === "prepare-transaction" && failedNode >= 0;
    const followers = session.outgoing.followers(statement, target);
    const keeps = statement.route === "both" || statement.setting !== undefined;
    const message = keeps ? bytes.subarray(start, end) : bytes;
    this.#logStatement(bytes, textStart, textEnd);
    if (isDatabaseCommand(statement, bytes, textStart, textEnd)) {
      session.port.closeIdleConnections();
    }
    const logLeader = () => session.outgoing.noteText(bytes, textStart, textEnd, target, "");
    // The primary commits last, and is listed last.
    const leaderEnds = statement.kind === "commit" || statement.kind === "rollback";
    if (!leaderEnds) logLeader();
    session.outgoing.noteSent(statement, isHead || !keeps ? undefined : message, server);
    for (const node of followers) {
      const follower = session.outgoing.server(node);
      if (statement.kind === "begin") follower.inTransaction = true;
      const own = followerText(statement, failedNode);
      session.outgoing.logPerNode(node, own ?? text(bytes, textStart, textEnd));
      const ownMessage = own === undefined ? message : build.query(own);
      follower.send(ownMessage, Expect.Query, Show.Nothing);
    }
    if (leaderEnds) logLeader();
    const prepared = statement.kind === "prepare"
      ? this.notePrepared(statement, text(bytes, textStart, textEnd), target)
      : undefined;
    if (rollsBack) session.outgoing.visible(server, ROLLBACK, 0, ROLLBACK.length, Expect.Query);
    else session.outgoing.visible(server, bytes, start, end, Expect.Query, prepared);
    // A Query is a transaction of its own, or part of one that is open: no pipeline goes on.
    session.pipelineOver();
    session.extended.forgetUnnamed();
    if (prepared !== undefined) this.#prepareOnPrimary(prepared, target);
    if (isHead) session.passTo = server;
    if (endsPrepared(statement, bytes, textStart, textEnd)) {
      this.#forgetPrepared(statement, bytes.subarray(start, end), target);
    }
    return true;
  }

  /** Shows the client the outcome of a command of pgpool's own. */
  reply(result: CommandResult): void {
    const { port, router } = this.session;
    const status = router.failedNode >= 0
      ? TransactionStatus.Failed
      : router.inTransaction
      ? TransactionStatus.InTransaction
      : TransactionStatus.Idle;
    if ("error" in result) {
      port.toClient(build.errorResponse(result.error));
    } else {
      for (const notice of result.notices ?? []) port.toClient(build.noticeResponse(notice));
      if (result.table !== undefined) {
        port.toClient(build.rowDescription(result.table.columns.map((name) => ({ name }))));
        for (const row of result.table.rows) port.toClient(build.dataRow(row));
      }
      port.toClient(build.commandComplete(result.tag));
    }
    port.toClient(readyForQuery(status));
  }

  #command(
    command: NonNullable<ReturnType<typeof parsePgpoolCommand>>,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const { session } = this;
    if (session.visibleCount > 0) {
      session.outgoing.awaitAnswers();
      return false;
    }
    if (session.router.failedNode >= 0) return this.#refuseInFailed(bytes, start, end);
    this.#logStatement(bytes, start, end);
    session.waitingFor = "pgpool command";
    session.port.runCommand(command);
    return true;
  }

  /** A transaction that has failed takes nothing but its end; the server would say the same. */
  #refuseInFailed(bytes: Uint8Array, start: number, end: number): boolean {
    const { session } = this;
    if (session.visibleCount > 0) {
      session.outgoing.awaitAnswers();
      return false;
    }
    this.reply({
      error: {
        severity: "ERROR",
        sqlstate: "25P02",
        message: "current transaction is aborted, commands ignored until end of transaction block",
        detail: `statement: ${text(bytes, start, end)}`,
      },
    });
    return true;
  }

  #logStatement(bytes: Uint8Array, start: number, end: number): void {
    const { settings, log } = this.session;
    if (settings.log_statement) log.tell("log", `statement: ${text(bytes, start, end)}`);
  }

  /**
   * pg_terminate_backend() has to run where the process is, when it is one that pgpool is connected
   * to (reference sql-interface.md 11). Its end is no reason for a failover: the node still answers.
   */
  #terminateTarget(pid: number): number | undefined {
    const { session } = this;
    if (this.#located?.pid !== pid) {
      session.waitingFor = "search for a server process";
      session.port.locateBackend(pid);
      return undefined;
    }
    const { node } = this.#located;
    this.#located = undefined;
    if (node < 0) return session.router.primary;
    const what = `found the pg_terminate_backend request for backend pid:${pid}`;
    session.log.tell("log", `${what} on backend node:${node}`);
    return node;
  }

  /** Where a statement goes; PREPARE, EXECUTE and DEALLOCATE follow each other. */
  #target(
    statement: StatementClass,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number | undefined {
    const { session } = this;
    if (statement.terminateBackendPid !== undefined && session.router.options.streaming) {
      return this.#terminateTarget(statement.terminateBackendPid);
    }
    const name = statement.prepared?.name;
    if (statement.kind === "execute" && typeof name === "string") return this.executeTarget(name);
    const known = typeof name === "string" ? session.sqlPrepared.get(name) : undefined;
    if (statement.kind === "deallocate" && typeof name === "string") {
      return known?.nodes.at(-1) ?? session.router.primary;
    }
    if (statement.kind === "prepare" && known !== undefined) {
      return known.nodes.at(-1) ?? session.router.primary;
    }
    const inner = statement.kind === "prepare" ? statement.prepared?.inner : undefined;
    // The text of PREPARE says nothing of what it prepares: its inner statement was parsed.
    const readText = inner === undefined
      ? session.outgoing.mayBeRead(bytes, start, end)
      : !session.outgoing.belongsOnPrimary(bytes, start, end);
    return session.outgoing.target(inner ?? statement, readText);
  }

  /** The node of a statement named by PREPARE, which is prepared there again if it must move. */
  executeTarget(name: string): number | undefined {
    const { session } = this;
    const prepared = session.sqlPrepared.get(name);
    // EXECUTE also runs what was prepared by the extended protocol.
    if (prepared === undefined) return session.extended.nodeOf(name) ?? session.router.primary;
    const { bytes, start, end, nodes } = prepared;
    const current = nodes.at(-1) ?? session.router.primary;
    if (bytes === undefined) return current;
    const node = session.outgoing.target(prepared.statement, prepared.readText);
    if (node === undefined || nodes.includes(node)) return node;
    const server = session.outgoing.ready(node);
    if (server === undefined) return undefined;
    // In the middle of a pipeline a Query would end it.
    if (server.unsynced) return current;
    server.sendRange(bytes, start, end, Expect.Query, Show.Nothing);
    nodes.push(node);
    return node;
  }

  /** Registers what PREPARE names; a name that is taken keeps its meaning: the server refuses. */
  notePrepared(statement: StatementClass, sql: string, node: number): Prepared | undefined {
    const { sqlPrepared, outgoing } = this.session;
    const { name, inner } = statement.prepared ?? {};
    if (statement.kind !== "prepare" || typeof name !== "string" || inner === undefined) return;
    if (sqlPrepared.get(name) !== undefined) return;
    const message = build.query(sql);
    const readText = !outgoing.belongsOnPrimary(message, 5, message.length - 1);
    const prepared = sqlPrepared.set(name, inner, readText, message, 0, message.length);
    prepared.nodes.push(node);
    return prepared;
  }

  /**
   * What PREPARE names is known to the primary as well, whatever node it will run on: catalogs,
   * EXPLAIN EXECUTE and the extended protocol ask for it there.
   */
  #prepareOnPrimary(prepared: Prepared, node: number): void {
    const { session } = this;
    const { primary } = session.router;
    const { bytes, start, end } = prepared;
    if (node === primary || bytes === undefined) return;
    session.outgoing.server(primary).sendRange(bytes, start, end, Expect.Query, Show.Nothing);
    prepared.nodes.unshift(primary);
  }

  /** DEALLOCATE of one statement goes to all nodes that have it. */
  #forgetPrepared(statement: StatementClass, message: Uint8Array, node: number): void {
    const { sqlPrepared, servers } = this.session;
    const name = statement.prepared?.name;
    if (typeof name !== "string") {
      sqlPrepared.clear();
      return;
    }
    for (const other of sqlPrepared.get(name)?.nodes ?? []) {
      if (other !== node) servers[other]?.send(message, Expect.Query, Show.Nothing);
    }
    sqlPrepared.delete(name);
  }
}

/** Whether the server has to see a statement in a transaction that has failed. */
function isTakenWhenFailed({ kind }: StatementClass): boolean {
  switch (kind) {
    case "commit":
    case "rollback":
    case "rollback-to":
    case "prepare-transaction":
    case "empty":
    case "multi":
    case "unparsable":
      return true;
    default:
      return false;
  }
}

/** CREATE, ALTER and DROP DATABASE fail while others, pooled ones too, are connected. */
function isDatabaseCommand(
  statement: StatementClass,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (statement.statisticsKind !== "ddl") return false;
  return /^\s*(?:create|alter|drop)\s+database\b/i.test(
    text(bytes, start, Math.min(end, start + 100)),
  );
}

function endsPrepared(
  statement: StatementClass,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (statement.kind === "deallocate") return true;
  // DISCARD PLANS, SEQUENCES and TEMP leave prepared statements as they are.
  return statement.kind === "discard" && /\ball\b/i.test(text(bytes, start, end));
}

/** What a follower is sent in place of the client's own words (parameters.md 4.2 rule 4). */
function followerText(statement: StatementClass, failedNode: number): string | undefined {
  if (statement.kind === "begin" && statement.transaction?.plainBegin === true) return "BEGIN";
  if (statement.kind === "prepare-transaction") return failedNode >= 0 ? "ROLLBACK" : "COMMIT";
  // The transaction has failed on one node: it must not be committed on another.
  if (statement.kind === "commit" && failedNode >= 0) return "ROLLBACK";
  return undefined;
}
