import type { StatementClass } from "../sql/statement-class.ts";
import * as build from "../wire/build.ts";
import { ProtocolError } from "../wire/errors.ts";
import { Frontend } from "../wire/protocol.ts";
import { stringEnd, text } from "../wire/read.ts";
import { type Portal, type Prepared, PreparedStatements, preparedText } from "./prepared.ts";
import { Expect, type ReplyContext, Show } from "./reply-queue.ts";
import type { ServerState } from "./server-state.ts";
import type { Session } from "./session.ts";

/** Portals remembered by name; further ones go to the primary, where cursors are. */
const MOST_PORTALS = 10_000;
const NONE: readonly number[] = [];

/**
 * The extended query protocol: Parse, Bind, Describe, Execute, Close, Flush and Sync.
 *
 * A statement is prepared on the node it will run on, and again on another one when it has to move.
 * Every handler returns false when the message has to wait.
 */
export class ExtendedProtocol {
  readonly #statements = new PreparedStatements();
  #portals: Map<string, Portal> | undefined;
  #unnamedPortal: Portal | undefined;
  /** No unnamed statement has been made since the last simple Query. */
  #unnamedGone = false;

  constructor(readonly session: Session) {}

  parse(bytes: Uint8Array, start: number, end: number, isHead: boolean): boolean {
    const { session } = this;
    const nameEnd = nameAt(bytes, start + 5, end);
    const queryEnd = isHead ? end : nameAt(bytes, nameEnd + 1, end);
    const name = nameOf(bytes, start + 5, nameEnd);
    const statement = session.classify(bytes, nameEnd + 1, queryEnd, isHead);
    const readText = session.outgoing.mayBeRead(bytes, nameEnd + 1, queryEnd);
    // A name that is taken: the server that has it refuses, keeps what it has, and so do we.
    const taken = name === "" ? undefined : this.#statements.get(name);
    const node = taken === undefined
      ? this.#parseTarget(statement, readText)
      : this.#takenNode(taken);
    if (node === undefined) return false;
    const server = session.outgoing.ready(node);
    if (server === undefined) return false;

    const followers = taken === undefined ? session.outgoing.followers(statement, node) : NONE;
    const prepared = taken === undefined
      ? this.#statements.set(name, statement, readText, bytes, start, isHead ? start : end)
      : undefined;
    prepared?.nodes.push(node, ...followers);
    if (name === "") this.#unnamedGone = false;
    this.#log(bytes, nameEnd + 1, queryEnd, "Parse: ", node, followers);
    if (statement.kind === "prepare") {
      session.simple.notePrepared(statement, text(bytes, nameEnd + 1, queryEnd), node);
    }
    session.outgoing.visible(server, bytes, start, end, Expect.Parse, prepared);
    this.#follow(followers, bytes, start, end, Expect.Parse);
    if (isHead) session.passTo = server;
    return true;
  }

  bind(bytes: Uint8Array, start: number, end: number, isHead: boolean): boolean {
    const { session } = this;
    const portalEnd = nameAt(bytes, start + 5, end);
    const nameEnd = nameAt(bytes, portalEnd + 1, end);
    const prepared = this.#statements.get(nameOf(bytes, portalEnd + 1, nameEnd));
    const portalName = nameOf(bytes, start + 5, portalEnd);
    const taken = portalName === "" ? undefined : this.#portals?.get(portalName);
    // A portal's name that is taken is refused where the portal is.
    const node = taken !== undefined
      ? taken.node
      : prepared === undefined
      ? this.#nodeWithout(nameEnd === portalEnd + 1)
      : this.#bindTarget(prepared);
    if (node === undefined) return false;
    const server = session.outgoing.ready(node);
    if (server === undefined) return false;

    const followers = prepared === undefined
      ? NONE
      : session.outgoing.followers(prepared.statement, node);
    if (prepared !== undefined) {
      this.#prepareOn(server, prepared, Show.Error);
      for (const each of followers) {
        this.#prepareOn(session.outgoing.server(each), prepared, Show.Nothing);
      }
    }
    if (taken === undefined) this.#setPortal(portalName, { prepared, node, followers });
    if (prepared !== undefined) this.#logPrepared("Bind: ", prepared, node, followers);
    session.outgoing.visible(server, bytes, start, end, Expect.Bind);
    this.#follow(followers, bytes, start, end, Expect.Bind);
    if (isHead) session.passTo = server;
    return true;
  }

