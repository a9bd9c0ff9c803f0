import type { AdminContext } from "../../admin/context.ts";
import { poolHealthCheckStats } from "../../admin/pool-health-check-stats.ts";
import { poolPools } from "../../admin/pool-pools.ts";
import { poolStatus } from "../../admin/pool-status.ts";
import type { OnlineRecovery } from "../../cluster/recovery/recovery.ts";
import type { ClusterService } from "../../cluster/service.ts";
import type { Config } from "../../config/config.ts";
import { healthCheckInfo, processInfo } from "../../pcp/rows.ts";
import { PcpError, type PcpService, type Progress } from "../../pcp/service.ts";
import type { PoolActivity, PoolStatistics } from "../../pcp/statistics.ts";
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
} from "../../pcp/types.ts";
import type { Gate } from "../gate.ts";
import type { WorkerReport } from "../messages.ts";
import { busySessions } from "../statistics/busy-sessions.ts";
import type { StopMode } from "../stop-mode.ts";
import type { Switchovers } from "../switchover.ts";
import { withoutClients } from "../without-clients.ts";
import { nodeInfo } from "./node-info.ts";
import {
  attachRefused,
  clientsStay,
  detachRefused,
  inProgress,
  promoteRefused,
  recoveryFailed,
  switchoverFailed,
} from "./refusals.ts";

/** What the supervisor lets administrators see and do. */
export interface PoolControl {
  readonly cluster: ClusterService;
  readonly recovery: OnlineRecovery;
  readonly switchovers: Switchovers;
  /** Holds clients back. */
  readonly gate: Gate;
  readonly config: () => Config;
  /** What the admin views are made of, as of now. */
  readonly context: () => AdminContext;
  readonly statistics: () => PoolStatistics;
  /** Workers that run, whether they answer or not. */
  readonly processIds: () => readonly number[];
  /** What workers tell of their sessions that have been busy for longest, so many of each. */
  readonly busiest: (most: number) => Promise<readonly WorkerReport[]>;
  readonly reload: () => void;
  /** Begins to stop, when the present wake-up is over: answers are on their way by then. */
  readonly stop: (mode: StopMode) => void;
  /** Begins a new log file; false when there is no log collector. */
  readonly rotateLog: () => boolean;
}

/**
 * Answers administrators from the supervisor's state. Without a watchdog this pgpool is the whole
 * cluster, so that scopes make no difference.
 */
export class PoolAdministration implements PcpService {
  readonly #pool: PoolControl;

  constructor(pool: PoolControl) {
    this.#pool = pool;
  }

  nodeCount(): number {
    return this.#nodes().length;
  }

  async nodeInfo(node: number | "all"): Promise<readonly NodeInfo[]> {
    const context = this.#pool.context();
    const asked = context.snapshot.nodes.filter(({ id }) => node === "all" || id === node);
    if (node !== "all" && asked.length === 0) {
      throw new PcpError("informing node info failed", { detail: `invalid node ID : ${node}` });
    }
    return await Promise.all(asked.map((each) => nodeInfo(each, context)));
  }

  healthCheckStats(node: number): HealthCheckInfo {
    const row = poolHealthCheckStats(this.#pool.context()).rows[node];
    if (row !== undefined) return healthCheckInfo(row);
    const detail = `invalid node ID ${node}`;
    throw new PcpError("informing health check stats info failed", { detail });
  }

  processIds(): readonly number[] {
    return this.#pool.processIds();
  }

  async processInfo(pid: number | "all"): Promise<readonly ProcessInfo[]> {
    const rows = (await poolPools(this.#pool.context())).rows.map((row) => processInfo(row));
    const asked = rows.filter(({ poolPid }) => pid === "all" || poolPid === pid);
    // One that does not answer is there, but what it does is not known.
    if (pid !== "all" && asked.length === 0 && !this.processIds().includes(pid)) {
      throw new PcpError("informing process info failed", {
        detail: `invalid process ID : ${pid}`,
      });
    }
    return asked;
  }

  poolStatus(): readonly PoolStatusItem[] {
    return poolStatus(this.#pool.context()).rows.map((
      [name = "", value = "", description = ""],
    ) => ({ name, value, description }));
  }

  async activity(sessions: number): Promise<PoolActivity> {
    const reports = sessions === 0 ? [] : await this.#pool.busiest(sessions);
    return {
      statistics: this.#pool.statistics(),
      sessions: busySessions(reports, sessions),
    };
  }

  watchdogInfo(): WatchdogInfo {
    throw new PcpError("PCP: informing watchdog info failed", {
      detail: "watchdog is not enabled",
    });
  }

  /** Attaching a node that is in use already is done, as scripts for failovers expect. */
  async attachNode(node: number): Promise<void> {
    const status = this.#nodes()[node]?.status;
    if (status === "up" || status === "waiting") return;
    try {
      await this.#pool.cluster.attach(node);
    } catch (error) {
      throw attachRefused(node, error);
    }
  }

  async detachNode(node: number, gracefully: boolean): Promise<void> {
    using _held = gracefully ? await this.#withoutClients() : undefined;
    try {
      await this.#pool.cluster.detach(node);
    } catch (error) {
      throw detachRefused(node, error);
    }
  }

  async promoteNode(
    node: number,
    { gracefully, switchover }: { readonly gracefully: boolean; readonly switchover: boolean },
  ): Promise<void> {
    using _held = gracefully ? await this.#withoutClients() : undefined;
    try {
      await this.#pool.cluster.promote(node, { switchover });
    } catch (error) {
      throw promoteRefused(node, error);
    }
  }

  async switchOver(
    node: number,
    options: SwitchoverOptions,
    progress: Progress,
  ): Promise<SwitchoverReport> {
    try {
      return await this.#pool.switchovers.run(node, options, progress);
    } catch (error) {
      throw switchoverFailed(error);
    }
  }

  async recoverNode(node: number, progress: Progress): Promise<void> {
    try {
      await this.#pool.recovery.recover(node, progress);
    } catch (error) {
      throw recoveryFailed(error);
    }
  }

  async reloadConfig(): Promise<void> {
    this.#pool.reload();
  }

  async rotateLog(): Promise<void> {
    if (this.#pool.rotateLog()) return;
    throw new PcpError("process log rotation request failed", {
      detail: "logging_collector is disabled",
    });
  }

  invalidateQueryCache(): Promise<void> {
    throw new PcpError("query cache is not enabled");
  }

  /** Only a smart stop has the time to wait for a change of nodes. */
  async stop(mode: PcpStopMode, scope: PcpScope): Promise<void> {
    const { transition } = this.#pool.cluster.snapshot();
    if (mode === "smart" && scope === "local" && transition !== "none") {
      throw inProgress(transition);
    }
    this.#pool.stop(mode);
  }

  /** Waits until all clients have left, and holds new ones (pcp-protocol.md 5, `d`). */
  async #withoutClients(): Promise<Disposable> {
    const { gate, config } = this.#pool;
    try {
      return await withoutClients(gate, config().values.recovery_timeout * 1000);
    } catch (error) {
      throw clientsStay(error);
    }
  }

  #nodes() {
    return this.#pool.cluster.snapshot().nodes;
  }
}
