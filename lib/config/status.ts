import { backendSlots } from "./config.ts";
import type { Config } from "./config.ts";
import { formatInteger } from "./numbers.ts";
import { findParameter } from "./parameters.ts";
import type { AnyValue, Parameter, PlainName } from "./parameters.ts";

/** One row of SHOW POOL_STATUS; the description is not cut yet. */
export interface StatusItem {
  readonly name: string;
  readonly value: string;
  readonly description: string;
}

/** What SHOW POOL_STATUS tells beyond the configuration; a cluster snapshot fits for the nodes. */
export interface StatusRuntime {
  readonly nodes: readonly {
    readonly id: number;
    readonly status: string;
    /** Normalized: all weights sum to 1. */
    readonly weight: number;
    readonly replicationDelay: number;
  }[];
  readonly cache?: {
    /** Unix time in seconds from when hits are counted. */
    readonly startTime: number;
    readonly hits: number;
    readonly misses: number;
  };
}

/** Items in their order, up to the nodes of the watchdog cluster. */
const beforeWatchdogNodes = [
  "backend_clustering_mode",
  "listen_addresses",
  "port",
  "unix_socket_directories",
  "unix_socket_group",
  "unix_socket_permissions",
  "pcp_listen_addresses",
  "pcp_port",
  "pcp_socket_dir",
  "enable_pool_hba",
  "pool_passwd",
  "authentication_timeout",
  "allow_clear_text_frontend_auth",
  "ssl",
  "ssl_key",
  "ssl_cert",
  "ssl_ca_cert",
  "ssl_ca_cert_dir",
  "ssl_crl_file",
  "ssl_ciphers",
  "ssl_prefer_server_ciphers",
  "ssl_ecdh_curve",
  "ssl_dh_params_file",
  "ssl_passphrase_command",
  "listen_backlog_multiplier",
  "serialize_accept",
  "reserved_connections",
  "max_pool",
  "process_management_mode",
  "process_management_strategy",
  "num_init_children",
  "min_spare_children",
  "max_spare_children",
  "child_life_time",
  "child_max_connections",
  "connection_life_time",
  "client_idle_limit",
  "log_destination",
  "log_line_prefix",
  "log_error_verbosity",
  "client_min_messages",
  "log_min_messages",
  "log_connections",
  "log_disconnections",
  "log_pcp_processes",
  "log_hostname",
  "log_statement",
  "log_per_node_statement",
  "notice_per_node_statement",
  "log_client_messages",
  "log_backend_messages",
  "log_standby_delay",
  "syslog_facility",
  "syslog_ident",
  "pid_file_name",
  "work_dir",
  "connection_cache",
  "reset_query_list",
  "replicate_select",
  "insert_lock",
  "lobj_lock_table",
  "replication_stop_on_mismatch",
  "failover_if_affected_tuples_mismatch",
  "load_balance_mode",
  "ignore_leading_white_space",
  "read_only_function_list",
  "write_function_list",
  "primary_routing_query_pattern_list",
  "disable_load_balance_on_write",
  "dml_adaptive_object_relationship_list",
  "statement_level_load_balance",
  "sr_check_period",
  "sr_check_user",
  "sr_check_database",
  "delay_threshold",
  "delay_threshold_by_time",
  "prefer_lower_delay_standby",
  "follow_primary_command",
  "user_redirect_preference_list",
  "database_redirect_preference_list",
  "app_name_redirect_preference_list",
  "allow_sql_comments",
  "health_check_period",
  "health_check_timeout",
  "health_check_user",
  "health_check_database",
  "health_check_max_retries",
  "health_check_retry_delay",
  "connect_timeout",
  "failover_command",
  "failback_command",
  "failover_on_backend_error",
  "failover_on_backend_shutdown",
  "detach_false_primary",
  "auto_failback",
  "auto_failback_interval",
  "recovery_user",
  "recovery_database",
  "recovery_1st_stage_command",
  "recovery_2nd_stage_command",
  "recovery_timeout",
  "search_primary_node_timeout",
  "client_idle_limit_in_recovery",
  "relcache_expire",
  "relcache_size",
  "check_temp_table",
  "check_unlogged_table",
  "enable_shared_relcache",
  "relcache_query_target",
  "use_watchdog",
  "wd_ipc_socket_dir",
  "wd_lifecheck_method",
  "clear_memqcache_on_escalation",
  "wd_escalation_command",
  "wd_de_escalation_command",
  "trusted_servers",
  "trusted_server_command",
  "delegate_ip",
  "wd_priority",
  "wd_interval",
  "ping_path",
  "if_cmd_path",
  "if_up_cmd",
  "if_down_cmd",
  "arping_path",
  "arping_cmd",
  "wd_heartbeat_keepalive",
  "wd_heartbeat_deadtime",
  "wd_life_point",
  "wd_lifecheck_query",
  "wd_lifecheck_dbname",
  "wd_lifecheck_user",
] as const satisfies readonly PlainName[];

/** Items between the heartbeat destinations and the state of the query cache. */
const beforeCacheState = [
  "wd_monitoring_interfaces_list",
  "memory_cache_enabled",
  "memqcache_method",
  "memqcache_memcached_host",
  "memqcache_memcached_port",
  "memqcache_total_size",
  "memqcache_max_num_cache",
  "memqcache_expire",
  "memqcache_auto_cache_invalidation",
  "memqcache_maxcache",
  "memqcache_cache_block_size",
] as const satisfies readonly PlainName[];

