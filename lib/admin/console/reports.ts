import type { HealthCheckInfo, NodeInfo, ProcessInfo, WatchdogInfo } from "../../pcp/types.ts";
import type { ViewColumns } from "../columns.ts";
import type { AdminFunction, FunctionParameter } from "./function.ts";
import { localTime } from "./time.ts";
import type { Row, Value } from "./values.ts";

/** What stands for all nodes and for all processes in PCP (pcp-protocol.md 3). */
const ALL_NODES = -1;
const ALL_PROCESSES = 0;

/** Columns are named as those of pgpool_adm (sql-interface.md 12). */
const NODE_INFO: ViewColumns = {
  node_id: "int4",
  host: "text",
  port: "int4",
  status: "text",
  pg_status: "text",
  weight: "float8",
  role: "text",
  pg_role: "text",
  replication_delay: "int8",
  replication_state: "text",
  replication_sync_state: "text",
  last_status_change: "timestamptz",
};

const HEALTH_CHECK_STATS: ViewColumns = {
  node_id: "int4",
  host: "text",
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
  max_health_check_duration: "int8",
  min_health_check_duration: "int8",
  average_health_check_duration: "float8",
  last_health_check: "timestamptz",
  last_successful_health_check: "timestamptz",
  last_skip_health_check: "timestamptz",
  last_failed_health_check: "timestamptz",
};

const PROC_INFO: ViewColumns = {
  database: "text",
  username: "text",
  start_time: "text",
  client_connection_count: "int8",
  major: "int4",
  minor: "int4",
  backend_connection_time: "timestamptz",
  client_connection_time: "timestamptz",
  client_idle_duration: "text",
  client_disconnection_time: "timestamptz",
  pool_counter: "int8",
  backend_pid: "int4",
  connected: "bool",
  pid: "int4",
  backend_id: "int4",
  status: "text",
  load_balance_node: "bool",
  client_host: "text",
  client_port: "text",
  statement: "text",
};

/** Of each pgpool, and on every row of the cluster of them all. */
const WATCHDOG_INFO: ViewColumns = {
  id: "int4",
  node_name: "text",
  host_name: "text",
  delegate_ip: "text",
  membership: "text",
  wd_port: "int4",
  pgpool_port: "int4",
  state: "int4",
  state_name: "text",
  priority: "int4",
  leader_node_name: "text",
  leader_host_name: "text",
  quorum_status: "int4",
  nodes_required_for_quorum: "int4",
  alive_node_count: "int4",
  is_escalated: "bool",
};

/** Functions that tell what there is. */
export const REPORTS: readonly AdminFunction[] = [
  {
    ...report("pcp_node_count", [], { pcp_node_count: "int4" }),
    isSet: false,
    call: async (_, { service }) => [[service.nodeCount()]],
  },
  {
    ...report("pcp_node_info", [{ name: "node_id", type: "int4", default: ALL_NODES }], NODE_INFO),
    call: async ([node], { service }) =>
      (await service.nodeInfo(oneOrAll(node, ALL_NODES))).map(nodeInfoRow),
  },
  {
    ...report("pcp_health_check_stats", [{ name: "node_id", type: "int4" }], HEALTH_CHECK_STATS),
    call: async ([node], { service }) => [healthCheckRow(service.healthCheckStats(Number(node)))],
  },
  {
    ...report("pcp_proc_count", [], { pcp_proc_count: "int4" }),
    call: async (_, { service }) => service.processIds().map((pid) => [pid]),
  },
  {
    ...report("pcp_proc_info", [{ name: "pid", type: "int4", default: ALL_PROCESSES }], PROC_INFO),
    call: async ([pid], { service }) =>
      (await service.processInfo(oneOrAll(pid, ALL_PROCESSES))).map(processRow),
  },
  {
    ...report("pcp_pool_status", [], { item: "text", value: "text", description: "text" }),
    call: async (_, { service }) =>
      service.poolStatus().map(({ name, value, description }) => [name, value, description]),
  },
  {
    ...report(
      "pcp_watchdog_info",
      [{ name: "watchdog_id", type: "int4", default: ALL_NODES }],
      WATCHDOG_INFO,
    ),
    call: async ([index], { service }) =>
      watchdogRows(service.watchdogInfo(oneOrAll(index, ALL_NODES))),
  },
];

function report(name: string, parameters: readonly FunctionParameter[], columns: ViewColumns) {
  return { name, parameters, columns, isSet: true, isActing: false };
}

function oneOrAll(value: Value | undefined, all: number): number | "all" {
  return value === all ? "all" : Number(value);
}

function nodeInfoRow(node: NodeInfo): Row {
  return [
    node.nodeId,
    node.hostname,
    node.port,
    node.status,
    node.backendStatus,
    node.weight,
    node.role,
    node.backendRole,
    node.replicationDelay,
    node.replicationState,
    node.replicationSyncState,
    node.lastStatusChange === 0 ? null : node.lastStatusChange * 1000,
  ];
}

function healthCheckRow(stats: HealthCheckInfo): Row {
  return [
    stats.nodeId,
    stats.hostname,
    stats.port,
    stats.status,
    stats.role,
    localTime(stats.lastStatusChange),
    stats.totalCount,
    stats.successCount,
    stats.failCount,
    stats.skipCount,
    stats.retryCount,
    stats.averageRetryCount,
    stats.maxRetryCount,
    stats.maxDuration,
    stats.minDuration,
    stats.averageDuration,
    localTime(stats.lastHealthCheck),
    localTime(stats.lastSuccessfulHealthCheck),
    localTime(stats.lastSkipHealthCheck),
    localTime(stats.lastFailedHealthCheck),
  ];
}

function processRow(process: ProcessInfo): Row {
  return [
    process.database,
    process.username,
    process.startTime,
    process.clientConnectionCount,
    process.majorVersion,
    process.minorVersion,
    localTime(process.backendConnectionTime),
    localTime(process.clientConnectionTime),
    process.clientIdleDuration,
    localTime(process.clientDisconnectionTime),
    process.poolCounter,
    process.backendPid,
    process.isConnected,
    process.poolPid,
    process.backendId,
    process.status,
    process.isLoadBalanceNode,
    process.clientHost,
    process.clientPort,
    process.statement,
  ];
}

function watchdogRows(info: WatchdogInfo): readonly Row[] {
  return info.nodes.map((node) => [
    node.id,
    node.nodeName,
    node.hostName,
    node.delegateIp,
    node.membershipText,
    node.wdPort,
    node.pgpoolPort,
    node.state,
    node.stateName,
    node.priority,
    info.leaderNodeName,
    info.leaderHostName,
    info.quorumStatus,
    info.nodesRequiredForQuorum,
    info.aliveNodeCount,
    info.isEscalated,
  ]);
}
