import type { ClusterSnapshot } from "../cluster/types.ts";
import * as build from "../wire/build.ts";
import { Backend } from "../wire/protocol.ts";
import { lostServer, nodeDown, OTHER_PRIMARY } from "./farewells.ts";
import type { ErrorFields, ServerUnavailable } from "./port.ts";
import { Expect } from "./reply-queue.ts";
import type { ServerState } from "./server-state.ts";
import type { Session } from "./session.ts";

/**
 * What becomes of a session when the cluster changes or a server's connection ends. One that does
 * not depend on the server goes on without it, and gets another connection with its next statement;
 * one that does is told so and ends.
 */
export class NodeChanges {
  /** What the client is told if the primary turns out to be well. */
  #farewell: Uint8Array | undefined;

  constructor(readonly session: Session) {}

  /** The cluster has changed. */
  setSnapshot(snapshot: ClusterSnapshot): void {
    const { session } = this;
    const { router, servers } = session;
    const before = router.primary;
    router.snapshot = snapshot;
    if (session.ended) return;
    const after = router.primary;
    if (before !== after || !router.isUsable(router.loadBalanceNode)) router.rebalance();
    for (const server of servers) {
      if (server === undefined || session.ended) continue;
      const { node } = server;
      const isDemoted = node === before && after !== before;
      if (!router.isUsable(node)) this.#without(server, isDemoted, nodeDown(node));
      else if (isDemoted) this.#without(server, isDemoted, OTHER_PRIMARY);
    }
    session.resume("primary node");
  }

  /** A server's connection has ended. */
  serverClosed(node: number, reason: string): void {
    const { session } = this;
    const server = session.servers[node];
    if (server === undefined) return;
    const { router } = session;
    this.#without(server, node === router.primary, lostServer(node, reason));
    session.port.complain(node, "connection-lost", reason);
    if (!session.ended && node === router.loadBalanceNode) router.rebalance();
  }

  /**
   * The primary has ended a connection as it does when it shuts down, or when somebody has told it
   * to end just this one: which it was shows when it is connected to again.
   *
   * @param body of the ErrorResponse.
   */
  doubt(server: ServerState, body: Uint8Array): void {
    const { session } = this;
    session.dropServer(server.node, "broken");
    this.#farewell = build.message(Backend.ErrorResponse, body);
    if (session.waitingFor === "") session.waitingFor = "check of the primary";
    session.openServer(server.node);
  }

  /** The primary could be connected to again; false if nobody had doubted it. */
  primaryIsWell(): boolean {
    if (this.#farewell === undefined) return false;
    this.session.endWith(this.#farewell);
    return true;
  }

  /** A connection asked for can not be had. */
  serverUnavailable(node: number, why: ServerUnavailable): void {
    const { session } = this;
    session.servers[node] = undefined;
    if (session.ended) return;
    if (this.#farewell !== undefined && node === session.router.primary) {
      this.#doubtIsOver();
      return;
    }
    if (node === session.router.primary && session.waitingFor === "server connection") {
      session.holding.primaryUnavailable(why);
      return;
    }
    session.router.avoid(node);
    session.resume("server connection");
  }

  /** Whether the session can not go on without what it has on a server. */
  dependsOn(server: ServerState): boolean {
    return this.#dependsOn(server, server.node === this.session.router.primary);
  }

  /** Goes on without a server, or tells the client that this can not be. */
  #without(server: ServerState, wasPrimary: boolean, farewell: ErrorFields): void {
    const { session } = this;
    const { node } = server;
    if (this.#dependsOn(server, wasPrimary)) {
      session.fail(farewell);
      return;
    }
    const wasAsked = server.replies.owes(Expect.Internal);
    session.dropServer(node, "broken");
    if (wasPrimary) this.#doubtIsOver();
    session.resume("server connection");
    if (wasAsked) session.resume("catalog lookup");
  }

  /** The primary is gone: its client goes on with the next one. */
  #doubtIsOver(): void {
    this.#farewell = undefined;
    this.session.resume("check of the primary");
  }

  /** @param wasPrimary what cannot be moved, and every write, is on the primary. */
  #dependsOn(server: ServerState, wasPrimary: boolean): boolean {
    const { session } = this;
    const { router, extended, visibleCount, visibleNode } = session;
    const { node } = server;
    if (visibleCount > 0 && visibleNode === node) return true;
    if (router.failedNode === node || server.unsynced || server.copying) return true;
    if (extended.hasPortalOn(node)) return true;
    if (!wasPrimary) return false;
    const isInUse = router.inTransaction && session.begun === undefined;
    return isInUse || session.bound || router.settingsOnPrimary;
  }
}
