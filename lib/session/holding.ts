import { looksLikePgpoolCommand } from "../sql/pgpool-commands.ts";
import type { StatementClass } from "../sql/statement-class.ts";
import { readyForQuery } from "../wire/build.ts";
import * as build from "../wire/build.ts";
import { Frontend, TransactionStatus } from "../wire/protocol.ts";
import { INVALID_QUERY } from "./answers.ts";
import { CANCELED, NO_PRIMARY } from "./farewells.ts";
import { lookForLeftovers } from "./left-behind.ts";
import type { ErrorFields, ServerUnavailable } from "./port.ts";
import { Expect, Show } from "./reply-queue.ts";
import type { Session } from "./session.ts";

/** Keeps sessions from beginning anything new; one for all sessions of a worker. */
export interface TransactionGate {
  readonly closed: boolean;
}

/** What becomes of a client's message: it goes on, waits, or has been dealt with. */
export type Passage = "go on" | "wait" | "dealt with";

/** What begins something, when it comes outside of a transaction and of a pipeline. */
const BEGINNINGS: ReadonlySet<number> = new Set([
  Frontend.Query,
  Frontend.Parse,
  Frontend.Bind,
  Frontend.Describe,
  Frontend.Execute,
  Frontend.Close,
  Frontend.FunctionCall,
]);

/**
 * Messages that have to wait for the cluster: new transactions while the gate is closed, and
 * statements that need the primary while there is none. A message that waits stays where it is, in
 * the client's bytes; it can be refused, because there is still no primary or the client cancels.
 */
export class Holding {
  /** What the client's next message is answered with. */
  #refusal: ErrorFields | undefined;
  /** A message of the extended protocol was refused: the others are dropped up to Sync. */
  #isSkipping = false;
  /** Why the primary could not be connected to, while a verdict on it is waited for. */
  #unavailable: ErrorFields | undefined;
  /** It has been found out what the session has left on the primary. */
  #isSearched = false;
  /** Seconds that the client's message has waited for the primary. */
  #waited = 0;

  constructor(readonly session: Session) {}

  /** Whether messages have to be looked at before they go on. */
  get isActive(): boolean {
    return this.session.options.gate.closed || this.#refusal !== undefined || this.#isSkipping;
  }

  /** What becomes of the message between two offsets. */
  check(type: number, bytes: Uint8Array, start: number, end: number): Passage {
    if (type === Frontend.Terminate) return "go on";
    if (this.#isSkipping) return this.#skip(type);
    if (this.#refusal !== undefined) return this.#refuse(type, this.#refusal);
    const { session } = this;
    if (!BEGINNINGS.has(type) || isInPipeline(session)) return "go on";
    if (type === Frontend.Query && looksLikePgpoolCommand(bytes, start + 5, end - 1)) {
      return "go on";
    }
    if (session.visibleCount > 0) {
      // Whether a transaction is open is known when everything has been answered.
      session.outgoing.awaitAnswers();
      return "wait";
    }
    if (session.router.inTransaction) return "go on";
    session.waitingFor = "end of a pause";
    return "wait";
  }

  /**
   * While the gate is closed and nothing runs in the session: finds out, once, whether it may go on
   * with another primary, and then tells whoever closed the gate.
   */
  settle(): void {
    const { session } = this;
    if (!session.options.gate.closed || session.ended || !session.quiet) return;
    if (!this.#isSearched) {
      this.#isSearched = true;
      if (lookForLeftovers(session)) return;
    }
    session.port.settled();
  }

  /** The client's message has been dealt with. */
  taken(): void {
    this.#isSearched = false;
    this.#waited = 0;
    this.#unavailable = undefined;
  }

  /**
   * There is no primary that a statement could be sent to: it waits for one, and is refused when
   * that has lasted too long. What merely might write goes to another node then.
   *
   * @returns the node to send it to, undefined when it has to wait or is refused.
   */
  withoutPrimary(statement: StatementClass | undefined): number | undefined {
    const { session } = this;
    const { router } = session;
    if (session.options.mayWaitForPrimary()) {
      session.waitingFor = "primary node";
      return undefined;
    }
    if (statement?.kind === "begin" && router.primary >= 0) return router.primary;
    this.#refusal = NO_PRIMARY;
    return undefined;
  }

  /** The primary can not be connected to, and a statement waits for the connection. */
  primaryUnavailable(why: ServerUnavailable): void {
    const { session } = this;
    if (!why.isVerdictDue || !session.options.mayWaitForPrimary()) {
      session.fail(why.error);
      return;
    }
    this.#unavailable = why.error;
    session.waitingFor = "primary node";
  }

  /**
   * A second has passed. A primary that could not be connected to is tried again.
   *
   * @param limit seconds that a message may wait for the primary.
   */
  tick(limit: number): void {
    const { session } = this;
    if (session.waitingFor !== "primary node") return;
    this.#waited++;
    if (this.#unavailable !== undefined && this.#waited >= limit) {
      session.fail(this.#unavailable);
      return;
    }
    session.resume("primary node");
  }

  /** Answers the message that waits with an error, as asked by a cancel request; false if none. */
  cancel(): boolean {
    const { waitingFor } = this.session;
    if (waitingFor !== "primary node" && waitingFor !== "end of a pause") return false;
    this.#refusal = CANCELED;
    this.session.resume(waitingFor);
    return true;
  }

  #refuse(type: number, error: ErrorFields): Passage {
    const { session } = this;
    if (session.visibleCount > 0) {
      session.outgoing.awaitAnswers();
      return "wait";
    }
    this.#refusal = undefined;
    if (isInPipeline(session) || !this.#failTransaction()) {
      // A server, which knows nothing of the error, could commit the rest.
      session.fail({ ...error, severity: "FATAL" });
    } else if (type === Frontend.Query || type === Frontend.FunctionCall) {
      session.simple.reply({ error });
    } else {
      session.port.toClient(build.errorResponse(error));
      this.#isSkipping = true;
    }
    return "dealt with";
  }

  /**
   * A statement of the open transaction, if there is one, was refused: the rest of it must not be
   * committed.
   *
   * @returns false when no server has the transaction, so that none can refuse to commit it.
   */
  #failTransaction(): boolean {
    const { router, servers } = this.session;
    if (!router.inTransaction || router.failedNode >= 0) return true;
    for (const server of servers) {
      if (server?.inTransaction !== true) continue;
      server.send(INVALID_QUERY, Expect.Query, Show.Nothing);
      router.failedNode = server.node;
    }
    return router.failedNode >= 0;
  }

  #skip(type: number): Passage {
    if (type !== Frontend.Sync) return "dealt with";
    const { session } = this;
    this.#isSkipping = false;
    const { inTransaction } = session.router;
    session.port.toClient(
      readyForQuery(inTransaction ? TransactionStatus.Failed : TransactionStatus.Idle),
    );
    session.pipelineOver();
    return "dealt with";
  }
}

/** Messages have been sent since the last Sync, or a server reads copy data. */
function isInPipeline(session: Session): boolean {
  return session.servers.some((server) =>
    server !== undefined && (server.unsynced || server.copying || server.wantsCopyData)
  );
}
