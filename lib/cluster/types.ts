/** Status of a backend node as pgpool sees it (reference behaviour.md 1: unused, waiting, up, down). */
export type NodeStatus = "unused" | "waiting" | "up" | "down" | "quarantine";

/** Role of a backend node: primary and standby in streaming mode, main and replica elsewhere. */
export type NodeRole = "primary" | "standby" | "main" | "replica";

/** What the supervisor is changing in the cluster just now; `none` when nothing. */
export type ClusterTransition = "none" | "failover" | "failback" | "promotion";

/** One backend node in a snapshot of the cluster. */
export interface NodeState {
  readonly id: number;
  readonly hostname: string;
  readonly port: number;
  readonly status: NodeStatus;
  readonly role: NodeRole;
  /** Normalized: all weights of the cluster sum to 1. */
  readonly weight: number;
  /** Bytes, or microseconds when `delayByTime`. */
  readonly replicationDelay: number;
  readonly delayByTime: boolean;
  /** pg_stat_replication.state, empty when there is none. */
  readonly replicationState: string;
  readonly replicationSyncState: string;
  /** Unix time in seconds of the last change of status or role. */
  readonly lastStatusChange: number;
  /** server_version_num as reported at the last check, 0 when unknown. */
  readonly serverVersion: number;
}

/**
 * What the supervisor publishes and every worker holds one immutable copy of.
 * The supervisor is the only writer; a worker replaces its copy whole.
 */
export interface ClusterSnapshot {
  /** Grows with every published change; writes are only sent under the present generation. */
  readonly generation: number;
  readonly nodes: readonly NodeState[];
  /** Node id of the verified primary, -1 when there is none. */
  readonly primary: number;
  /** Lowest usable node id, -1 when no node is usable. */
  readonly main: number;
  /**
   * The request that is being worked on, until its primary is found or the search for it was given
   * up. A failover of the primary and a switchover are `failover` (reference behaviour.md 11).
   */
  readonly transition: ClusterTransition;
}

/** Whether sessions may use the node: up, or waiting for its first client. */
export function isUsable(node: NodeState): boolean {
  return node.status === "up" || node.status === "waiting";
}

/** How a planned switchover is to be done. */
export interface SwitchoverOptions {
  /** Milliseconds that running transactions may take to end. */
  readonly drainTimeout: number;
  /** Transactions that take longer are ended; otherwise the switchover is called off. */
  readonly force: boolean;
}

/** How a switchover went; durations in milliseconds. */
export interface SwitchoverReport {
  readonly node: number;
  readonly oldPrimary: number;
  /** From when new transactions waited until none ran any more. */
  readonly drain: number;
  /** Until the standby had everything that was written. */
  readonly replay: number;
  /** Until the standby was the primary, and pgpool knew. */
  readonly promotion: number;
  /** How long new transactions waited. */
  readonly pause: number;
  readonly total: number;
  /** The old primary refuses writes also of clients that do not come through pgpool. */
  readonly isFenced: boolean;
}
