import type { PoolStatistics } from "../../pcp/statistics.ts";
import { type Family, family, histogramSamples } from "./exposition.ts";
import { nodeFamilies } from "./node-families.ts";
import { workerFamilies } from "./worker-families.ts";

/** All figures of the pool under the names that Prometheus knows them by. */
export function metricFamilies(statistics: PoolStatistics): Family[] {
  return [
    ...poolFamilies(statistics),
    ...nodeFamilies(statistics.nodes),
    ...workerFamilies(statistics),
    ...cacheFamilies(statistics),
  ];
}

function poolFamilies(statistics: PoolStatistics): Family[] {
  const { version, startTime, generation, clientSlots, notReady, changes } = statistics;
  return [
    family("gauge", "pgpool_info", "Version of pgpool.", [[{ version }, 1]]),
    family(
      "gauge",
      "pgpool_start_time_seconds",
      "When pgpool was started, in seconds since 1970.",
      startTime,
    ),
    family(
      "gauge",
      "pgpool_ready",
      "Whether a new client would be served, as /readyz says.",
      notReady.length === 0 ? 1 : 0,
    ),
    family(
      "gauge",
      "pgpool_cluster_generation",
      "Number of the present state of the cluster; grows with every change.",
      generation,
    ),
    family(
      "counter",
      "pgpool_node_changes_total",
      "Nodes that were taken out (failover), came back (failback) or became primary (promotion).",
      Object.entries(changes).map(([kind, count]) => [{ kind }, count]),
    ),
    family(
      "gauge",
      "pgpool_client_slots",
      "Clients that can be served at once (num_init_children).",
      clientSlots,
    ),
    {
      type: "histogram",
      name: "pgpool_client_slot_wait_seconds",
      help: "How long clients waited for a slot before they were served.",
      samples: histogramSamples({}, statistics.slotWaits),
    },
  ];
}

function cacheFamilies({ queryCache: cache }: PoolStatistics): Family[] {
  if (cache === undefined) return [];
  return [
    family(
      "counter",
      "pgpool_query_cache_lookups_total",
      "SELECTs looked up in the query cache.",
      [[{ result: "hit" }, cache.hits], [{ result: "miss" }, cache.misses]],
    ),
    family("gauge", "pgpool_query_cache_entries", "Results in the query cache.", cache.entries),
    family(
      "gauge",
      "pgpool_query_cache_bytes",
      "Memory of the query cache.",
      [[{ state: "used" }, cache.usedBytes], [{ state: "free" }, cache.freeBytes]],
    ),
  ];
}
