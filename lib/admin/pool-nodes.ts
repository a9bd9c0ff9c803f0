import type { NodeState } from "../cluster/types.ts";
import type { AdminSession, AdminTable } from "../process/messages.ts";
import type { ViewColumns } from "./columns.ts";
import type { AdminContext } from "./context.ts";
import { formatFloat, formatTime } from "./format.ts";

export const POOL_NODES: ViewColumns = {
  node_id: "int4",
  hostname: "text",
  port: "int4",
  status: "text",
  pg_status: "text",
  lb_weight: "float8",
  role: "text",
  pg_role: "text",
  select_cnt: "int8",
  load_balance_node: "bool",
  replication_delay: "text",
  replication_state: "text",
  replication_sync_state: "text",
  last_status_change: "timestamptz",
};

/**
 * SHOW POOL_NODES (reference sql-interface.md 3). The servers are asked all at once, before anything
 * else is looked at.
 */
export async function poolNodes(session: AdminSession, context: AdminContext): Promise<AdminTable> {
  const statuses = await Promise.all(
    context.snapshot.nodes.map(({ id, status }) =>
      status === "unused" ? "unknown" : context.pgStatus(id)
    ),
  );
  const rows = context.snapshot.nodes.map((node) =>
    nodeRow(node, statuses[node.id] ?? "unknown", session, context)
  );
  return { columns: Object.keys(POOL_NODES), rows: await Promise.all(rows) };
}

async function nodeRow(
  node: NodeState,
  pgStatus: string,
  session: AdminSession,
  context: AdminContext,
): Promise<string[]> {
  return [
    String(node.id),
    node.hostname,
    String(node.port),
    node.status,
    pgStatus,
    formatFloat(node.weight),
    node.role,
    await liveRole(node, pgStatus, context),
    String(context.counters(node.id).select),
    String(session.loadBalanceNode === node.id),
    formatDelay(node),
    node.replicationState,
    node.replicationSyncState,
    formatTime(node.lastStatusChange),
  ];
}

/** Outside the modes with a searched primary nobody is asked: the role is pgpool's own. */
function liveRole(
  node: NodeState,
  pgStatus: string,
  context: AdminContext,
): Promise<string> | string {
  if (node.role === "main" || node.role === "replica") return node.role;
  return pgStatus === "up" ? context.pgRole(node.id) : "unknown";
}

/** Bytes, or seconds with their unit, which is singular below 2 s; 0 where nothing is measured. */
function formatDelay(node: NodeState): string {
  if (node.role !== "standby") return "0";
  if (!node.delayByTime) return String(node.replicationDelay);
  const seconds = node.replicationDelay / 1e6;
  return `${formatFloat(seconds)} ${seconds < 2 ? "second" : "seconds"}`;
}
