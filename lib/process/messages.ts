import type { ClusterSnapshot } from "../cluster/types.ts";

/** Why a worker believes that a node is not well; the supervisor decides what follows. */
export type NodeComplaint =
  | "connect-failed"
  | "connection-lost"
  | "shutdown"
  | "read-only"
  | "not-answering";

/** One client session as SHOW POOL_PROCESSES and SHOW POOL_POOLS list it. */
export interface SessionInfo {
  readonly sessionId: number;
  /** Unix time in seconds. */
  readonly startTime: number;
  readonly database: string;
  readonly user: string;
  readonly clientHost: string;
  readonly clientPort: string;
  readonly applicationName: string;
  readonly status:
    | "Connecting"
    | "Execute command"
    | "Idle"
    | "Idle in transaction"
    | "Wait for connection";
  /** What the session waits for, empty when it waits for nothing but its client. */
  readonly waitingFor: string;
  readonly loadBalanceNode: number;
  /** Last statement, at most 1023 bytes, and the node it went to. */
  readonly statement: string;
  readonly statementNode: number;
  /** Milliseconds that the present statement, wait or pause in a transaction takes; 0 when idle. */
  readonly busyFor: number;
  readonly idleSince: number;
  readonly servers: readonly ServerConnectionInfo[];
}

/** One connection to a server, lent to a session or cached. */
export interface ServerConnectionInfo {
  readonly node: number;
  readonly pid: number;
  readonly database: string;
  readonly user: string;
  /** Unix time in seconds when it was opened. */
  readonly createdAt: number;
  /** How often it has been handed to a client. */
  readonly uses: number;
  /** Unix time in seconds when the last client left it, 0 while lent or never used. */
  readonly releasedAt: number;
  readonly protocolMinor: number;
}

/** What one worker tells of itself for SHOW POOL_PROCESSES, SHOW POOL_POOLS and pcp_proc_info. */
export interface WorkerReport {
  readonly worker: number;
  readonly pid: number;
  readonly startTime: number;
  /** Clients served since the worker started. */
  readonly connectionCount: number;
  readonly sessions: readonly SessionInfo[];
  /** Clients that wait for a free slot, or for the end of a failover before their login goes on. */
  readonly waitingClients: number;
  /** Cached connections that no session holds. */
  readonly idle: readonly ServerConnectionInfo[];
}

/** A table that pgpool itself answers, all values as text. */
export interface AdminTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What clients of all workers may begin; `closing` numbers the times the gate has been closed. */
export type GateState =
  | { readonly kind: "open" }
  /** Transactions that run go on, new ones wait; new clients as well if `holdsLogins`. */
  | { readonly kind: "transactions"; readonly closing: number; readonly holdsLogins: boolean }
  /** New clients wait, those that are there go on until they leave. */
  | { readonly kind: "clients"; readonly closing: number };

/** Messages from a worker to the supervisor. */
export type WorkerMessage =
  | { type: "ready"; worker: number }
  /** Draining is over: no client is left (smart stop). */
  | { type: "drained"; worker: number }
  | { type: "complain"; node: number; complaint: NodeComplaint; detail: string; generation: number }
  /** A first client connection reached the node: waiting becomes up. */
  | { type: "node-used"; node: number }
  /** The worker has a client with this cancel request; the owner may be any worker. */
  | { type: "cancel"; pid: number; key: string }
  /** Idle server connections are in the way of a command such as DROP DATABASE. */
  | { type: "close-idle" }
  /** A slot became free while clients waited somewhere. */
  | { type: "slot-free" }
  /** What the gate waits for has ended in this worker: transactions, or its clients have left. */
  | { type: "gate-quiet"; worker: number; closing: number }
  | { type: "admin"; request: number; view: string; session: AdminSession }
  /** Which node does the server process with this id belong to? */
  | { type: "locate"; request: number; pid: number }
  | { type: "report"; request: number; report: WorkerReport };

/** What a SHOW command needs to know of the session that asks. */
export interface AdminSession {
  readonly loadBalanceNode: number;
}

/** Messages from the supervisor to a worker. */
export type SupervisorMessage =
  | {
    type: "start";
    worker: number;
    workers: number;
    config: ConfigFiles;
    /** Secret that makes the salts shown for unknown users stable, as hex. */
    saltSecret: string;
    snapshot: ClusterSnapshot;
    gate: GateState;
    listeners: readonly ListenerInfo[];
    sharedMemory: string;
  }
  | { type: "snapshot"; snapshot: ClusterSnapshot }
  | { type: "gate"; gate: GateState }
  /** Ends the sessions that the gate still waits for. */
  | { type: "end-transactions" }
  | { type: "reload" }
  | { type: "cancel"; pid: number; key: string }
  | { type: "close-idle" }
  | { type: "slot-free" }
  | { type: "admin-result"; request: number; table: AdminTable }
  | { type: "admin-error"; request: number; message: string }
  /** Node of a server process that some worker is connected to, -1 when there is none. */
  | { type: "located"; request: number; node: number }
  /** Tell of all sessions, or of so many at `most` that have been busy for longest. */
  | { type: "report"; request: number; most?: number }
  /** smart: no new clients, go on until the last has left; fast: end all sessions now. */
  | { type: "stop"; mode: "smart" | "fast" | "immediate" };

/** Files that the command line names, as absolute paths. */
export interface ConfigFiles {
  readonly config: string;
  readonly pcp: string;
  readonly hba: string;
  /** Undefined: PGPOOLKEYFILE or ~/.pgpoolkey. */
  readonly key: string | undefined;
  /** -d: log at least at debug1. */
  readonly debug: boolean;
}

/** A listening socket inherited by a worker. */
export interface ListenerInfo {
  readonly fd: number;
  readonly kind: "tcp" | "unix";
  /** `127.0.0.1:9999`, `[::1]:9999` or the socket's path. */
  readonly address: string;
}