  describe(bytes: Uint8Array, start: number, end: number): boolean {
    const { session } = this;
    const node = this.#named(bytes, start, end)?.node ?? session.router.primary;
    const server = session.outgoing.ready(node);
    if (server === undefined) return false;
    session.outgoing.visible(server, bytes, start, end, Expect.Describe);
    return true;
  }

  execute(bytes: Uint8Array, start: number, end: number): boolean {
    const { session } = this;
    const portalEnd = nameAt(bytes, start + 5, end);
    const portal = this.#portal(nameOf(bytes, start + 5, portalEnd));
    const node = portal?.node ?? session.router.primary;
    const server = session.outgoing.ready(node);
    if (server === undefined) return false;
    const followers = portal?.followers ?? NONE;
    if (portal?.prepared !== undefined) {
      const { statement } = portal.prepared;
      session.outgoing.notePrepared(portal.prepared);
      this.#logPrepared("Execute: ", portal.prepared, node, followers);
      session.outgoing.noteSent(statement, keptQuery(portal.prepared), server);
      if (statement.kind === "begin") {
        for (const each of followers) session.outgoing.server(each).inTransaction = true;
      }
    }
    session.outgoing.visible(server, bytes, start, end, Expect.Execute);
    this.#follow(followers, bytes, start, end, Expect.Execute);
    return true;
  }

  close(bytes: Uint8Array, start: number, end: number): boolean {
    const { session } = this;
    const found = this.#named(bytes, start, end);
    const node = found?.node ?? session.router.primary;
    const server = session.outgoing.ready(node);
    if (server === undefined) return false;
    session.outgoing.visible(server, bytes, start, end, Expect.Close);
    for (const each of found?.others ?? NONE) {
      session.servers[each]?.sendRange(bytes, start, end, Expect.Close, Show.Nothing);
    }
    const name = text(bytes, start + 6, end - 1);
    if (bytes[start + 5] === STATEMENT) this.#statements.delete(name);
    else this.#portals?.delete(name);
    return true;
  }

  flush(): boolean {
    for (const server of this.session.servers) {
      if (server?.unsynced === true) server.write(build.FLUSH);
    }
    return true;
  }

  /** Sync goes to every node that was sent something since the last one; one answer is shown. */
  sync(bytes: Uint8Array, start: number, end: number): boolean {
    const { session } = this;
    const { servers } = session;
    // What was done on one node must not be committed while another can still fail.
    if (session.pipelineMixed && session.visibleCount > 0) {
      session.outgoing.awaitAnswers();
      return false;
    }
    const leader = this.#syncLeader();
    const server = session.outgoing.ready(leader);
    if (server === undefined) return false;
    if (session.failedPipeline >= 0) this.#abortOthers(server);
    session.outgoing.visible(server, bytes, start, end, Expect.Sync);
    session.pipelineOver();
    for (const each of servers) {
      if (each !== undefined && each !== server && each.unsynced) {
        each.send(build.SYNC, Expect.Sync, Show.Nothing);
      }
    }
    return true;
  }

  /** The server has refused or skipped a Parse. */
  parseFailed(context: ReplyContext): void {
    if (context !== undefined && "statement" in context) this.#statements.forget(context);
  }

  /** Portals do not outlive their transaction. */
  transactionEnded(): void {
    this.#unnamedPortal = undefined;
    this.#portals = undefined;
  }

  /** A simple Query ends the unnamed statement and portal. */
  forgetUnnamed(): void {
    this.#unnamedGone = true;
    this.#unnamedPortal = undefined;
    this.#statements.delete("");
  }

