import type { Draft } from "./draft.ts";
import { type ClusterNode, type DownCause, isUsableNode, NO_REPLICATION } from "./node.ts";
import { hasSearchedPrimary } from "./settings.ts";
import { beginSearch } from "./search.ts";
import { mainNode } from "./snapshot.ts";

/**
 * Takes a usable node out (reference behaviour.md 11): status down, a search for a new primary
 * when it was the primary. The caller has made sure that it really is to go.
 */
export function degenerate(draft: Draft, node: ClusterNode, cause: DownCause): void {
  const wasPrimary = draft.primary === node.id;
  const place = `${node.hostname}(${node.port})`;
  draft.log({ severity: "log", text: `=== Starting degeneration. shutdown host ${place} ===` });
  draft.changeStatus(node.id, "down", cause);
  draft.update(node.id, { ...NO_REPLICATION, serverVersion: 0 });
  draft.effect({ type: "save-status" });
  draft.effect({ type: "disconnect", node: node.id });
  logNewNodes(draft);
  draft.log({ severity: "log", text: `=== Failover done. shutdown host ${place} ===` });
  if (wasPrimary && hasSearchedPrimary(draft.settings.mode)) beginSearch(draft);
}

/** Takes a node back that is down (behaviour.md 11); `isPrimary` when it was verified as such. */
export function failBack(draft: Draft, node: ClusterNode, isPrimary: boolean): void {
  const place = `${node.hostname}(${node.port})`;
  draft.log({ severity: "log", text: `=== Starting fail back. reconnect host ${place} ===` });
  draft.changeStatus(node.id, "waiting", "none");
  if (isPrimary) draft.changePrimary(node.id);
  draft.effect({ type: "save-status" });
  logNewNodes(draft);
  draft.log({ severity: "log", text: `=== Failback done. reconnect host ${place} ===` });
  if (hasSearchedPrimary(draft.settings.mode)) draft.effect({ type: "check" });
}

/** Takes a node back because somebody says so; its role is found out by the next check. */
export function attachNode(draft: Draft, id: number): void {
  const node = draft.node(id);
  if (node === undefined || node.status !== "down") return;
  // Whoever attaches a primary of the past by hand means it.
  if (draft.primary === -1) draft.timeline = 0;
  failBack(draft, node, false);
}

/** Takes a node out because somebody says so; it stays out until it is attached. */
export function detachNode(draft: Draft, id: number): void {
  const node = draft.node(id);
  if (node === undefined || node.status === "unused") return;
  if (isUsableNode(node)) {
    degenerate(draft, node, "operator");
    return;
  }
  draft.update(id, { downCause: "operator" });
  draft.log({ severity: "log", text: "failover: no backends are degenerated" });
}

function logNewNodes(draft: Draft): void {
  if (hasSearchedPrimary(draft.settings.mode)) {
    draft.log({ severity: "log", text: `failover: set new primary node: ${draft.primary}` });
  }
  const main = mainNode(draft.nodes);
  draft.log({ severity: "log", text: `failover: set new main node: ${main}` });
}
