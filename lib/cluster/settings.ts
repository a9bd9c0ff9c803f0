/** backend_clustering_mode */
export type ClusteringMode =
  | "streaming_replication"
  | "native_replication"
  | "logical_replication"
  | "snapshot_isolation"
  | "raw";

/** What the cluster needs to know of one configured backend. */
export interface BackendSettings {
  readonly id: number;
  /** Host name, address, or the directory of a Unix socket. */
  readonly hostname: string;
  readonly port: number;
  /** As configured, not normalized. */
  readonly weight: number;
  readonly dataDirectory: string;
  readonly applicationName: string;
  readonly allowToFailover: boolean;
  readonly alwaysPrimary: boolean;
}

/** How the health of one node is checked. */
export interface HealthCheckSettings {
  /** Seconds, 0 = not at all. */
  readonly period: number;
  /** Seconds for one attempt, 0 = as long as the built-in limit lets it. */
  readonly timeout: number;
  readonly maxRetries: number;
  /** Seconds. */
  readonly retryDelay: number;
  /** Milliseconds for connecting, 0 = as long as the whole attempt may take. */
  readonly connectTimeout: number;
}

/** What the cluster needs of the configuration; times in the unit of their parameter. */
export interface ClusterSettings {
  readonly mode: ClusteringMode;
  readonly backends: readonly BackendSettings[];
  /** Seconds, 0 = no periodic check. */
  readonly srCheckPeriod: number;
  readonly srCheckUser: string;
  readonly srCheckDatabase: string;
  /** By node. */
  readonly healthChecks: ReadonlyMap<number, HealthCheckSettings>;
  /** Milliseconds, 0 = the built-in limit. */
  readonly connectTimeout: number;
  /** Seconds, 0 = for ever. */
  readonly searchPrimaryNodeTimeout: number;
  /** Bytes, 0 = off. */
  readonly delayThreshold: number;
  /** Milliseconds, 0 = off. */
  readonly delayThresholdByTime: number;
  readonly logStandbyDelay: "always" | "if_over_threshold" | "none";
  /** Prints the delays, empty for none, and how long it may take in seconds. */
  readonly replicationDelaySourceCmd: string;
  readonly replicationDelaySourceTimeout: number;
  readonly failoverOnBackendError: boolean;
  readonly failoverOnBackendShutdown: boolean;
  readonly detachFalsePrimary: boolean;
  readonly autoFailback: boolean;
  /** Seconds. */
  readonly autoFailbackInterval: number;
  /** Commands, empty for none, and how long each may take in seconds, 0 = for ever. */
  readonly failoverCommand: string;
  readonly failbackCommand: string;
  readonly followPrimaryCommand: string;
  readonly failoverCommandTimeout: number;
}

/** The part of a loaded configuration that `clusterSettings` reads. */
export interface ConfigForCluster {
  readonly backends: readonly BackendSettings[];
  readonly healthChecks: ReadonlyMap<number, HealthCheckSettings>;
  readonly values: {
    readonly backend_clustering_mode: string;
    readonly sr_check_period: number;
    readonly sr_check_user: string;
    readonly sr_check_database: string;
    readonly connect_timeout: number;
    readonly search_primary_node_timeout: number;
    readonly delay_threshold: number;
    readonly delay_threshold_by_time: number;
    readonly log_standby_delay: string;
    readonly replication_delay_source_cmd: string;
    readonly replication_delay_source_timeout: number;
    readonly failover_on_backend_error: boolean;
    readonly failover_on_backend_shutdown: boolean;
    readonly detach_false_primary: boolean;
    readonly auto_failback: boolean;
    readonly auto_failback_interval: number;
    readonly failover_command: string;
    readonly failback_command: string;
    readonly failover_command_timeout: number;
    readonly follow_primary_command: string;
  };
}

/** A configuration holds a value that the parameter table should not have let through. */
export class ClusterSettingsError extends Error {
  override readonly name = "ClusterSettingsError";
}

/**
 * Takes what the cluster needs out of a loaded configuration.
 * @throws ClusterSettingsError when an enum holds a value it does not have
 */
export function clusterSettings(config: ConfigForCluster): ClusterSettings {
  const { values } = config;
  return {
    mode: clusteringMode(values.backend_clustering_mode),
    backends: config.backends,
    srCheckPeriod: values.sr_check_period,
    srCheckUser: values.sr_check_user,
    srCheckDatabase: values.sr_check_database || "postgres",
    healthChecks: config.healthChecks,
    connectTimeout: values.connect_timeout,
    searchPrimaryNodeTimeout: values.search_primary_node_timeout,
    delayThreshold: values.delay_threshold,
    delayThresholdByTime: values.delay_threshold_by_time,
    replicationDelaySourceCmd: values.replication_delay_source_cmd,
    replicationDelaySourceTimeout: values.replication_delay_source_timeout,
    logStandbyDelay: standbyDelayLogging(values.log_standby_delay),
    failoverOnBackendError: values.failover_on_backend_error,
    failoverOnBackendShutdown: values.failover_on_backend_shutdown,
    detachFalsePrimary: values.detach_false_primary,
    autoFailback: values.auto_failback,
    autoFailbackInterval: values.auto_failback_interval,
    failoverCommand: values.failover_command,
    failbackCommand: values.failback_command,
    failoverCommandTimeout: values.failover_command_timeout,
    followPrimaryCommand: values.follow_primary_command,
  };
}

const NO_HEALTH_CHECK: HealthCheckSettings = {
  period: 0,
  timeout: 0,
  maxRetries: 0,
  retryDelay: 0,
  connectTimeout: 0,
};

/** How a node's health is checked; not at all where nothing says so. */
export function healthCheckOf(settings: ClusterSettings, node: number): HealthCheckSettings {
  return settings.healthChecks.get(node) ?? NO_HEALTH_CHECK;
}

/** Whether the mode has a primary that is found by asking the servers (behaviour.md 8). */
export function hasSearchedPrimary(mode: ClusteringMode): boolean {
  return mode === "streaming_replication" || mode === "logical_replication";
}

function clusteringMode(text: string): ClusteringMode {
  switch (text) {
    case "streaming_replication":
    case "native_replication":
    case "logical_replication":
    case "snapshot_isolation":
    case "raw":
      return text;
    default:
      throw new ClusterSettingsError(`unknown backend_clustering_mode "${text}"`);
  }
}

function standbyDelayLogging(text: string): ClusterSettings["logStandbyDelay"] {
  switch (text) {
    case "always":
    case "if_over_threshold":
    case "none":
      return text;
    default:
      throw new ClusterSettingsError(`unknown log_standby_delay "${text}"`);
  }
}
