import type { AdminTable } from "../process/messages.ts";
import type { ViewColumns } from "./columns.ts";
import type { AdminContext } from "./context.ts";
import { cutBytes } from "./format.ts";

/** Longest description shown (reference sql-interface.md 2). */
const DESCRIPTION_LIMIT = 79;

export const POOL_STATUS: ViewColumns = { item: "text", value: "text", description: "text" };

/** SHOW POOL_STATUS (reference sql-interface.md 2); the items come from the parameter table. */
export function poolStatus(context: AdminContext): AdminTable {
  return {
    columns: Object.keys(POOL_STATUS),
    rows: context.statusItems().map((item) => [
      item.name,
      item.value,
      cutBytes(item.description, DESCRIPTION_LIMIT),
    ]),
  };
}
