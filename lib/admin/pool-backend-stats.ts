import type { AdminTable } from "../process/messages.ts";
import type { AdminContext } from "./context.ts";

const COLUMNS = [
  "node_id",
  "hostname",
  "port",
  "status",
  "role",
  "select_cnt",
  "insert_cnt",
  "update_cnt",
  "delete_cnt",
  "ddl_cnt",
  "other_cnt",
  "panic_cnt",
  "fatal_cnt",
  "error_cnt",
];

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
  return { columns: COLUMNS, rows };
}
