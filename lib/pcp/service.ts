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

/**
 * A request that could not be done. The asker sees all of it: severity `error` leaves the
 * connection usable, `fatal` ends it (pcp-protocol.md 4.7).
 */
export class PcpError extends Error {
  override readonly name = "PcpError";
  readonly severity: "error" | "fatal";
  readonly sqlState: string;
  readonly detail: string;
  readonly hint: string;

  constructor(message: string, options: {
    readonly severity?: "error" | "fatal";
    readonly sqlState?: string;
    readonly detail?: string;
    readonly hint?: string;
    readonly cause?: unknown;
  } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.severity = options.severity ?? "error";
    this.sqlState = options.sqlState ?? "XX000";
    this.detail = options.detail ?? "";
    this.hint = options.hint ?? "";
  }
}

/** Takes what there is to tell while a long request runs. */
export type Progress = (message: string, detail?: string) => void;

/**
 * What administrators can ask of a pool and have done, whichever way they come: PCP, SQL on the PCP
 * port, or the metrics. Texts of errors are those of pcp-protocol.md 5.
 *
 * Every method fails with a {@link PcpError}.
 */
export interface PcpService {
  nodeCount(): number;
  /** @param node a node's id, or "all" */
  nodeInfo(node: number | "all"): Promise<readonly NodeInfo[]>;
  healthCheckStats(node: number): HealthCheckInfo;
  processIds(): readonly number[];
  /** @param pid of a pgpool process, or "all" */
  processInfo(pid: number | "all"): Promise<readonly ProcessInfo[]>;
  poolStatus(): readonly PoolStatusItem[];
  /** @param sessions how many of the busy sessions to tell of */
  activity(sessions: number): Promise<PoolActivity>;
  /** @param index 0 is this pgpool, as the watchdog numbers them; or "all" */
  watchdogInfo(index: number | "all"): WatchdogInfo;
  /** Queues a failback; done when it is queued. */
  attachNode(node: number): Promise<void>;
  /** @param gracefully waits for all clients to leave first, up to recovery_timeout */
  detachNode(node: number, gracefully: boolean): Promise<void>;
  promoteNode(
    node: number,
    options: { readonly gracefully: boolean; readonly switchover: boolean },
  ): Promise<void>;
  /** Makes a standby the primary without an error for clients. Done when they go on there. */
  switchOver(
    node: number,
    options: SwitchoverOptions,
    progress: Progress,
  ): Promise<SwitchoverReport>;
  /** Done when the node is back. */
  recoverNode(node: number, progress: Progress): Promise<void>;
  reloadConfig(scope: PcpScope): Promise<void>;
  rotateLog(scope: PcpScope): Promise<void>;
  invalidateQueryCache(): Promise<void>;
  /** Resolves when the stop is under way, which ends all connections soon. */
  stop(mode: PcpStopMode, scope: PcpScope): Promise<void>;
}