  /** Whether messages of the client may name something on the node. */
  uses(node: number): boolean {
    if (this.#unnamedPortal?.node === node || this.#statements.isOn(node)) return true;
    return this.#portals?.values().some((portal) => portal.node === node) ?? false;
  }

  /** Whether there is a portal on the node that the client has named, to read from it again. */
  hasPortalOn(node: number): boolean {
    if (!this.session.router.inTransaction) return false;
    return this.#portals?.values().some((portal) => portal.node === node) ?? false;
  }

  /** Where a statement of that name has been prepared last, undefined when there is none. */
  nodeOf(name: string): number | undefined {
    return this.#statements.get(name)?.nodes.at(-1);
  }

  serverLost(node: number): void {
    this.#statements.lost(node);
    if (this.#unnamedPortal?.node === node) this.#unnamedPortal = undefined;
  }

  /** The node that refuses a name that is taken, or anything in a transaction that has failed. */
  #takenNode(taken: Prepared): number {
    const { failedNode, primary } = this.session.router;
    return failedNode >= 0 ? failedNode : taken.nodes.at(-1) ?? primary;
  }

  /** A node that knows no such statement, and says so. */
  #nodeWithout(isUnnamed: boolean): number {
    const { statementNode, router } = this.session;
    return isUnnamed && this.#unnamedGone && statementNode >= 0 ? statementNode : router.primary;
  }

