import type { HealthCheckInfo, ProcessInfo } from "./types.ts";

/** Reads a whole number. @throws where the row can not be trusted */
type ReadNumber = (text: string | undefined) => number;

/**
 * A row of SHOW POOL_HEALTH_CHECK_STATS as typed values. PCP sends these rows as they are
 * (pcp-protocol.md 4.5).
 */
export function healthCheckInfo(
  row: readonly string[],
  readNumber: ReadNumber = Number,
): HealthCheckInfo {
  const text = (column: number) => row[column] ?? "";
  const number = (column: number) => readNumber(row[column]);
  return {
    nodeId: number(0),
    hostname: text(1),
    port: number(2),
    status: text(3),
    role: text(4),
    lastStatusChange: text(5),
    totalCount: number(6),
    successCount: number(7),
    failCount: number(8),
    skipCount: number(9),
    retryCount: number(10),
    // Pgpool-II divides by zero where there was no check.
    averageRetryCount: Number(text(11)) || 0,
    maxRetryCount: number(12),
    maxDuration: number(13),
    minDuration: number(14),
    averageDuration: Number(text(15)) || 0,
    lastHealthCheck: text(16),
    lastSuccessfulHealthCheck: text(17),
    lastSkipHealthCheck: text(18),
    lastFailedHealthCheck: text(19),
  };
}

/** A row of SHOW POOL_POOLS as typed values, as PCP sends it (pcp-protocol.md 4.4). */
export function processInfo(
  row: readonly string[],
  readNumber: ReadNumber = Number,
): ProcessInfo {
  const text = (column: number) => row[column] ?? "";
  const number = (column: number) => readNumber(row[column]);
  return {
    poolPid: number(0),
    startTime: text(1),
    clientConnectionCount: number(2),
    poolId: number(3),
    backendId: number(4),
    database: text(5),
    username: text(6),
    backendConnectionTime: text(7),
    clientConnectionTime: text(8),
    clientDisconnectionTime: text(9),
    clientIdleDuration: text(10),
    majorVersion: number(11),
    minorVersion: number(12),
    poolCounter: number(13),
    backendPid: number(14),
    isConnected: text(15) === "1",
    status: text(16),
    isLoadBalanceNode: text(17) === "1",
    clientHost: text(18),
    clientPort: text(19),
    statement: text(20),
  };
}
