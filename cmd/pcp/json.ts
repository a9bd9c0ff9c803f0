import type {
  HealthCheckInfo,
  NodeInfo,
  ProcessInfo,
  SwitchoverReport,
  WatchdogInfo,
  WatchdogNode,
} from "../../lib/pcp/types.ts";
import type { PcpAnswer } from "./requests.ts";

const QUORUM_STATES: ReadonlyMap<number, string> = new Map([
  [1, "exists"],
  [0, "edge"],
  [-1, "absent"],
  [-2, "no-leader"],
]);

/** `12 (0:48 before client disconnected)`: how long, and for how much longer. */
const WITH_REST = /^(.*?)(?: \((\d+):(\d\d) before [a-z ]+\))?$/s;

/** An answer as JSON, of the form that cmd/pcp/schemas describes. */
export function jsonValue(answer: PcpAnswer): unknown {
  switch (answer.about) {
    case "node-count":
      return { count: answer.count };
    case "node-info":
      return answer.nodes.map(nodeValue);
    case "health-check-stats":
      return answer.nodes.map(healthCheckValue);
    case "proc-count":
      return { count: answer.pids.length, pids: answer.pids };
    case "proc-info":
      return answer.entries.map(processValue);
    case "pool-status":
      return answer.items;
    case "watchdog-info":
      return watchdogValue(answer.watchdog);
    case "switchover":
      return switchoverValue(answer.report);
    case "action": {
      const { command, ...details } = answer.action;
      return { command, ...details, done: true };
    }
  }
}

function nodeValue(node: NodeInfo) {
  const { delayByTime, replicationDelay, replicationState, replicationSyncState } = node;
  return {
    nodeId: node.nodeId,
    hostname: node.hostname,
    port: node.port,
    status: node.status,
    backendStatus: node.backendStatus,
    role: node.role,
    backendRole: node.backendRole,
    weight: node.weight,
    replicationDelayBytes: delayByTime ? null : replicationDelay,
    replicationDelaySeconds: delayByTime ? replicationDelay / 1_000_000 : null,
    replicationState: textOrNull(replicationState),
    replicationSyncState: textOrNull(replicationSyncState),
    lastStatusChange: node.lastStatusChange > 0
      ? new Date(node.lastStatusChange * 1000).toISOString()
      : null,
  };
}

function healthCheckValue(node: HealthCheckInfo) {
  return {
    nodeId: node.nodeId,
    hostname: node.hostname,
    port: node.port,
    status: node.status,
    role: node.role,
    lastStatusChange: localTime(node.lastStatusChange),
    totalCount: node.totalCount,
    successCount: node.successCount,
    failCount: node.failCount,
    skipCount: node.skipCount,
    retryCount: node.retryCount,
    averageRetryCount: node.averageRetryCount,
    maxRetryCount: node.maxRetryCount,
    maxDurationMs: node.maxDuration,
    minDurationMs: node.minDuration,
    averageDurationMs: node.averageDuration,
    lastHealthCheck: localTime(node.lastHealthCheck),
    lastSuccessfulHealthCheck: localTime(node.lastSuccessfulHealthCheck),
    lastSkipHealthCheck: localTime(node.lastSkipHealthCheck),
    lastFailedHealthCheck: localTime(node.lastFailedHealthCheck),
  };
}

function processValue(entry: ProcessInfo) {
  const start = withRest(entry.startTime);
  const idle = withRest(entry.clientIdleDuration);
  return {
    pid: entry.poolPid,
    startTime: localTime(start.text),
    secondsToRestart: start.rest,
    clientConnectionCount: entry.clientConnectionCount,
    poolId: entry.poolId,
    backendId: entry.backendId,
    database: textOrNull(entry.database),
    username: textOrNull(entry.username),
    backendConnectionTime: localTime(entry.backendConnectionTime),
    clientConnectionTime: localTime(entry.clientConnectionTime),
    clientDisconnectionTime: localTime(entry.clientDisconnectionTime),
    clientIdleSeconds: Number(idle.text),
    secondsToDisconnect: idle.rest,
    majorVersion: entry.majorVersion,
    minorVersion: entry.minorVersion,
    poolCounter: entry.poolCounter,
    backendPid: entry.backendPid === 0 ? null : entry.backendPid,
    connected: entry.isConnected,
    status: entry.status,
    loadBalanceNode: entry.isLoadBalanceNode,
    clientHost: textOrNull(entry.clientHost),
    clientPort: textOrNull(entry.clientPort),
    statement: textOrNull(entry.statement),
  };
}

function switchoverValue(report: SwitchoverReport) {
  return {
    node: report.node,
    oldPrimary: report.oldPrimary,
    drainMs: report.drain,
    replayMs: report.replay,
    promotionMs: report.promotion,
    pauseMs: report.pause,
    totalMs: report.total,
    fenced: report.isFenced,
  };
}

function watchdogValue(watchdog: WatchdogInfo) {
  const required = watchdog.nodesRequiredForQuorum;
  return {
    nodeCount: watchdog.remoteNodeCount + 1,
    remoteNodeCount: watchdog.remoteNodeCount,
    memberRemoteNodeCount: watchdog.memberRemoteNodeCount,
    aliveRemoteNodeCount: watchdog.aliveNodeCount,
    nodesRequiredForQuorum: required === -1 ? null : required,
    quorum: QUORUM_STATES.get(watchdog.quorumStatus) ?? "unknown",
    escalated: watchdog.isEscalated,
    leaderNodeName: watchdog.leaderNodeName,
    leaderHostName: watchdog.leaderHostName,
    nodes: watchdog.nodes.map(watchdogNodeValue),
  };
}

function watchdogNodeValue(node: WatchdogNode) {
  const { delegateIp } = node;
  return {
    id: node.id,
    nodeName: node.nodeName,
    hostName: node.hostName,
    delegateIp: delegateIp === "Not_Set" ? null : textOrNull(delegateIp),
    pgpoolPort: node.pgpoolPort,
    watchdogPort: node.wdPort,
    priority: node.priority,
    state: node.state,
    stateName: node.stateName,
    membership: node.membership,
    membershipName: node.membershipText,
  };
}

/** The first part of a text, and the seconds that its bracket tells. */
function withRest(text: string): { text: string; rest: number | null } {
  const [, first = "", minutes, seconds] = WITH_REST.exec(text) ?? [];
  const rest = minutes === undefined ? null : Number(minutes) * 60 + Number(seconds);
  return { text: first, rest };
}

/**
 * `YYYY-MM-DD HH:MM:SS` in ISO 8601, without an offset: PCP does not tell the server's time zone.
 */
function localTime(text: string): string | null {
  return text === "" ? null : text.replace(" ", "T");
}

function textOrNull(text: string): string | null {
  return text === "" ? null : text;
}