  /**
   * A pipeline has failed on one node: what it did on others must not be committed by Sync. They
   * are made to fail too, as Pgpool-II does (behaviour.md 8.3).
   */
  #abortOthers(failed: ServerState): void {
    for (const server of this.session.servers) {
      if (server === undefined || server === failed || !server.unsynced) continue;
      server.send(INVALID_PARSE, Expect.Parse, Show.Nothing);
    }
  }

  #setPortal(name: string, portal: Portal): void {
    if (name === "") {
      this.#unnamedPortal = portal;
      return;
    }
    this.#portals ??= new Map();
    if (this.#portals.size < MOST_PORTALS) this.#portals.set(name, portal);
  }

  #portal(name: string): Portal | undefined {
    return name === "" ? this.#unnamedPortal : this.#portals?.get(name);
  }

  /** EXECUTE and DEALLOCATE of SQL's own prepared statements go where those are. */
  #parseTarget(statement: StatementClass, readText: boolean): number | undefined {
    const { session } = this;
    const name = statement.prepared?.name;
    if (statement.kind === "prepare") return session.router.primary;
    if (!ofSqlPrepared(statement) || typeof name !== "string") {
      return session.outgoing.target(statement, readText);
    }
    if (statement.kind === "execute") return session.simple.executeTarget(name);
    return session.sqlPrepared.get(name)?.nodes.at(-1) ?? session.router.primary;
  }

  #bindTarget(prepared: Prepared): number | undefined {
    const { session } = this;
    // A statement too large to be kept can only run where it is.
    const stuck = prepared.bytes === undefined || ofSqlPrepared(prepared.statement);
    if (stuck) return prepared.nodes.at(-1) ?? session.router.primary;
    const { statement } = prepared;
    const stays = session.settings.statement_level_load_balance && !session.router.pipelineWrote &&
      !session.router.inTransaction;
    const current = prepared.nodes.at(-1);
    if (stays && current !== undefined) return current;
    return session.outgoing.target(statement, prepared.readText);
  }

  #prepareOn(server: ServerState, prepared: Prepared, show: number): void {
    const { bytes, start, end, nodes } = prepared;
    if (nodes.includes(server.node) || bytes === undefined) return;
    this.#logPrepared("Parse: ", prepared, server.node, NONE);
    server.sendRange(bytes, start, end, Expect.Parse, show, prepared);
    prepared.nodes.push(server.node);
  }

  #follow(
    followers: readonly number[],
    bytes: Uint8Array,
    start: number,
    end: number,
    expect: number,
  ): void {
    for (const node of followers) {
      this.session.outgoing.server(node).sendRange(bytes, start, end, expect, Show.Nothing);
    }
  }

  #syncLeader(): number {
    const { router, servers, visibleNode, failedPipeline } = this.session;
    if (failedPipeline >= 0 && servers[failedPipeline] !== undefined) return failedPipeline;
    const primary = router.primary;
    // Only the primary can fail at the end of an implicit transaction, and that must be seen.
    if (router.pipelineWrote && servers[primary]?.unsynced === true) return primary;
    if (visibleNode >= 0 && servers[visibleNode]?.unsynced === true) return visibleNode;
    return servers.find((each) => each?.unsynced === true)?.node ?? primary;
  }

  /** The statement or portal a Describe or Close names, where it is, and where else. */
  #named(
    bytes: Uint8Array,
    start: number,
    end: number,
  ): { node: number; others: readonly number[] } | undefined {
    const kind = bytes[start + 5];
    if (kind !== STATEMENT && kind !== PORTAL) {
      throw new ProtocolError(`invalid subtype ${kind} of Describe or Close message`);
    }
    const name = text(bytes, start + 6, nameAt(bytes, start + 6, end));
    if (kind === PORTAL) {
      const portal = this.#portal(name);
      return portal && { node: portal.node, others: portal.followers };
    }
    const nodes = this.#statements.get(name)?.nodes ?? NONE;
    if (nodes.length === 0) return undefined;
    const { visibleNode } = this.session;
    const node = nodes.includes(visibleNode) ? visibleNode : nodes[0];
    return { node, others: nodes.filter((each) => each !== node) };
  }

  /** Logs Bind and Execute of a statement for the nodes they go to, the primary's COMMIT last. */
  #logPrepared(
    prefix: string,
    prepared: Prepared,
    node: number,
    followers: readonly number[],
  ): void {
    const { settings, outgoing } = this.session;
    if (!settings.log_per_node_statement && !settings.notice_per_node_statement) return;
    const line = prefix + preparedText(prepared);
    const { kind } = prepared.statement;
    const ends = kind === "commit" || kind === "rollback";
    for (const each of ends ? [...followers, node] : [node, ...followers]) {
      outgoing.logPerNode(each, line);
    }
  }

  #log(
    bytes: Uint8Array,
    start: number,
    end: number,
    prefix: string,
    node: number,
    followers: readonly number[],
  ): void {
    const { session } = this;
    if (session.settings.log_statement) {
      session.log.tell("log", `statement: ${prefix}${text(bytes, start, end)}`);
    }
    session.outgoing.noteText(bytes, start, end, node, prefix);
    for (const each of followers) {
      session.outgoing.logPerNode(each, prefix + text(bytes, start, end));
    }
  }
}

/** EXECUTE or DEALLOCATE. */
function ofSqlPrepared(statement: StatementClass): boolean {
  return statement.kind === "execute" || statement.kind === "deallocate";
}

/** SET or BEGIN by the extended protocol as a Query message, for connections opened later. */
function keptQuery(prepared: Prepared): Uint8Array | undefined {
  const { kind } = prepared.statement;
  const keeps = kind === "set" || kind === "reset" || kind === "discard" || kind === "begin";
  return keeps && prepared.bytes !== undefined ? build.query(preparedText(prepared)) : undefined;
}

const INVALID_PARSE = build.message(
  Frontend.Parse,
  "pgpool_abort",
  "send invalid query from pgpool to abort transaction",
  build.int16(0),
);

const STATEMENT = 0x53;
const PORTAL = 0x50;

/** A name between two offsets; most have none. */
function nameOf(bytes: Uint8Array, start: number, end: number): string {
  return start === end ? "" : text(bytes, start, end);
}

function nameAt(bytes: Uint8Array, start: number, end: number): number {
  const at = stringEnd(bytes, start, end);
  if (at < 0) throw new ProtocolError("invalid string in message");
  return at;
}
