import type { Draft } from "./draft.ts";
import { liveness, type NodeFacts, type PingOutcome, type ProbeOutcome } from "./facts.ts";
import { type ClusterNode, isUsableNode } from "./node.ts";
import { isFedBy } from "./primary.ts";
import { requestUp } from "./queue.ts";
import { type ClusterSettings, healthCheckOf } from "./settings.ts";

/** Milliseconds during which the same refusal is not logged again. */
const WARNING_PAUSE = 600_000;

/**
 * Whether a node that is down is used again without being attached, once its role is clear: one that
 * merely was not there when pgpool started, and with auto_failback (reference behaviour.md 10) any
 * but those that somebody has taken out by hand or has yet to set up.
 */
export function mayReturn(settings: ClusterSettings, node: ClusterNode): boolean {
  if (node.status !== "down") return false;
  switch (node.downCause) {
    case "unseen":
      return true;
    case "failure":
    case "status-file":
    case "false-primary":
    case "follow":
      return settings.autoFailback && settings.mode === "streaming_replication";
    case "none":
    case "operator":
    case "added":
      return false;
  }
}

/** Whether it is asked every few seconds; others are asked when their health check is due. */
export function isAskedOften(settings: ClusterSettings, node: ClusterNode): boolean {
  if (!mayReturn(settings, node)) return false;
  // Health checks have not begun while the start looks for a primary, and this may be the one.
  const isFromBefore = node.downCause === "unseen" || node.downCause === "status-file";
  return isFromBefore || healthCheckOf(settings, node.id).period === 0;
}

/**
 * A node that is down was asked whether it is back. In native replication and snapshot isolation
 * nobody comes back by himself, because the data may differ.
 */
export function hearReturn(
  draft: Draft,
  id: number,
  outcome: ProbeOutcome | PingOutcome,
  startedAt: number,
): void {
  const node = draft.node(id);
  if (node === undefined || !mayReturn(draft.settings, node) || node.changedAt > startedAt) return;
  if (liveness(outcome) !== "alive" || isBusy(draft)) return;
  switch (draft.settings.mode) {
    case "raw":
    case "logical_replication":
      requestUp(draft, id);
      return;
    case "native_replication":
    case "snapshot_isolation":
      return;
    case "streaming_replication":
      if (outcome.kind === "ok") takeBack(draft, node, outcome.facts);
      return;
  }
}

/** Nobody comes back in the middle of a change. */
function isBusy({ work }: Draft): boolean {
  const { queue, active, awaiting, follow } = work;
  return queue.length > 0 || active !== null || awaiting.length > 0 || follow !== null;
}

function takeBack(draft: Draft, node: ClusterNode, facts: NodeFacts): void {
  if (node.alwaysPrimary) {
    requestUp(draft, node.id);
    return;
  }
  const reason = facts.inRecovery
    ? standbyReason(draft, node, facts)
    : primaryReason(draft, node, facts);
  if (reason === null) {
    returnNode(draft, node);
    return;
  }
  if (draft.now - node.refusedAt < WARNING_PAUSE) return;
  draft.update(node.id, { refusedAt: draft.now });
  draft.log({
    severity: "warning",
    text: `node ${node.id} answers again but is not used`,
    detail: reason,
    hint: "Rebuild it as a standby of the primary, or attach it by hand.",
  });
}

function returnNode(draft: Draft, node: ClusterNode): void {
  if (node.downCause !== "unseen") {
    // A node comes back in whole seconds more than the interval, never a moment too early.
    const seconds = Math.floor((draft.now - node.autoFailbackAt) / 1000);
    if (seconds <= draft.settings.autoFailbackInterval) return;
    draft.update(node.id, { autoFailbackAt: draft.now });
    draft.log({ severity: "log", text: `request auto failback, node id:${node.id}` });
  }
  requestUp(draft, node.id);
}

/** Why a standby is not used, null when it is. */
function standbyReason(draft: Draft, node: ClusterNode, facts: NodeFacts): string | null {
  if (node.downCause === "unseen") {
    return isFedByStranger(draft, node, facts)
      ? "It is the standby of a node that is not in use."
      : null;
  }
  const primary = draft.node(draft.primary);
  if (primary === undefined) return "It is a standby, and there is no primary.";
  const isStreaming = node.replicationState === "streaming" || isFedBy(primary, facts.receiver);
  return isStreaming ? null : `It does not stream from the primary, node ${primary.id}.`;
}

/** Why a server that is not in recovery is not used as the primary, null when it is. */
function primaryReason(draft: Draft, node: ClusterNode, facts: NodeFacts): string | null {
  const claim = (reason: string) => `It claims to be a primary, and ${reason}.`;
  if (draft.primary !== -1) return claim(`node ${draft.primary} is the primary`);
  if (node.downCause === "false-primary") return claim("it was detached as a false primary");
  if (node.downCause === "status-file" && !haveOthersAnswered(draft, node)) {
    return claim("was down when pgpool was stopped: a node that was not may be ahead of it");
  }
  if (facts.timeline !== null && facts.timeline < draft.timeline) {
    return claim(
      `it is on timeline ${facts.timeline} and the cluster has been on timeline ${draft.timeline}`,
    );
  }
  return draft.work.lost?.isHandedOn === true
    ? claim("failover_command was called to promote another node")
    : null;
}

/** Whether all other nodes that were in use when pgpool was stopped have answered since. */
function haveOthersAnswered(draft: Draft, node: ClusterNode): boolean {
  return draft.nodes.every((other) =>
    other.id === node.id || other.status === "unused" || other.downCause === "status-file" ||
    other.isSeen
  );
}

/** A standby streams from a node of ours that is neither the primary nor in use. */
function isFedByStranger(draft: Draft, node: ClusterNode, facts: NodeFacts): boolean {
  if (draft.primary === -1) return false;
  return draft.nodes.some((other) =>
    other.id !== node.id && other.status !== "unused" && !isUsableNode(other) &&
    isFedBy(other, facts.receiver)
  );
}
