import type { AdminTable } from "../process/messages.ts";
import type { AdminContext } from "./context.ts";
import { cutBytes } from "./format.ts";

/** Longest description shown (reference sql-interface.md 2). */
const DESCRIPTION_LIMIT = 79;

/** SHOW POOL_STATUS (reference sql-interface.md 2); the items come from the parameter table. */
export function poolStatus(context: AdminContext): AdminTable {
  return {
    columns: ["item", "value", "description"],
    rows: context.statusItems().map((item) => [
      item.name,
      item.value,
      cutBytes(item.description, DESCRIPTION_LIMIT),
    ]),
  };
}
