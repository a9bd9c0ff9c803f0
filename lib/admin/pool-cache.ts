import type { AdminTable } from "../process/messages.ts";
import type { ViewColumns } from "./columns.ts";
import type { AdminContext } from "./context.ts";

export const POOL_CACHE: ViewColumns = {
  num_cache_hits: "int8",
  num_selects: "int8",
  cache_hit_ratio: "float8",
  num_hash_entries: "int8",
  used_hash_entries: "int8",
  num_cache_entries: "int8",
  used_cache_entries_size: "int8",
  free_cache_entries_size: "int8",
  fragment_cache_entries_size: "int8",
};

/** SHOW POOL_CACHE (reference sql-interface.md 6). */
export function poolCache(context: AdminContext): AdminTable {
  const stats = context.queryCache();
  const asked = stats.hits + stats.selects;
  const row = [
    String(stats.hits),
    String(stats.selects),
    (asked === 0 ? 0 : stats.hits / asked).toFixed(2),
    String(stats.hashEntries),
    String(stats.usedHashEntries),
    String(stats.entries),
    String(stats.usedSize),
    String(stats.freeSize),
    String(stats.fragmentSize),
  ];
  return { columns: Object.keys(POOL_CACHE), rows: [row] };
}
