import type { HealthCheckStats } from "../cluster/health-stats.ts";
import type { NodeState } from "../cluster/types.ts";
import type { AdminTable } from "../process/messages.ts";
import type { AdminContext } from "./context.ts";
import { formatFloat, formatTime } from "./format.ts";

const COLUMNS = [
  "node_id",
  "hostname",
  "port",
  "status",
  "role",
  "last_status_change",
  "total_count",
  "success_count",
  "fail_count",
  "skip_count",
  "retry_count",
  "average_retry_count",
  "max_retry_count",
  "max_duration",
  "min_duration",
  "average_duration",
  "last_health_check",
  "last_successful_health_check",
  "last_skip_health_check",
  "last_failed_health_check",
];

/** SHOW POOL_HEALTH_CHECK_STATS (reference sql-interface.md 6). */
export function poolHealthCheckStats(context: AdminContext): AdminTable {
  return { columns: COLUMNS, rows: context.snapshot.nodes.map((node) => statsRow(node, context)) };
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
