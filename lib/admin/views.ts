import type { AdminSession, AdminTable } from "../process/messages.ts";
import type { AdminContext } from "./context.ts";
import { poolBackendStats } from "./pool-backend-stats.ts";
import { poolCache } from "./pool-cache.ts";
import { poolHealthCheckStats } from "./pool-health-check-stats.ts";
import { poolNodes } from "./pool-nodes.ts";
import { poolPools } from "./pool-pools.ts";
import { poolProcesses } from "./pool-processes.ts";
import { poolStatus } from "./pool-status.ts";
import { poolVersion } from "./pool-version.ts";

/** Nobody answers a view of this name. */
export class UnknownViewError extends Error {
  override readonly name = "UnknownViewError";
  constructor(readonly view: string) {
    super(`unrecognized configuration parameter "${view}"`);
  }
}

const VIEWS = [
  "pool_nodes",
  "pool_processes",
  "pool_pools",
  "pool_version",
  "pool_cache",
  "pool_health_check_stats",
  "pool_backend_stats",
  "pool_status",
] as const;

/** What SHOW can show of the pool itself. */
export type AdminView = (typeof VIEWS)[number];

/** Whether SHOW of this name (in lower case) is answered here and not by a server. */
export function isAdminView(name: string): name is AdminView {
  return VIEWS.some((view) => view === name);
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
