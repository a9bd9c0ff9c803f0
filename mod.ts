/**
 * What pgpool offers to other programs: administering a running pool over PCP, reading its
 * configuration, and telling what SQL text means for routing.
 *
 * @module
 */
export {
  type BackendConfig,
  type Config,
  loadConfig,
  type LoadedConfig,
} from "./lib/config/load.ts";
export { ConfigError, type Problem } from "./lib/config/problems.ts";
export { showParameter, type ShowTable } from "./lib/config/show.ts";
export {
  connectPcp,
  PcpClientError,
  type PcpClientErrorKind,
  type PcpConnection,
  type PcpConnectOptions,
} from "./lib/pcp/client.ts";
export type {
  BusySession,
  ConnectionStatistics,
  CountedKind,
  DurationStatistics,
  ErrorSeverity,
  HealthCheckStatistics,
  LoginFailure,
  NodeChanges,
  NodeStatistics,
  PoolActivity,
  PoolStatistics,
  ProcessStatistics,
  QueryCacheStatistics,
  ReplicationDelay,
  SessionState,
  WorkerStatistics,
  WorkerStatus,
} from "./lib/pcp/statistics.ts";
export type {
  HealthCheckInfo,
  NodeInfo,
  PcpNodeStatus,
  PcpScope,
  PcpStopMode,
  PoolStatusItem,
  ProcessInfo,
  SwitchoverOptions,
  SwitchoverReport,
  WatchdogInfo,
  WatchdogNode,
} from "./lib/pcp/types.ts";
export { loadParser } from "./lib/sql/parser.ts";
export { type StatementClass, type StatementKind } from "./lib/sql/statement-class.ts";
export { StatementCache } from "./lib/sql/template.ts";
