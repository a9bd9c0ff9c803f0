import type { AdminTable } from "../process/messages.ts";
import type { AdminContext } from "./context.ts";

const COLUMNS = [
  "num_cache_hits",
  "num_selects",
  "cache_hit_ratio",
  "num_hash_entries",
  "used_hash_entries",
  "num_cache_entries",
  "used_cache_entries_size",
  "free_cache_entries_size",
  "fragment_cache_entries_size",
];

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
  return { columns: COLUMNS, rows: [row] };
}
