import type { BusySession, PoolActivity, PoolStatistics } from "../../../lib/pcp/statistics.ts";
import { STATISTICS } from "../../admin/metrics/statistics.ts";

export const SESSION: BusySession = {
  poolPid: 101,
  database: "shop",
  user: "app",
  applicationName: "web",
  clientHost: "192.0.2.1",
  clientPort: "5000",
  state: "active",
  waitingFor: "",
  seconds: 75,
  statement: "select *\n  from orders",
  node: 1,
  backendPid: 4711,
};

/** The figures of another pool, two seconds after the first look. */
export function later(change: Partial<PoolStatistics> = {}): PoolStatistics {
  return { ...STATISTICS, time: STATISTICS.time + 2, ...change };
}

export function activity(
  statistics: PoolStatistics,
  sessions: readonly BusySession[] = [],
): PoolActivity {
  return { statistics, sessions };
}
