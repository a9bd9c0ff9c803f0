import type { BackendSettings } from "./settings.ts";
import type { NodeStatus } from "./types.ts";

/** Why a node is down, which decides whether it is used again without being attached. */
export type DownCause =
  | "none"
  /** It has not answered since pgpool started. */
  | "unseen"
  | "failure"
  /** It is to follow a new primary. */
  | "follow"
  | "status-file"
  | "false-primary"
  /** It was detached by hand. */
  | "operator"
  /** It is a slot new since a reload. */
  | "added";

/** One backend slot as the supervisor keeps it. */
export interface ClusterNode {
  readonly id: number;
  readonly hostname: string;
  readonly port: number;
  /** As configured. */
  readonly weight: number;
  readonly dataDirectory: string;
  readonly applicationName: string;
  readonly allowToFailover: boolean;
  readonly alwaysPrimary: boolean;
  readonly status: NodeStatus;
  readonly downCause: DownCause;
  /** It has answered since pgpool started. */
  readonly isSeen: boolean;
  /** It was asked for by hand while there was no primary: it may be one, whatever its timeline. */
  readonly isTrusted: boolean;
  /** Milliseconds when it was last taken back by auto_failback. */
  readonly autoFailbackAt: number;
  /** Milliseconds since when a complaint is being verified, null when none is. */
  readonly verifyingSince: number | null;
  /** Milliseconds of the last time a complaint was refused in the log. */
  readonly refusedAt: number;
  /** Milliseconds of the last change of status; answers that began earlier are stale. */
  readonly changedAt: number;
  /** Unix time in seconds of the last change of status or role. */
  readonly lastStatusChange: number;
  readonly serverVersion: number;
  readonly replicationDelay: number;
  readonly delayByTime: boolean;
  readonly replicationState: string;
  readonly replicationSyncState: string;
}

/** A node that has just been configured. */
export function newNode(
  backend: BackendSettings,
  status: NodeStatus,
  downCause: DownCause,
  now: number,
): ClusterNode {
  return {
    ...nodeSettings(backend),
    id: backend.id,
    hostname: backend.hostname,
    port: backend.port,
    status,
    downCause,
    isSeen: false,
    isTrusted: false,
    autoFailbackAt: -Infinity,
    verifyingSince: null,
    refusedAt: -Infinity,
    changedAt: now,
    lastStatusChange: Math.floor(now / 1000),
    serverVersion: 0,
    ...NO_REPLICATION,
  };
}

/** What a reload may change of a node in use. */
export function nodeSettings(backend: BackendSettings) {
  return {
    weight: backend.weight,
    dataDirectory: backend.dataDirectory,
    applicationName: backend.applicationName,
    allowToFailover: backend.allowToFailover,
    alwaysPrimary: backend.alwaysPrimary,
  };
}

/** The slot of an id without a backend (a gap in the configuration). */
export function unusedNode(id: number, now: number): ClusterNode {
  return newNode(
    {
      id,
      hostname: "",
      port: 0,
      weight: 0,
      dataDirectory: "",
      applicationName: "",
      allowToFailover: true,
      alwaysPrimary: false,
    },
    "unused",
    "none",
    now,
  );
}

/** Replication figures of a node that nothing is known of. */
export const NO_REPLICATION = {
  replicationDelay: 0,
  delayByTime: false,
  replicationState: "",
  replicationSyncState: "",
} as const;

/** Whether sessions may use the node. */
export function isUsableNode(node: ClusterNode): boolean {
  return node.status === "up" || node.status === "waiting";
}

/** A node in the words of the log: `host(port)`. */
export function placeOf(node: ClusterNode): string {
  return `${node.hostname}(${node.port})`;
}
