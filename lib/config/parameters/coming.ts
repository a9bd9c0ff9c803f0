import { double, int, string } from "./types.ts";

/** What the version after Pgpool-II 4.7 adds. */
export const coming = {
  replication_delay_source_cmd: string({
    default: "",
    context: "reload",
    group: "streaming_replication",
    section: "Streaming replication check",
    since: "4.8",
    help:
      "External command that prints the replication delay (ms) of each replica; replaces the built-in delay queries when not empty.",
  }),
  track_table_mutation_ttl_factor: double({
    default: 5,
    min: 1,
    max: 100,
    context: "reload",
    group: "load_balance",
    section: "Load balancing settings",
    since: "4.8",
    help:
      "dml_adaptive_global: a written table counts as stale for replication delay times this factor.",
  }),
  replication_delay_source_timeout: int({
    default: 10,
    min: 1,
    max: 3600,
    context: "reload",
    group: "streaming_replication",
    section: "Streaming replication check",
    since: "4.8",
    help: "Seconds allowed for replication_delay_source_cmd.",
  }),
  track_table_mutation_max_staleness: int({
    default: 60000,
    min: 0,
    max: 3600000,
    unit: "ms",
    context: "reload",
    group: "load_balance",
    section: "Load balancing settings",
    since: "4.8",
    help:
      "dml_adaptive_global: longest time a table can stay stale since its first write; 0 disables the cap.",
  }),
  track_table_mutation_cold_start_duration: int({
    default: 2000,
    min: 0,
    max: 60000,
    unit: "ms",
    context: "reload",
    group: "load_balance",
    section: "Load balancing settings",
    since: "4.8",
    help: "With dml_adaptive_global: after a start all reads go to the primary for this time.",
  }),
  track_table_mutation_table_buckets: int({
    default: 1024,
    min: 64,
    max: 65536,
    context: "startup",
    group: "load_balance",
    section: "Load balancing settings",
    since: "4.8",
    help: "dml_adaptive_global: number of hash buckets of the shared table map.",
  }),
  track_table_mutation_table_size: int({
    default: 2048,
    min: 128,
    max: 131072,
    context: "startup",
    group: "load_balance",
    section: "Load balancing settings",
    since: "4.8",
    help: "dml_adaptive_global: number of tables tracked.",
  }),
} as const;
