import type { HealthCheckInfo } from "../../pcp/types.ts";

/** A row of SHOW POOL_HEALTH_CHECK_STATS as typed values. */
export function healthCheckInfo(row: readonly string[]): HealthCheckInfo {
  const text = (column: number) => row[column] ?? "";
  return {
    nodeId: Number(text(0)),
    hostname: text(1),
    port: Number(text(2)),
    status: text(3),
    role: text(4),
    lastStatusChange: text(5),
    totalCount: Number(text(6)),
    successCount: Number(text(7)),
    failCount: Number(text(8)),
    skipCount: Number(text(9)),
    retryCount: Number(text(10)),
    averageRetryCount: Number(text(11)),
    maxRetryCount: Number(text(12)),
    maxDuration: Number(text(13)),
    minDuration: Number(text(14)),
    averageDuration: Number(text(15)),
    lastHealthCheck: text(16),
    lastSuccessfulHealthCheck: text(17),
    lastSkipHealthCheck: text(18),
    lastFailedHealthCheck: text(19),
  };
}
