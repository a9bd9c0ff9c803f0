import type { Config } from "../config.ts";
import { resolveName } from "../names.ts";
import { about } from "./finding.ts";
import type { Finding } from "./finding.ts";

interface Feature {
  readonly title: string;
  /** Whether somebody may rely on it who is not told. */
  readonly vital?: boolean;
  /** Whether the configuration asks for it. */
  readonly wanted: (config: Config) => boolean;
  /** Names of its parameters, without index. */
  readonly names: RegExp;
}

/** What is read and shown, but not acted on yet (docs/limits.md). Gone through in this order. */
const features: readonly Feature[] = [
  {
    title: "the clustering mode",
    vital: true,
    wanted: ({ values }) =>
      values.backend_clustering_mode !== "streaming_replication" &&
      values.backend_clustering_mode !== "raw",
    names:
      /^(backend_clustering_mode|replication_mode|replicate_select|insert_lock|lobj_lock_table|replication_stop_on_mismatch|failover_if_affected_tuples_mismatch)$/,
  },
  {
    title: "the watchdog",
    vital: true,
    wanted: ({ values }) => values.use_watchdog,
    names:
      /^(use_watchdog|hostname|pgpool_port|wd_|heartbeat_|delegate_ip|trusted_server|if_|arping_|ping_path|failover_when_quorum|failover_require_consensus|allow_multiple_failover|enable_consensus|clear_memqcache_on_escalation)/,
  },
  {
    title: "the query cache",
    wanted: ({ values }) => values.memory_cache_enabled,
    names: /^(memory_cache_enabled|memqcache_|cache_)/,
  },
  {
    title: "dml_adaptive, in whose place transaction counts",
    wanted: ({ values }) => values.disable_load_balance_on_write.startsWith("dml_adaptive"),
    names: /^(disable_load_balance_on_write|dml_adaptive_object_relationship_list)$/,
  },
  {
    title: "catalog queries on other nodes than the primary",
    wanted: ({ values }) => values.relcache_query_target === "load_balance_node",
    names: /^relcache_query_target$/,
  },
  {
    title: "one relation cache for all processes; each worker has its own",
    wanted: ({ values }) => values.enable_shared_relcache,
    names: /^enable_shared_relcache$/,
  },
  {
    title: "what comes with Pgpool-II 4.8",
    wanted: () => true,
    names: /^(track_table_mutation_)/,
  },
];

/** Whether a parameter, without index, belongs to something that is not active yet. */
export function isInactive(name: string): boolean {
  return features.some((feature) => feature.names.test(name));
}

/** Which parameters that are set have no effect yet: one finding for each feature. */
export function checkInactive(config: Config): Finding[] {
  return features.filter((feature) => feature.wanted(config)).flatMap((feature) => {
    const names = [...config.sources.keys()].filter((name) => feature.names.test(baseOf(name)));
    const [first] = names;
    if (first === undefined) return [];
    return [about(
      config,
      first,
      feature.vital ? "warning" : "note",
      "not-active",
      `not active yet: ${feature.title} (${names.join(", ")})`,
      "The values are read, checked and shown, and have no effect in this build.",
    )];
  });
}

function baseOf(name: string): string {
  const resolved = resolveName(name);
  return resolved.kind === "parameter" ? resolved.base : name;
}
