import type { AdminTable } from "../process/messages.ts";
import type { ViewColumns } from "./columns.ts";
import type { AdminContext } from "./context.ts";

export const POOL_BACKEND_STATS: ViewColumns = {
  node_id: "int4",
  hostname: "text",
  port: "int4",
  status: "text",
  role: "text",
  select_cnt: "int8",
  insert_cnt: "int8",
  update_cnt: "int8",
  delete_cnt: "int8",
  ddl_cnt: "int8",
  other_cnt: "int8",
  panic_cnt: "int8",
  fatal_cnt: "int8",
  error_cnt: "int8",
};

/** SHOW POOL_BACKEND_STATS (reference sql-interface.md 6). */
export function poolBackendStats(context: AdminContext): AdminTable {
  const rows = context.snapshot.nodes.map((node) => {
    const counters = context.counters(node.id);
    return [
      String(node.id),
      node.hostname,
      String(node.port),
      node.status,
      node.role,
      ...[
        counters.select,
        counters.insert,
        counters.update,
        counters.delete,
        counters.ddl,
        counters.other,
        counters.panic,
        counters.fatal,
        counters.error,
      ].map(String),
    ];
  });
  return { columns: Object.keys(POOL_BACKEND_STATS), rows };
}
