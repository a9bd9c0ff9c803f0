import type { Draft } from "./draft.ts";
import type { LogEntry } from "./effects.ts";
import { failBack } from "./failover.ts";
import { liveness, type NodeFacts, type PingOutcome, type ProbeOutcome } from "./facts.ts";
import { type ClusterNode, isUsableNode, returnsByItself } from "./node.ts";
import { isFedBy } from "./primary.ts";
import { endSearch } from "./search.ts";

/**
 * A node that is down was asked whether it is back. It is used again only when its role is clear:
 * as a standby that is not fed by somebody else's primary, or as the primary when there is none
 * and the cluster has not moved on to a later timeline. In native replication and snapshot
 * isolation nobody comes back by himself, because the data may differ.
 */
export function hearReturn(
  draft: Draft,
  id: number,
  outcome: ProbeOutcome | PingOutcome,
  startedAt: number,
): void {
  const node = draft.node(id);
  if (node === undefined || !returnsByItself(node) || node.changedAt > startedAt) return;
  if (liveness(outcome) !== "alive") return;
  switch (draft.settings.mode) {
    case "raw":
      failBack(draft, node, false);
      return;
    case "native_replication":
    case "snapshot_isolation":
      return;
    case "logical_replication":
      failBack(draft, node, false);
      return;
    case "streaming_replication":
      if (outcome.kind === "ok") takeBack(draft, node, outcome.facts);
      return;
  }
}

function takeBack(draft: Draft, node: ClusterNode, facts: NodeFacts): void {
  if (node.alwaysPrimary) {
    failBack(draft, node, true);
    endSearch(draft);
    return;
  }
  if (facts.inRecovery) {
    if (!isFedByStranger(draft, node, facts)) failBack(draft, node, false);
    return;
  }
  if (draft.primary !== -1) {
    warnOnce(draft, node, `node ${draft.primary} is the primary`);
    return;
  }
  if (node.downCause === "false-primary") {
    warnOnce(draft, node, "it was detached as a false primary");
    return;
  }
  if (facts.timeline !== null && facts.timeline < draft.timeline) {
    warnOnce(
      draft,
      node,
      `it is on timeline ${facts.timeline} and the cluster has been on timeline ${draft.timeline}`,
    );
    return;
  }
  draft.timeline = Math.max(draft.timeline, facts.timeline ?? 0);
  failBack(draft, node, true);
  endSearch(draft);
}

/** A standby streams from a node of ours that is neither the primary nor in use. */
function isFedByStranger(draft: Draft, node: ClusterNode, facts: NodeFacts): boolean {
  if (draft.primary === -1) return false;
  return draft.nodes.some((other) =>
    other.id !== node.id && other.status !== "unused" && !isUsableNode(other) &&
    isFedBy(other, facts.receiver)
  );
}

/** Milliseconds during which the same refusal is not logged again. */
const WARNING_PAUSE = 600_000;

function warnOnce(draft: Draft, node: ClusterNode, reason: string): void {
  if (draft.now - node.refusedAt < WARNING_PAUSE) return;
  draft.update(node.id, { refusedAt: draft.now });
  const entry: LogEntry = {
    severity: "warning",
    text: `node ${node.id} answers again but is not used`,
    detail: `It claims to be a primary, and ${reason}.`,
    hint: "Rebuild it as a standby of the primary, or attach it by hand.",
  };
  draft.log(entry);
}
