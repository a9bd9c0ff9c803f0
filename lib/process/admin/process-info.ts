import type { ProcessInfo } from "../../pcp/types.ts";

/** A row of SHOW POOL_POOLS as typed values. */
export function processInfo(row: readonly string[]): ProcessInfo {
  const text = (column: number) => row[column] ?? "";
  return {
    poolPid: Number(text(0)),
    startTime: text(1),
    clientConnectionCount: Number(text(2)),
    poolId: Number(text(3)),
    backendId: Number(text(4)),
    database: text(5),
    username: text(6),
    backendConnectionTime: text(7),
    clientConnectionTime: text(8),
    clientDisconnectionTime: text(9),
    clientIdleDuration: text(10),
    majorVersion: Number(text(11)),
    minorVersion: Number(text(12)),
    poolCounter: Number(text(13)),
    backendPid: Number(text(14)),
    isConnected: text(15) === "1",
    status: text(16),
    isLoadBalanceNode: text(17) === "1",
    clientHost: text(18),
    clientPort: text(19),
    statement: text(20),
  };
}
