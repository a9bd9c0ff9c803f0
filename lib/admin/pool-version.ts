import type { AdminTable } from "../process/messages.ts";

/** Version and code name of the Pgpool-II this system is compatible with. */
export const POOL_VERSION = "4.7.2 (tasukiboshi)";

/** SHOW POOL_VERSION (reference sql-interface.md 6). */
export function poolVersion(): AdminTable {
  return { columns: ["pool_version"], rows: [[POOL_VERSION]] };
}
