import { type AdminContext, NO_QUERY_CACHE, type NodeCounters } from "../admin/context.ts";
import { livePgRole, livePgStatus } from "../admin/live.ts";
import type { HealthCheckStats } from "../cluster/health-stats.ts";
import type { Probe } from "../cluster/probe.ts";
import { hasSearchedPrimary } from "../cluster/settings.ts";
import type { ClusterSnapshot, NodeState } from "../cluster/types.ts";
import type { Config } from "../config/config.ts";
import { poolStatusItems } from "../config/status.ts";
import type { WorkerReport } from "./messages.ts";

/** Longest time for a live column of SHOW POOL_NODES, in milliseconds. */
const LIVE_DEADLINE_MS = 5000;

/** What the supervisor knows that the admin views are made of. */
export interface AdminSources {
  readonly config: Config;
  readonly snapshot: () => ClusterSnapshot;
  /** Tells the cluster of a node in use at whose server nobody listens. */
  readonly reportDead: (node: number) => Promise<void>;
  readonly probe: Probe;
  readonly counters: (node: number) => NodeCounters;
  readonly healthChecks: (node: number) => HealthCheckStats;
  readonly reports: () => Promise<readonly WorkerReport[]>;
}

/** The context that answers SHOW POOL_* commands. */
export function adminContext(sources: AdminSources): AdminContext {
  const { config, snapshot, probe, counters, reports } = sources;
  const { values } = config;
  const nodeOf = (id: number): NodeState => {
    const node = snapshot().nodes[id];
    if (node === undefined) throw new RangeError(`there is no backend node ${id}`);
    return node;
  };
  return {
    now: Math.floor(Date.now() / 1000),
    get snapshot() {
      return snapshot();
    },
    settings: {
      numInitChildren: values.num_init_children,
      maxPool: values.max_pool,
      childLifeTime: values.child_life_time,
      clientIdleLimit: values.client_idle_limit,
      healthCheckPeriod: values.health_check_period,
    },
    counters,
    healthChecks: sources.healthChecks,
    queryCache: () => NO_QUERY_CACHE,
    reports,
    statusItems: () => poolStatusItems(config, snapshot()),
    pgStatus: (id) => {
      const period = config.healthChecks.get(id)?.period ?? 0;
      return livePgStatus(probe, nodeOf(id), period, LIVE_DEADLINE_MS, sources.reportDead);
    },
    pgRole: (id) =>
      hasSearchedPrimary(values.backend_clustering_mode)
        ? livePgRole(probe, nodeOf(id), values.sr_check_period, LIVE_DEADLINE_MS)
        : Promise.resolve(nodeOf(id).role),
  };
}
