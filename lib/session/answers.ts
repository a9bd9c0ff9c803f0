import { query } from "../wire/build.ts";
import { Backend, TransactionStatus } from "../wire/protocol.ts";
import { parseErrorFields, parseParameterStatus } from "../wire/read.ts";
import { Expect, type ReplyContext, Show } from "./reply-queue.ts";
import type { ReplyHandler, ServerState } from "./server-state.ts";
import type { Session } from "./session.ts";

/** What makes a server's transaction fail, so that it can only be rolled back. */
export const INVALID_QUERY: Uint8Array = query(
  "send invalid query from pgpool to abort transaction",
);

/** What a session does with what its servers say. */
export class Answers implements ReplyHandler {
  /** The client has been shown that a server ends the connection. */
  sawFatal = false;
  /** Server whose COPY takes the client's data. */
  copyServer: ServerState | undefined;

  constructor(readonly session: Session) {}

  watcher(server: ServerState): ((type: number) => void) | undefined {
    const { settings } = this.session;
    if (settings.log_backend_messages === "none") return undefined;
    const messages = this.session.log.backendMessages;
    const terse = settings.log_backend_messages === "terse";
    return (type) => messages.message(server.node, type, terse);
  }

  forward(_server: ServerState, bytes: Uint8Array): void {
    this.session.port.toClient(bytes);
  }

  showsAsync(server: ServerState, type: number): boolean {
    const { session } = this;
    if (server.node !== session.router.primary || session.ended) return false;
    // Notices belong to the statement that is not shown; notifications and parameters to the client.
    const hidden = server.replies.expect >= 0 && server.replies.show !== Show.All;
    if (hidden && type === Backend.NoticeResponse) return false;
    // A message must not be put into the middle of another node's.
    return !session.servers.some((each) => each !== server && each?.midMessage === true);
  }

  /**
   * A server ends its connection unasked. A client that has left nothing there is not told when the
   * server has crashed or shuts down, and is when somebody has ended just this connection.
   */
  showsUnaskedError(server: ServerState, body: Uint8Array | undefined): boolean {
    const { session } = this;
    if (!this.showsAsync(server, Backend.ErrorResponse)) return false;
    if (body === undefined || session.dependsOn(server)) return true;
    switch (parseErrorFields(body).get("C")) {
      case "57P02":
        return false;
      case "57P01":
        session.changes.doubt(server, body);
        return false;
      default:
        return true;
    }
  }

  parameter(server: ServerState, body: Uint8Array): void {
    const parameter = parseParameterStatus(body);
    if (parameter === undefined) return;
    server.link?.parameters.set(parameter[0], parameter[1]);
    if (parameter[0] === "search_path") this.session.options.knowledge.searchPath(parameter[1]);
  }

  error(server: ServerState, body: Uint8Array | undefined, show: number, expect: number): void {
    const { session } = this;
    const fields = body === undefined ? new Map<string, string>() : parseErrorFields(body);
    const severity = (fields.get("V") ?? fields.get("S") ?? "ERROR").toLowerCase();
    const code = fields.get("C") ?? "";
    const text = fields.get("M") ?? "";
    if (severity === "fatal" || severity === "panic") {
      if (show === Show.All) this.sawFatal = true;
      session.port.countError(server.node, severity);
      if (code === "57P01" || code === "57P02") {
        session.port.complain(server.node, "shutdown", text);
      }
    } else if (expect !== Expect.Internal) {
      session.port.countError(server.node, "error");
    }
    if (code === "25006" && server.node === session.router.primary) {
      session.port.complain(server.node, "read-only", text);
    }
    if (expect === Expect.Query) this.#prepareFailed(server.replies.context);
    const extended = expect >= Expect.Parse && expect <= Expect.Close;
    if (show === Show.All && extended && server.replies.length === 0) {
      session.failedPipeline = server.node;
    }
  }

  /** PREPARE was refused: its name means nothing. */
  #prepareFailed(context: ReplyContext): void {
    if (context !== undefined && "statement" in context) this.session.sqlPrepared.forget(context);
  }

  skipped(context: ReplyContext): void {
    this.session.extended.parseFailed(context);
  }

  clock(): number {
    return this.session.port.clock();
  }

  settled(_server: ServerState, show: number): void {
    if (show === Show.All) this.session.visibleCount--;
  }

  ready(server: ServerState, status: number, show: number, took: number): void {
    const { session } = this;
    if (show !== Show.All) return;
    session.port.statementTook(server.node, took);
    const failed = status === TransactionStatus.Failed;
    session.router.transactionStatus(status !== TransactionStatus.Idle, failed, server.node);
    if (failed) this.#failOthers(server);
    if (status === TransactionStatus.Idle) {
      session.journal.end(true);
      session.extended.transactionEnded();
    }
  }

  /**
   * The transaction has failed on one node. Others that the client's messages may name
   * something on have to refuse them, up to ROLLBACK or ROLLBACK TO (behaviour.md 8.3).
   */
  #failOthers(failed: ServerState): void {
    for (const server of this.session.servers) {
      if (server === undefined || server === failed || !server.inTransaction) continue;
      if (server.status === TransactionStatus.Failed || !server.clean) continue;
      if (!this.session.extended.uses(server.node)) continue;
      server.send(INVALID_QUERY, Expect.Query, Show.Nothing);
    }
  }

  copyIn(server: ServerState): void {
    this.copyServer = server;
  }

  copyEnded(server: ServerState): void {
    if (this.copyServer === server) this.copyServer = undefined;
  }

  broken(server: ServerState, reason: string): void {
    const { session } = this;
    session.port.log("warning", `DB node ${server.node} broke the protocol`, reason);
    session.dropServer(server.node, "broken");
    session.fail({
      severity: "FATAL",
      sqlstate: "08P01",
      message: `unexpected data from DB node ${server.node}`,
      detail: reason,
    });
  }
}
