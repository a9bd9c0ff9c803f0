import type { NodeComplaint } from "../process/messages.ts";
import type { Draft } from "./draft.ts";
import { describeOutcome, liveness, type PingOutcome } from "./facts.ts";
import { type ClusterNode, isUsableNode } from "./node.ts";
import { requestDown, withdrawDown } from "./queue.ts";
import { hasSearchedPrimary } from "./settings.ts";

/** Milliseconds a primary may start up or recover from a crash before it counts as failed. */
export const RESTART_GRACE = 10_000;
/** Milliseconds between two looks at a primary that is not ready. */
export const RESTART_PAUSE = 500;
/** Milliseconds during which the same refusal is not logged again. */
const REFUSAL_PAUSE = 60_000;

/**
 * A worker believes that a node is not well (reference behaviour.md 9). Nothing is believed
 * unseen: the node is asked, and `hearVerification` decides.
 */
export function hearComplaint(draft: Draft, id: number, complaint: NodeComplaint): void {
  const node = draft.node(id);
  if (node === undefined || !isUsableNode(node)) return;
  switch (complaint) {
    case "read-only":
      if (hasSearchedPrimary(draft.settings.mode)) draft.effect({ type: "check" });
      return;
    case "shutdown":
      if (draft.settings.failoverOnBackendShutdown) verify(draft, node);
      return;
    case "connect-failed":
    case "connection-lost":
    case "not-answering":
      if (draft.settings.failoverOnBackendError) verify(draft, node);
      else refuse(draft, node, "failover_on_backend_error is off");
      return;
  }
}

/** The node that somebody complained about has been asked whether it takes connections. */
export function hearVerification(
  draft: Draft,
  id: number,
  outcome: PingOutcome,
  startedAt: number,
): void {
  const node = draft.node(id);
  if (node === undefined || !isUsableNode(node) || node.verifyingSince === null) return;
  if (node.changedAt > startedAt) return;
  const life = liveness(outcome);
  const isRestarting = life === "not-ready" && id === draft.primary;
  if (isRestarting && draft.now - node.verifyingSince < RESTART_GRACE) {
    draft.effect({ type: "verify", node: id, pause: RESTART_PAUSE });
    return;
  }
  draft.update(id, { verifyingSince: null });
  if (life === "alive") {
    draft.update(id, { isSeen: true });
    withdrawDown(draft, id);
    return;
  }
  if (!draft.settings.failoverOnBackendError && !draft.settings.failoverOnBackendShutdown) {
    refuse(draft, node, "failover_on_backend_error is off");
    return;
  }
  draft.log({
    severity: "log",
    text: `backend node ${id} at ${node.hostname}(${node.port}) does not answer`,
    detail: describeOutcome(outcome),
  });
  if (node.allowToFailover) requestDown(draft, id, "failure");
  else refuse(draft, node, "failover is disallowed for the node");
}

function verify(draft: Draft, node: ClusterNode): void {
  if (!node.allowToFailover) {
    refuse(draft, node, "failover is disallowed for the node");
    return;
  }
  draft.verifySilently([node]);
}

function refuse(draft: Draft, node: ClusterNode, reason: string): void {
  if (draft.now - node.refusedAt < REFUSAL_PAUSE) return;
  draft.update(node.id, { refusedAt: draft.now });
  draft.log({
    severity: "log",
    text: `not executing failover of backend node ${node.id} because ${reason}`,
  });
}
