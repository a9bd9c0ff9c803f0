import type { AdminTable } from "../process/messages.ts";
import type { ViewColumns } from "./columns.ts";
import type { AdminContext } from "./context.ts";
import { cutBytes } from "./format.ts";

/** Longest description shown (reference sql-interface.md 2). */
const DESCRIPTION_LIMIT = 79;
const ELLIPSIS = "...";

export const POOL_STATUS: ViewColumns = { item: "text", value: "text", description: "text" };

/** SHOW POOL_STATUS (reference sql-interface.md 2); the items come from the parameter table. */
export function poolStatus(context: AdminContext): AdminTable {
  return {
    columns: Object.keys(POOL_STATUS),
    rows: context.statusItems().map((item) => [
      item.name,
      item.value,
      shortened(item.description),
    ]),
  };
}

/** A description that is too long ends behind a whole word. */
function shortened(text: string): string {
  const cut = cutBytes(text, DESCRIPTION_LIMIT);
  if (cut === text) return text;
  const kept = cutBytes(text, DESCRIPTION_LIMIT - ELLIPSIS.length).replace(/[\s,;(]+\S*$/, "");
  return kept + ELLIPSIS;
}
