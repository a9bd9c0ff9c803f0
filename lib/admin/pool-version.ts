import type { AdminTable } from "../process/messages.ts";
import type { ViewColumns } from "./columns.ts";

/** Version and code name of the Pgpool-II this system is compatible with. */
export const POOL_VERSION = "4.7.2 (tasukiboshi)";

export const POOL_VERSION_COLUMNS: ViewColumns = { pool_version: "text" };

/** SHOW POOL_VERSION (reference sql-interface.md 6). */
export function poolVersion(): AdminTable {
  return { columns: Object.keys(POOL_VERSION_COLUMNS), rows: [[POOL_VERSION]] };
}
