import type {
  HealthCheckInfo,
  NodeInfo,
  ProcessInfo,
  WatchdogInfo,
} from "../../../lib/pcp/types.ts";

/** 2026-11-23 13:09:38 where the test runs. */
export const CHANGED = new Date(2026, 10, 23, 13, 9, 38).getTime() / 1000;

const CHANGED_TEXT = "2026-11-23 13:09:38";

export const PRIMARY: NodeInfo = {
  nodeId: 0,
  hostname: "localhost",
  port: 11002,
  status: "up",
  backendStatus: "up",
  weight: 0.5,
  role: "primary",
  backendRole: "primary",
  delayByTime: false,
  replicationDelay: 0,
  replicationState: "",
  replicationSyncState: "",
  lastStatusChange: CHANGED,
};

export const STANDBY: NodeInfo = {
  ...PRIMARY,
  nodeId: 1,
  port: 11003,
  role: "standby",
  backendRole: "standby",
  replicationState: "streaming",
  replicationSyncState: "async",
};

export const HEALTH: HealthCheckInfo = {
  nodeId: 0,
  hostname: "localhost",
  port: 11002,
  status: "up",
  role: "primary",
  lastStatusChange: CHANGED_TEXT,
  totalCount: 1,
  successCount: 1,
  failCount: 0,
  skipCount: 0,
  retryCount: 0,
  averageRetryCount: 0,
  maxRetryCount: 0,
  maxDuration: 8,
  minDuration: 8,
  averageDuration: 8,
  lastHealthCheck: CHANGED_TEXT,
  lastSuccessfulHealthCheck: CHANGED_TEXT,
  lastSkipHealthCheck: "",
  lastFailedHealthCheck: "",
};

export const PROCESS: ProcessInfo = {
  poolPid: 470,
  startTime: `${CHANGED_TEXT} (5:00 before process restarting)`,
  clientConnectionCount: 1,
  poolId: 0,
  backendId: 0,
  database: "test",
  username: "pgtest",
  backendConnectionTime: "2026-11-23 13:09:43",
  clientConnectionTime: "2026-11-23 13:09:43",
  clientDisconnectionTime: "2026-11-23 13:09:43",
  clientIdleDuration: "0",
  majorVersion: 3,
  minorVersion: 0,
  poolCounter: 1,
  backendPid: 575,
  isConnected: false,
  status: "Wait for connection",
  isLoadBalanceNode: false,
  clientHost: "127.0.0.1",
  clientPort: "60940",
  statement: "DISCARD ALL",
};

/** A place in the pool that holds no connection. */
export const EMPTY_PROCESS: ProcessInfo = {
  ...PROCESS,
  poolPid: 469,
  startTime: CHANGED_TEXT,
  clientConnectionCount: 0,
  database: "",
  username: "",
  backendConnectionTime: "",
  clientConnectionTime: "",
  clientDisconnectionTime: "",
  majorVersion: 0,
  poolCounter: 0,
  backendPid: 0,
  clientHost: "",
  clientPort: "",
  statement: "",
};

const LOCAL = {
  id: 0,
  nodeName: "localhost:50000 Linux localhost",
  hostName: "localhost",
  delegateIp: "Not_Set",
  membership: 0,
  membershipText: "MEMBER",
  wdPort: 50002,
  pgpoolPort: 50000,
  state: 4,
  stateName: "LEADER",
  priority: 2,
};

export const WATCHDOG: WatchdogInfo = {
  nodeCount: 2,
  remoteNodeCount: 1,
  memberRemoteNodeCount: 1,
  nodesRequiredForQuorum: 2,
  quorumStatus: 1,
  aliveNodeCount: 1,
  isEscalated: true,
  leaderNodeName: "localhost:50000 Linux localhost",
  leaderHostName: "localhost",
  nodes: [LOCAL, {
    ...LOCAL,
    id: 1,
    nodeName: "localhost:50004 Linux localhost",
    wdPort: 50006,
    pgpoolPort: 50004,
    state: 7,
    stateName: "STANDBY",
    priority: 1,
  }],
};
