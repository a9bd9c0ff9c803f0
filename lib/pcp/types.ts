/**
 * What PCP tells of a pool, as typed values (reference pcp-protocol.md 4). Times are Unix seconds,
 * 0 when there is none; texts are empty when there is nothing to say.
 */

export type { SwitchoverOptions, SwitchoverReport } from "../cluster/types.ts";

/** This pgpool, or all pgpools of the watchdog's cluster. */
export type PcpScope = "local" | "cluster";

export type PcpStopMode = "smart" | "fast" | "immediate";

/** Status of a backend node as PCP numbers it, and quarantine, which PCP tells apart by a flag. */
export type PcpNodeStatus = "unused" | "waiting" | "up" | "down" | "quarantine";

/** One backend node (pcp-protocol.md 4.3). */
export interface NodeInfo {
  readonly nodeId: number;
  readonly hostname: string;
  readonly port: number;
  readonly status: PcpNodeStatus;
  /** What the server itself says just now. */
  readonly backendStatus: "up" | "down" | "unknown";
  /** Normalized: all weights sum to 1. */
  readonly weight: number;
  readonly role: "main" | "replica" | "primary" | "standby";
  /** What the server itself says just now. */
  readonly backendRole: "main" | "replica" | "primary" | "standby" | "unknown";
  readonly delayByTime: boolean;
  /** Bytes, or microseconds when `delayByTime`. */
  readonly replicationDelay: number;
  readonly replicationState: string;
  readonly replicationSyncState: string;
  readonly lastStatusChange: number;
}

/**
 * One pool entry on one node (pcp-protocol.md 4.4). Values are the texts of SHOW POOL_POOLS, so
 * that every end prints the same.
 */
export interface ProcessInfo {
  readonly poolPid: number;
  readonly startTime: string;
  readonly clientConnectionCount: number;
  readonly poolId: number;
  readonly backendId: number;
  readonly database: string;
  readonly username: string;
  readonly backendConnectionTime: string;
  readonly clientConnectionTime: string;
  readonly clientDisconnectionTime: string;
  readonly clientIdleDuration: string;
  readonly majorVersion: number;
  readonly minorVersion: number;
  readonly poolCounter: number;
  readonly backendPid: number;
  readonly isConnected: boolean;
  readonly status: string;
  readonly isLoadBalanceNode: boolean;
  readonly clientHost: string;
  readonly clientPort: string;
  readonly statement: string;
}

/** Health checks of one node since the start (pcp-protocol.md 4.5); durations in milliseconds. */
export interface HealthCheckInfo {
  readonly nodeId: number;
  readonly hostname: string;
  readonly port: number;
  readonly status: string;
  readonly role: string;
  /** Times are texts `YYYY-MM-DD HH:MM:SS` in the server's time zone, empty when there is none. */
  readonly lastStatusChange: string;
  readonly totalCount: number;
  readonly successCount: number;
  readonly failCount: number;
  readonly skipCount: number;
  readonly retryCount: number;
  readonly averageRetryCount: number;
  readonly maxRetryCount: number;
  readonly maxDuration: number;
  readonly minDuration: number;
  readonly averageDuration: number;
  readonly lastHealthCheck: string;
  readonly lastSuccessfulHealthCheck: string;
  readonly lastSkipHealthCheck: string;
  readonly lastFailedHealthCheck: string;
}

/** One row of SHOW POOL_STATUS (pcp-protocol.md 4.2). */
export interface PoolStatusItem {
  readonly name: string;
  readonly value: string;
  readonly description: string;
}

/** One pgpool of the watchdog's cluster (pcp-protocol.md 4.6). */
export interface WatchdogNode {
  readonly id: number;
  readonly nodeName: string;
  readonly hostName: string;
  readonly delegateIp: string;
  readonly membership: number;
  readonly membershipText: string;
  readonly wdPort: number;
  readonly pgpoolPort: number;
  readonly state: number;
  readonly stateName: string;
  readonly priority: number;
}

/** The watchdog's cluster (pcp-protocol.md 4.6). */
export interface WatchdogInfo {
  readonly nodeCount: number;
  readonly remoteNodeCount: number;
  readonly memberRemoteNodeCount: number;
  /** -1 when the other end does not tell. */
  readonly nodesRequiredForQuorum: number;
  /** 1 exists, 0 on the edge, -1 absent, -2 no leader. */
  readonly quorumStatus: number;
  readonly aliveNodeCount: number;
  readonly isEscalated: boolean;
  readonly leaderNodeName: string;
  readonly leaderHostName: string;
  /** The local node first. */
  readonly nodes: readonly WatchdogNode[];
}
