/** A parameter of an older Pgpool-II that exists no more. */
export interface RemovedParameter {
  /** The version that no longer knew it. */
  readonly since: string;
  /** What to do instead. */
  readonly instead: string;
}

const use = (since: string, name: string): RemovedParameter => ({
  since,
  instead: `Use ${name} instead.`,
});

/**
 * Names of Pgpool-II 3.x and 4.x that are gone (parameters.md 8, release notes), without index.
 */
const removed: ReadonlyMap<string, RemovedParameter> = new Map<string, RemovedParameter>([
  [
    "master_slave_mode",
    use("4.2", "backend_clustering_mode = 'streaming_replication' or 'logical_replication'"),
  ],
  [
    "master_slave_sub_mode",
    {
      since: "4.2",
      instead:
        "Use backend_clustering_mode instead: 'streaming_replication' for stream, 'logical_replication' for slony or logical.",
    },
  ],
  ["black_function_list", use("4.2", "write_function_list")],
  ["white_function_list", use("4.2", "read_only_function_list")],
  ["black_query_pattern_list", use("4.2", "primary_routing_query_pattern_list")],
  ["black_memqcache_table_list", use("4.2", "cache_unsafe_memqcache_table_list")],
  ["white_memqcache_table_list", use("4.2", "cache_safe_memqcache_table_list")],
  ["follow_master_command", use("4.2", "follow_primary_command")],
  ["socket_dir", use("4.4", "unix_socket_directories")],
  ["debug_level", use("4.0", "log_min_messages")],
  ["other_pgpool_hostname", use("4.2", "hostname0, hostname1, ...")],
  ["other_pgpool_port", use("4.2", "pgpool_port0, pgpool_port1, ...")],
  ["other_wd_port", use("4.2", "wd_port0, wd_port1, ...")],
  [
    "wd_hostname",
    use("4.2", "hostname0, hostname1, ... (the file pgpool_node_id selects the local one)"),
  ],
  [
    "wd_port",
    use("4.2", "wd_port0, wd_port1, ... (the file pgpool_node_id selects the local one)"),
  ],
  ["heartbeat_destination", use("4.2", "heartbeat_hostname0, heartbeat_hostname1, ...")],
  ["heartbeat_destination_port", use("4.2", "heartbeat_port0, heartbeat_port1, ...")],
  ["wd_heartbeat_port", use("4.2", "heartbeat_port0, heartbeat_port1, ...")],
  ["parallel_mode", { since: "3.5", instead: "Remove the line." }],
  ["pgpool2_hostname", { since: "3.5", instead: "Remove the line." }],
  ["system_db_hostname", { since: "3.5", instead: "Remove the line." }],
  ["system_db_port", { since: "3.5", instead: "Remove the line." }],
  ["system_db_dbname", { since: "3.5", instead: "Remove the line." }],
  ["system_db_schema", { since: "3.5", instead: "Remove the line." }],
  ["system_db_user", { since: "3.5", instead: "Remove the line." }],
  ["system_db_password", { since: "3.5", instead: "Remove the line." }],
  ["enable_query_cache", use("3.5", "memory_cache_enabled")],
  ["print_timestamp", use("3.5", "log_line_prefix with %t or %m")],
  ["print_user", use("3.5", "log_line_prefix with %u")],
  ["backend_socket_dir", use("3.4", "backend_hostnameN with a directory")],
  ["ifconfig_path", use("3.4", "if_cmd_path")],
  ["replication_timeout", { since: "3.4", instead: "Remove the line." }],
]);

/**
 * Looks up a name among those that are gone; with `withoutIndex` a number at its end is ignored
 * (`other_pgpool_hostname0`).
 */
export function findRemoved(name: string, withoutIndex = false): RemovedParameter | undefined {
  return removed.get(withoutIndex ? name.replace(/\d+$/, "") : name);
}
