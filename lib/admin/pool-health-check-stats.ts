import type { HealthCheckStats } from "../cluster/health-stats.ts";
import type { NodeState } from "../cluster/types.ts";
import type { AdminTable } from "../process/messages.ts";
import type { ViewColumns } from "./columns.ts";
import type { AdminContext } from "./context.ts";
import { formatFloat, formatTime } from "./format.ts";

export const POOL_HEALTH_CHECK_STATS: ViewColumns = {
  node_id: "int4",
  hostname: "text",
  port: "int4",
  status: "text",
  role: "text",
  last_status_change: "timestamptz",
  total_count: "int8",
  success_count: "int8",
  fail_count: "int8",
  skip_count: "int8",
  retry_count: "int8",
  average_retry_count: "float8",
  max_retry_count: "int8",
  max_duration: "int8",
  min_duration: "int8",
  average_duration: "float8",
  last_health_check: "timestamptz",
  last_successful_health_check: "timestamptz",
  last_skip_health_check: "timestamptz",
  last_failed_health_check: "timestamptz",
};

/** SHOW POOL_HEALTH_CHECK_STATS (reference sql-interface.md 6). */
export function poolHealthCheckStats(context: AdminContext): AdminTable {
  return {
    columns: Object.keys(POOL_HEALTH_CHECK_STATS),
    rows: context.snapshot.nodes.map((node) => statsRow(node, context)),
  };
}

function statsRow(node: NodeState, context: AdminContext): string[] {
  const stats = context.healthChecks(node.id);
  return [
    String(node.id),
    node.hostname,
    String(node.port),
    node.status,
    node.role,
    formatTime(node.lastStatusChange),
    String(stats.total),
    String(stats.success),
    String(stats.fail),
    String(stats.skip),
    String(stats.retry),
    formatFloat(averageRetries(stats, context)),
    String(stats.maxRetry),
    String(stats.maxDuration),
    String(stats.minDuration),
    formatFloat(stats.averageDuration),
    formatTime(stats.last),
    formatTime(stats.lastSuccess),
    formatTime(stats.lastSkip),
    formatTime(stats.lastFail),
  ];
}

/** Retries per check that was made; 0 where none was (Pgpool-II prints -nan there). */
function averageRetries(stats: HealthCheckStats, context: AdminContext): number {
  const made = stats.total - stats.skip;
  return context.settings.healthCheckPeriod === 0 || made <= 0 ? 0 : stats.retry / made;
}
