import { type AdminContext, NO_QUERY_CACHE, type NodeCounters } from "../admin/context.ts";
import { livePgRole, livePgStatus } from "../admin/live.ts";
import { resolvePassword } from "../auth/password-file.ts";
import { keyFilePath, loadKeyFile } from "../auth/secret-files.ts";
import { NO_HEALTH_CHECKS } from "../cluster/health-stats.ts";
import type { Probe, ProbeIdentity } from "../cluster/probe.ts";
import { hasSearchedPrimary } from "../cluster/settings.ts";
import type { ClusterSnapshot, NodeState } from "../cluster/types.ts";
import type { Config } from "../config/config.ts";
import { poolStatusItems } from "../config/status.ts";
import type { Logger } from "../log/log.ts";
import { loadPasswords } from "./client/auth-settings.ts";
import type { ConfigFiles, WorkerReport } from "./messages.ts";

/** Longest time for a live column of SHOW POOL_NODES, in milliseconds. */
const LIVE_DEADLINE_MS = 5000;

/** What the supervisor knows that the admin views are made of. */
export interface AdminSources {
  readonly config: Config;
  readonly snapshot: ClusterSnapshot;
  readonly probe: Probe;
  readonly counters: (node: number) => NodeCounters;
  readonly reports: () => Promise<readonly WorkerReport[]>;
}

/** The context that answers SHOW POOL_* commands. */
export function adminContext(sources: AdminSources): AdminContext {
  const { config, snapshot, probe, counters, reports } = sources;
  const { values } = config;
  const nodeOf = (id: number): NodeState => {
    const node = snapshot.nodes[id];
    if (node === undefined) throw new RangeError(`there is no backend node ${id}`);
    return node;
  };
  return {
    now: Math.floor(Date.now() / 1000),
    snapshot,
    settings: {
      numInitChildren: values.num_init_children,
      maxPool: values.max_pool,
      childLifeTime: values.child_life_time,
      clientIdleLimit: values.client_idle_limit,
      healthCheckPeriod: values.health_check_period,
    },
    counters,
    healthChecks: () => NO_HEALTH_CHECKS,
    queryCache: () => NO_QUERY_CACHE,
    reports,
    statusItems: () => poolStatusItems(config, snapshot),
    pgStatus: (id) => {
      const period = config.healthChecks.get(id)?.period ?? 0;
      return livePgStatus(probe, nodeOf(id), period, LIVE_DEADLINE_MS);
    },
    pgRole: (id) =>
      hasSearchedPrimary(values.backend_clustering_mode)
        ? livePgRole(probe, nodeOf(id), values.sr_check_period, LIVE_DEADLINE_MS)
        : Promise.resolve(nodeOf(id).role),
  };
}

/** How pgpool itself logs in to servers for its checks (sr_check_user). */
export function probeLogin(config: Config, files: ConfigFiles, logger: Logger): ProbeIdentity {
  const { sr_check_user, sr_check_database, sr_check_password, ssl } = config.values;
  const password = () => {
    const { key } = loadKeyFile(keyFilePath(files.key, process.env));
    const passwords = loadPasswords(config, files, logger);
    const stored = resolvePassword(sr_check_password, sr_check_user, passwords, key);
    return stored?.kind === "plain" ? stored.password : "";
  };
  return { user: sr_check_user, database: sr_check_database, password, ssl };
}
