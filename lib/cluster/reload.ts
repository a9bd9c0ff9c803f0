import type { Draft } from "./draft.ts";
import { planHealthChecks } from "./health.ts";
import { isUsableNode, newNode, nodeSettings, unusedNode } from "./node.ts";
import type { BackendSettings, ClusterSettings } from "./settings.ts";

/**
 * Takes over a reloaded configuration (reference parameters.md 2, "Per-backend values on reload").
 * Host and port change only for slots that were unused; a new node appears down and waits for an
 * attach or a recovery. The clustering mode needs a restart and stays.
 */
export function hearReload(draft: Draft, settings: ClusterSettings): void {
  const total = weightSum(settings.backends);
  const totalBefore = weightSum(draft.settings.backends);
  const size = settings.backends.reduce((count, { id }) => Math.max(count, id + 1), 0);
  for (let id = draft.nodes.length; id < size; id++) draft.addNode(unusedNode(id, draft.now));
  for (const backend of settings.backends) {
    const node = draft.node(backend.id);
    if (node === undefined || node.status === "unused") {
      draft.addNode(newNode(backend, "down", "added", draft.now));
      continue;
    }
    logWeight(draft, backend, node.weight / totalBefore, backend.weight / total);
    // ALWAYS_PRIMARY cannot be taken away, and the data directory of a node in use stays.
    draft.update(backend.id, {
      ...nodeSettings(backend),
      alwaysPrimary: node.alwaysPrimary || backend.alwaysPrimary,
      dataDirectory: isUsableNode(node) ? node.dataDirectory : backend.dataDirectory,
    });
  }
  draft.settings = { ...settings, mode: draft.settings.mode };
  draft.effect({ type: "save-status" });
  if (draft.isSettled) planHealthChecks(draft);
}

function weightSum(backends: readonly BackendSettings[]): number {
  return backends.reduce((sum, backend) => sum + backend.weight, 0);
}

function logWeight(draft: Draft, backend: BackendSettings, before: number, after: number): void {
  if (Number.isNaN(after) || before === after) return;
  draft.log({
    severity: "log",
    text: `initializing pool configuration: backend weight for backend:${backend.id} changed ` +
      `from ${before.toFixed(6)} to ${after.toFixed(6)}`,
    detail: "This change will be effective from next client session",
  });
}
