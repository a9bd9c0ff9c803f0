import type { BackendSettings } from "../settings.ts";
import { type ClusterSnapshot, isUsable } from "../types.ts";
import { RecoveryError } from "./error.ts";
import type { RecoverySettings } from "./settings.ts";

/** Which node is recovered from which. */
export interface RecoveryPlan {
  readonly target: BackendSettings;
  readonly source: BackendSettings;
  /** Clients write to every server by themselves, so that they have to pause for the second stage. */
  readonly isReplicating: boolean;
}

const REFUSED = "process recovery request failed";

const UNDER_WAY = {
  failover: "failover",
  failback: "failback",
  promotion: "promote node operation",
} as const;

/**
 * Finds out how a node is to be recovered.
 * @throws RecoveryError when it cannot be
 */
export function planRecovery(
  node: number,
  settings: RecoverySettings,
  snapshot: ClusterSnapshot,
): RecoveryPlan {
  const { mode, backends } = settings;
  const target = backends.find(({ id }) => id === node);
  const state = snapshot.nodes[node];
  if (target === undefined || state === undefined) {
    throw new RecoveryError(REFUSED, { detail: `node id ${node} is not valid` });
  }
  const isReplicating = mode === "native_replication" || mode === "snapshot_isolation";
  if (!isReplicating && mode !== "streaming_replication") {
    throw new RecoveryError(REFUSED, {
      detail: "recovery request is only allowed in replication and streaming replication modes.",
    });
  }
  if (snapshot.transition !== "none") {
    throw new RecoveryError("failed to process PCP request at the moment", {
      detail: `${UNDER_WAY[snapshot.transition]} is in progress`,
    });
  }
  if (!isReplicating && snapshot.primary === node) {
    throw new RecoveryError(REFUSED, {
      detail: "primary server cannot be recovered by online recovery.",
    });
  }
  if (isUsable(state)) {
    throw new RecoveryError(`node recovery failed, node id: ${node} is alive`, {
      hint: "Detach it first: pgpool pcp detach-node.",
    });
  }
  const sourceId = isReplicating ? snapshot.main : snapshot.primary;
  const source = backends.find(({ id }) => id === sourceId);
  if (source === undefined) {
    throw new RecoveryError(`node recovery failed, unable to connect to main node: ${sourceId} `, {
      detail: isReplicating ? "No node is up." : "There is no primary.",
    });
  }
  return { target, source, isReplicating };
}

/** Whether what the plan goes by is still so. */
export function isValid(
  { target, source, isReplicating }: RecoveryPlan,
  snapshot: ClusterSnapshot,
): boolean {
  const state = snapshot.nodes[source.id];
  if (state === undefined || !isUsable(state) || target.id === source.id) return false;
  return isReplicating || snapshot.primary === source.id;
}
