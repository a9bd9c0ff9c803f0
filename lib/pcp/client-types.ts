import type { PoolActivity } from "./statistics.ts";
import type {
  HealthCheckInfo,
  NodeInfo,
  PcpScope,
  PcpStopMode,
  PoolStatusItem,
  ProcessInfo,
  SwitchoverOptions,
  SwitchoverReport,
  WatchdogInfo,
} from "./types.ts";

/** Where and as whom to connect. */
export interface PcpConnectOptions {
  /** Host name or address; a directory of a Unix socket when it begins with a slash; empty: /tmp. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /**
   * Encrypts where the other end offers it (`prefer`, the default), or only connects when it does.
   * Unix sockets are never encrypted.
   */
  readonly tls?: "disable" | "prefer" | "require";
  /**
   * PEM text of the authorities that the other end's certificate is checked against, and its name
   * against `host`. TLS is required then.
   */
  readonly tlsCa?: string;
  /** Milliseconds for connecting and logging in, default 10 s. */
  readonly connectTimeout?: number;
  /** Milliseconds that a request may take, 0 without limit; default 0. */
  readonly requestTimeout?: number;
  /** Gets a line for every message sent and received, without secrets. */
  readonly trace?: (line: string) => void;
  /** Gets notices that the other end sends before its answer, such as progress of a recovery. */
  readonly onNotice?: (notice: { severity: string; message: string; detail: string }) => void;
}

/** A connection to a pool's PCP port, as long as it is open. */
export interface PcpConnection {
  nodeCount(): Promise<number>;
  nodeInfo(node: number | "all"): Promise<readonly NodeInfo[]>;
  healthCheckStats(node: number): Promise<HealthCheckInfo>;
  processIds(): Promise<readonly number[]>;
  processInfo(pid: number | "all"): Promise<readonly ProcessInfo[]>;
  poolStatus(): Promise<readonly PoolStatusItem[]>;
  /**
   * Figures of the pool, and its sessions that have been busy for longest. Only this pgpool tells;
   * Pgpool-II refuses the request and ends the connection.
   *
   * @param sessions how many sessions to be told of at most, default 20.
   */
  activity(sessions?: number): Promise<PoolActivity>;
  watchdogInfo(index: number | "all"): Promise<WatchdogInfo>;
  attachNode(node: number): Promise<void>;
  detachNode(node: number, options?: { readonly gracefully?: boolean }): Promise<void>;
  promoteNode(
    node: number,
    options?: { readonly gracefully?: boolean; readonly switchover?: boolean },
  ): Promise<void>;
  /** A request of pgpool's own; `onNotice` hears how far it has come. */
  switchOver(node: number, options: SwitchoverOptions): Promise<SwitchoverReport>;
  recoverNode(node: number): Promise<void>;
  reloadConfig(scope?: PcpScope): Promise<void>;
  rotateLog(scope?: PcpScope): Promise<void>;
  invalidateQueryCache(): Promise<void>;
  stop(mode?: PcpStopMode, scope?: PcpScope): Promise<void>;
  /** Tells the other end good-bye. */
  close(): Promise<void>;
}

/** What went wrong: which of these is what callers and exit statuses tell apart. */
export type PcpClientErrorKind =
  /** Nobody answers there. */
  | "connect"
  /** Wrong user or password. */
  | "authentication"
  /** The pool refuses, and says why. */
  | "refused"
  /** The pool has no such node, process or watchdog node. */
  | "unknown"
  /** No answer in time. */
  | "timeout"
  /** The other end does not speak PCP, or went away in the middle. */
  | "protocol";

/** A request or a connection that failed. */
export class PcpClientError extends Error {
  override readonly name = "PcpClientError";

  constructor(
    readonly kind: PcpClientErrorKind,
    message: string,
    readonly severity: string = "ERROR",
    readonly detail: string = "",
    readonly hint: string = "",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