/**
 * The items of SHOW POOL_STATUS in their order (sql-interface.md 2): switches as 0 and 1, enums
 * as numbers, sizes and times in base units.
 */
export function poolStatusItems(config: Config, runtime: StatusRuntime): readonly StatusItem[] {
  return [
    ...beforeWatchdogNodes.map((name) => plainItem(config, name)),
    ...watchdogItems(config),
    ...beforeCacheState.map((name) => plainItem(config, name)),
    ...cacheItems(config, runtime),
    plainItem(config, "cache_safe_memqcache_table_list"),
    plainItem(config, "cache_unsafe_memqcache_table_list"),
    ...backendItems(config, runtime),
  ];
}

function plainItem(config: Config, name: PlainName): StatusItem {
  return item(name, name, config.values[name]);
}

/** An item with the value and description of a parameter, perhaps under another name. */
function item(name: string, base: string, value: AnyValue): StatusItem {
  const parameter = findParameter(base);
  if (!parameter) return { name, value: String(value), description: "" };
  return { name, value: formatStatus(parameter, value), description: parameter.help };
}

function formatStatus(parameter: Parameter, value: AnyValue): string {
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value === "number") {
    const octal = parameter.type === "int" && parameter.octal;
    return octal ? value.toString(8).padStart(4, "0") : formatInteger(value);
  }
  if (typeof value !== "string") {
    return value.join(parameter.type === "string-list" ? parameter.separator : ",");
  }
  if (parameter.type === "string" && parameter.nullWhenEmpty && value === "") return "(null)";
  if (parameter.type !== "enum" || parameter.numbers === "text") return value;
  const position = parameter.values.indexOf(value);
  return String(parameter.numbers?.[position] ?? position + 1);
}

function watchdogItems(config: Config): StatusItem[] {
  return [
    ...config.watchdogNodes.flatMap(({ id, hostname, pgpoolPort, wdPort }) => [
      item(`hostname${id}`, "hostname", hostname),
      item(`pgpool_port${id}`, "pgpool_port", pgpoolPort),
      item(`wd_port${id}`, "wd_port", wdPort),
    ]),
    ...config.heartbeats.flatMap(({ id, hostname, device, port }) => [
      item(`heartbeat_hostname${id}`, "heartbeat_hostname", hostname),
      item(`heartbeat_device${id}`, "heartbeat_device", device),
      item(`heartbeat_port${id}`, "heartbeat_port", port),
    ]),
  ];
}

function cacheItems(config: Config, runtime: StatusRuntime): StatusItem[] {
  const { startTime = processStart(), hits = 0, misses = 0 } = runtime.cache ?? {};
  return [
    item("memqcache_cache_oiddir", "memqcache_oiddir", config.values.memqcache_oiddir),
    {
      name: "memqcache_stats_start_time",
      value: calendarTime(startTime),
      description: "Since when the query cache counts hits.",
    },
    {
      name: "memqcache_no_cache_hits",
      value: String(misses),
      description: "Number of SELECTs that the query cache could not answer.",
    },
    {
      name: "memqcache_cache_hits",
      value: String(hits),
      description: "Number of SELECTs that the query cache answered.",
    },
  ];
}

/** Unix time in seconds since when this process could have counted. */
function processStart(): number {
  return Math.floor(Date.now() / 1000 - process.uptime());
}

function backendItems(config: Config, runtime: StatusRuntime): StatusItem[] {
  const ids = Array.from({ length: backendSlots(config) }, (_, id) => id);
  return ids.flatMap((id) => {
    const backend = config.backends.find((each) => each.id === id);
    const node = runtime.nodes.find((each) => each.id === id);
    return [
      item(`backend_hostname${id}`, "backend_hostname", backend?.hostname ?? ""),
      item(`backend_port${id}`, "backend_port", backend?.port ?? 0),
      {
        name: `backend_weight${id}`,
        value: (node?.weight ?? 0).toFixed(6),
        description: "Share of reads that the server gets, of 1.",
      },
      item(`backend_data_directory${id}`, "backend_data_directory", backend?.dataDirectory ?? ""),
      {
        name: `backend_status${id}`,
        value: node?.status ?? "unused",
        description: "Status of the server.",
      },
      {
        name: `standby_delay${id}`,
        value: String(node?.replicationDelay ?? 0),
        description: "Replication delay of the server.",
      },
      item(`backend_flag${id}`, "backend_flag", backend ? backendFlags(backend) : ""),
      item(
        `backend_application_name${id}`,
        "backend_application_name",
        backend?.applicationName ?? "",
      ),
    ];
  });
}

function backendFlags(backend: Config["backends"][number]): string {
  const failover = backend.allowToFailover ? "ALLOW_TO_FAILOVER" : "DISALLOW_TO_FAILOVER";
  return backend.alwaysPrimary ? `${failover}|ALWAYS_PRIMARY` : failover;
}

/** Local time as C's ctime writes it: `Mon Nov 23 12:22:47 2026`; takes Unix time in seconds. */
function calendarTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const [weekday, month] = date.toDateString().split(" ");
  const day = String(date.getDate()).padStart(2);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((unit) => String(unit).padStart(2, "0")).join(":");
  return `${weekday} ${month} ${day} ${clock} ${date.getFullYear()}`;
}
