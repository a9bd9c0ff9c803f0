import type { AdminSession, AdminTable } from "../process/messages.ts";
import type { ViewColumns } from "./columns.ts";
import type { AdminContext } from "./context.ts";
import { POOL_BACKEND_STATS, poolBackendStats } from "./pool-backend-stats.ts";
import { POOL_CACHE, poolCache } from "./pool-cache.ts";
import { POOL_HEALTH_CHECK_STATS, poolHealthCheckStats } from "./pool-health-check-stats.ts";
import { POOL_NODES, poolNodes } from "./pool-nodes.ts";
import { POOL_POOLS, poolPools } from "./pool-pools.ts";
import { POOL_PROCESSES, poolProcesses } from "./pool-processes.ts";
import { POOL_STATUS, poolStatus } from "./pool-status.ts";
import { POOL_VERSION_COLUMNS, poolVersion } from "./pool-version.ts";

/** Nobody answers a view of this name. */
export class UnknownViewError extends Error {
  override readonly name = "UnknownViewError";
  constructor(readonly view: string) {
    super(`unrecognized configuration parameter "${view}"`);
  }
}

const VIEWS = {
  pool_nodes: POOL_NODES,
  pool_processes: POOL_PROCESSES,
  pool_pools: POOL_POOLS,
  pool_version: POOL_VERSION_COLUMNS,
  pool_cache: POOL_CACHE,
  pool_health_check_stats: POOL_HEALTH_CHECK_STATS,
  pool_backend_stats: POOL_BACKEND_STATS,
  pool_status: POOL_STATUS,
} as const;

/** What SHOW can show of the pool itself. */
export type AdminView = keyof typeof VIEWS;

/** Names of all views. */
export const adminViews: readonly string[] = Object.keys(VIEWS);

/** The columns of a view. */
export function viewColumns(view: AdminView): ViewColumns {
  return VIEWS[view];
}

/** Whether SHOW of this name (in lower case) is answered here and not by a server. */
export function isAdminView(name: string): name is AdminView {
  return Object.hasOwn(VIEWS, name);
}

/**
 * Answers a SHOW command (reference sql-interface.md 2 to 6).
 * @param view name in lower case
 * @throws UnknownViewError
 */
export async function answerAdmin(
  view: string,
  session: AdminSession,
  context: AdminContext,
): Promise<AdminTable> {
  if (!isAdminView(view)) throw new UnknownViewError(view);
  switch (view) {
    case "pool_nodes":
      return await poolNodes(session, context);
    case "pool_processes":
      return await poolProcesses(context);
    case "pool_pools":
      return await poolPools(context);
    case "pool_version":
      return poolVersion();
    case "pool_cache":
      return poolCache(context);
    case "pool_health_check_stats":
      return poolHealthCheckStats(context);
    case "pool_backend_stats":
      return poolBackendStats(context);
    case "pool_status":
      return poolStatus(context);
  }
}
