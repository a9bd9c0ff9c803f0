import { cStrings, encodeMessage } from "./messages.ts";
import type { PoolActivity } from "./statistics.ts";
import type {
  HealthCheckInfo,
  NodeInfo,
  PcpNodeStatus,
  PoolStatusItem,
  ProcessInfo,
  SwitchoverReport,
  WatchdogInfo,
} from "./types.ts";

/** First string of most replies. */
export const COMPLETE = "CommandComplete";

/** What a full weight is multiplied with (pcp-protocol.md 4.3, field 6). */
export const WEIGHT_SCALE = 2147483647;

/** Numbers of node statuses; quarantine is a node that is down with a flag of its own. */
export const STATUS_NUMBERS: Readonly<Record<PcpNodeStatus, number>> = {
  unused: 0,
  waiting: 1,
  up: 2,
  down: 3,
  quarantine: 3,
};

/** Roles in the order of their numbers. */
export const ROLES = ["main", "replica", "primary", "standby"] as const;

/** Answers that say nothing but that it is done; the types stand in pcp-protocol.md 3. */
export function completeReply(type: string): Buffer {
  return encodeMessage(type, cStrings([COMPLETE]));
}

/** The answer to a salt request: what md5 is computed with, and SASL mechanisms to choose from. */
export function saltReply(salt: Uint8Array, mechanisms: readonly string[]): Buffer {
  return encodeMessage("m", Buffer.concat([salt, cStrings(mechanisms)]));
}

/** A message of the SASL exchange. */
export function saslReply(data: Uint8Array): Buffer {
  return encodeMessage("s", data);
}

export function authenticatedReply(): Buffer {
  return encodeMessage("r", cStrings(["AuthenticationOK"]));
}

export function nodeCountReply(count: number): Buffer {
  return encodeMessage("l", cStrings([COMPLETE, String(count)]));
}

export function processListReply(pids: readonly number[]): Buffer {
  return encodeMessage("n", cStrings([COMPLETE, String(pids.length), ...pids.map(String)]));
}

/** Rows of SHOW POOL_STATUS. Their number is binary here, and a decimal text elsewhere. */
export function* poolStatusReply(items: readonly PoolStatusItem[]): Generator<Buffer> {
  const count = Buffer.alloc(4);
  count.writeInt32BE(items.length);
  yield encodeMessage("b", Buffer.concat([cStrings(["ArraySize"]), count]));
  for (const { name, value, description } of items) {
    yield encodeMessage("b", cStrings(["ProcessConfig", name, value, description]));
  }
  yield completeReply("b");
}

export function nodeInfoReply(nodes: readonly NodeInfo[]): Generator<Buffer> {
  return arrayReply("i", "NodeInfo", nodes, nodeFields);
}

export function processInfoReply(rows: readonly ProcessInfo[]): Generator<Buffer> {
  return arrayReply("p", "ProcessInfo", rows, processFields);
}

export function healthCheckReply(info: HealthCheckInfo): Buffer {
  return encodeMessage(
    "h",
    cStrings([
      COMPLETE,
      String(info.nodeId),
      info.hostname,
      String(info.port),
      info.status,
      info.role,
      info.lastStatusChange,
      String(info.totalCount),
      String(info.successCount),
      String(info.failCount),
      String(info.skipCount),
      String(info.retryCount),
      info.averageRetryCount.toFixed(6),
      String(info.maxRetryCount),
      String(info.maxDuration),
      String(info.minDuration),
      info.averageDuration.toFixed(6),
      info.lastHealthCheck,
      info.lastSuccessfulHealthCheck,
      info.lastSkipHealthCheck,
      info.lastFailedHealthCheck,
    ]),
  );
}

/** Answers a request of our own; durations are whole milliseconds. */
export function switchoverReply(report: SwitchoverReport): Buffer {
  const { node, oldPrimary, drain, replay, promotion, pause, total, isFenced } = report;
  const numbers = [node, oldPrimary, drain, replay, promotion, pause, total, isFenced ? 1 : 0];
  return encodeMessage(
    "y",
    cStrings([COMPLETE, ...numbers.map((each) => String(Math.round(each)))]),
  );
}

/** The watchdog's cluster as JSON (pcp-protocol.md 4.6). */
export function watchdogReply(info: WatchdogInfo): Buffer {
  const json = {
    NodeCount: info.nodeCount,
    RemoteNodeCount: info.remoteNodeCount,
    MemberRemoteNodeCount: info.memberRemoteNodeCount,
    NodesRequireForQuorum: info.nodesRequiredForQuorum,
    QuorumStatus: info.quorumStatus,
    AliveNodeCount: info.aliveNodeCount,
    Escalated: info.isEscalated ? 1 : 0,
    LeaderNodeName: info.leaderNodeName,
    LeaderHostName: info.leaderHostName,
    WatchdogNodes: info.nodes.map((node) => ({
      ID: node.id,
      NodeName: node.nodeName,
      HostName: node.hostName,
      DelegateIP: node.delegateIp,
      Membership: node.membership,
      MembershipString: node.membershipText,
      WdPort: node.wdPort,
      PgpoolPort: node.pgpoolPort,
      State: node.state,
      StateName: node.stateName,
      Priority: node.priority,
    })),
  };
  return encodeMessage("w", cStrings([COMPLETE, JSON.stringify(json)]));
}

/** Figures and busy sessions as JSON. */
export function activityReply(activity: PoolActivity): Buffer {
  return encodeMessage("q", cStrings([COMPLETE, JSON.stringify(activity)]));
}

/** Each message is made when the one before has been taken: answers may be long. */
function* arrayReply<Row>(
  type: string,
  word: string,
  rows: readonly Row[],
  fields: (row: Row) => readonly string[],
): Generator<Buffer> {
  yield encodeMessage(type, cStrings(["ArraySize", String(rows.length)]));
  for (const row of rows) yield encodeMessage(type, cStrings([word, ...fields(row)]));
  yield completeReply(type);
}

function nodeFields(node: NodeInfo): string[] {
  return [
    node.hostname,
    String(node.port),
    String(STATUS_NUMBERS[node.status]),
    node.status === "quarantine" ? "1" : "0",
    node.backendStatus,
    (node.weight * WEIGHT_SCALE).toFixed(6),
    String(ROLES.indexOf(node.role)),
    node.backendRole,
    node.delayByTime ? "1" : "0",
    String(node.replicationDelay),
    node.replicationState,
    node.replicationSyncState,
    String(node.lastStatusChange),
  ];
}

function processFields(row: ProcessInfo): string[] {
  return [
    String(row.poolPid),
    row.startTime,
    String(row.clientConnectionCount),
    String(row.poolId),
    String(row.backendId),
    row.database,
    row.username,
    row.backendConnectionTime,
    row.clientConnectionTime,
    row.clientDisconnectionTime,
    row.clientIdleDuration,
    String(row.majorVersion),
    String(row.minorVersion),
    String(row.poolCounter),
    String(row.backendPid),
    row.isConnected ? "1" : "0",
    row.status,
    row.isLoadBalanceNode ? "1" : "0",
    row.clientHost,
    row.clientPort,
    row.statement,
  ];
}
