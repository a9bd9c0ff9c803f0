import type { NodeInfo, PcpNodeStatus } from "./types.ts";

/**
 * What a pool tells of itself in figures. Counters begin with the start of pgpool and only grow;
 * times are Unix seconds.
 */
export interface PoolStatistics {
  /** When the figures were taken, with fractions. */
  readonly time: number;
  readonly version: string;
  /** When pgpool was started. */
  readonly startTime: number;
  /** Grows with every change of the cluster. */
  readonly generation: number;
  /** Clients that can be served at once (num_init_children). */
  readonly clientSlots: number;
  /** Why a new client would not be served just now; empty when it would. */
  readonly notReady: readonly string[];
  readonly changes: NodeChanges;
  readonly nodes: readonly NodeStatistics[];
  readonly workers: readonly WorkerStatistics[];
  /** The supervisor's process. */
  readonly supervisor: ProcessStatistics;
  /** How long clients waited for a slot. */
  readonly slotWaits: DurationStatistics;
  /** The query cache, undefined while it is off. */
  readonly queryCache?: QueryCacheStatistics;
}

/** Figures, and the sessions that have been busy for longest. */
export interface PoolActivity {
  readonly statistics: PoolStatistics;
  /** Longest first. */
  readonly sessions: readonly BusySession[];
}

/** A session that runs a statement, waits, or has a transaction open. */
export interface BusySession {
  /** Process id of the worker. */
  readonly poolPid: number;
  readonly database: string;
  readonly user: string;
  readonly applicationName: string;
  /** `[local]` on a Unix socket. */
  readonly clientHost: string;
  readonly clientPort: string;
  readonly state: Exclude<SessionState, "idle">;
  /** What of pgpool's own it waits for, empty when it waits for the server or its client. */
  readonly waitingFor: string;
  /** How long it has been so. */
  readonly seconds: number;
  /** The last statement, at most 1023 bytes of it. */
  readonly statement: string;
  /** Node of the last statement, -1 before the first. */
  readonly node: number;
  /** Process id of the server that runs it, 0 when there is none. */
  readonly backendPid: number;
}

/** How often nodes were taken out, came back, and another one became primary. */
export interface NodeChanges {
  readonly failover: number;
  readonly failback: number;
  readonly promotion: number;
}

/** One backend node. */
export interface NodeStatistics {
  readonly id: number;
  readonly hostname: string;
  readonly port: number;
  readonly status: PcpNodeStatus;
  readonly role: NodeInfo["role"];
  /** Normalized: all weights sum to 1. */
  readonly weight: number;
  /** How far a standby is behind, undefined where it is not measured. */
  readonly delay?: ReplicationDelay;
  readonly replicationState: string;
  readonly replicationSyncState: string;
  readonly lastStatusChange: number;
  readonly statements: Readonly<Record<CountedKind, number>>;
  readonly errors: Readonly<Record<ErrorSeverity, number>>;
  /** From sending a statement, or all up to a Sync, until the server was ready for the next. */
  readonly statementTimes: DurationStatistics;
  /** How long clients waited for a connection to the server. */
  readonly connectionWaits: DurationStatistics;
  /** Undefined when there has been no health check. */
  readonly healthChecks?: HealthCheckStatistics;
}

export interface ReplicationDelay {
  readonly unit: "bytes" | "seconds";
  readonly value: number;
}

export type CountedKind = "select" | "insert" | "update" | "delete" | "ddl" | "other";

export type ErrorSeverity = "error" | "fatal" | "panic";

export interface HealthCheckStatistics {
  readonly success: number;
  readonly fail: number;
  readonly skip: number;
  readonly retry: number;
  /** Of those that failed, by what was wrong: `refused`, `timeout`, `not-ready`, … */
  readonly failures: Readonly<Record<string, number>>;
  /** 0 when there has been none. */
  readonly lastSuccess: number;
}

/** One worker process. */
export interface WorkerStatistics {
  readonly worker: number;
  /** Undefined while it is not running. */
  readonly process?: ProcessStatistics;
  readonly state: WorkerStatus;
  /** Clients that have a slot. */
  readonly clients: number;
  /** Clients that wait for a slot. */
  readonly waitingClients: number;
  /** Clients that wait for the end of a failover or the like before they are connected. */
  readonly heldClients: number;
  readonly sessions: Readonly<Record<SessionState, number>>;
  /** Connections of clients accepted. */
  readonly accepted: number;
  /** Clients that have logged in. */
  readonly logins: number;
  readonly loginFailures: Readonly<Record<LoginFailure, number>>;
  readonly connections: readonly ConnectionStatistics[];
}

/** `silent`: it runs, and has not told of itself for long; `starting`: or about to be started. */
export type WorkerStatus = "starting" | "ready" | "silent";

/** `waiting`: for something of pgpool's own, such as a server connection. */
export type SessionState = "active" | "idle" | "idleInTransaction" | "waiting";

/** Why a client was not served; `slots`: all were taken; `servers`: none could be reached. */
export type LoginFailure = "authentication" | "slots" | "servers" | "timeout" | "other";

/** Connections of one worker to one node. */
export interface ConnectionStatistics {
  readonly node: number;
  /** Lent to sessions at the moment. */
  readonly used: number;
  /** Cached at the moment. */
  readonly idle: number;
  readonly opened: number;
  /** How often a client was given a connection that was there. */
  readonly hits: number;
  /** How often there was none. */
  readonly misses: number;
}

/** One process as the operating system sees it. */
export interface ProcessStatistics {
  readonly pid: number;
  /** Time on processors in seconds, user and system. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

/** A histogram; counts of the buckets are not cumulative. */
export interface DurationStatistics {
  /** Upper bounds in seconds; one bucket more than these has no bound. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  /** Seconds. */
  readonly sum: number;
}

export interface QueryCacheStatistics {
  readonly hits: number;
  /** SELECTs that were looked up in vain. */
  readonly misses: number;
  readonly entries: number;
  readonly usedBytes: number;
  readonly freeBytes: number;
}
