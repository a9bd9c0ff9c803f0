import type { AdminTable, SessionInfo } from "../process/messages.ts";
import type { ViewColumns } from "./columns.ts";
import type { AdminContext } from "./context.ts";
import { cutBytes, formatMinutes, formatTime } from "./format.ts";
import { slotStartTime, slotStatus } from "./slot-values.ts";
import { type ClientSlot, clientSlots, type PoolEntry } from "./slots.ts";

export const POOL_POOLS: ViewColumns = {
  pool_pid: "int4",
  start_time: "text",
  client_connection_count: "int8",
  pool_id: "int4",
  backend_id: "int4",
  database: "text",
  username: "text",
  backend_connection_time: "timestamptz",
  client_connection_time: "timestamptz",
  client_disconnection_time: "timestamptz",
  client_idle_duration: "text",
  majorversion: "int4",
  minorversion: "int4",
  pool_counter: "int8",
  pool_backendpid: "int4",
  pool_connected: "bool",
  status: "text",
  load_balance_node: "bool",
  client_host: "text",
  client_port: "text",
  statement: "text",
};

/** Longest statement that is shown, in bytes. */
const STATEMENT_LIMIT = 1023;

/**
 * SHOW POOL_POOLS (reference sql-interface.md 5): slots × max_pool × backends rows. The client's
 * host, port and statement repeat on every row of its slot.
 */
export async function poolPools(context: AdminContext): Promise<AdminTable> {
  const rows: string[][] = [];
  for (const slot of clientSlots(await context.reports(), context.settings)) {
    for (let pool = 0; pool < context.settings.maxPool; pool++) {
      for (const node of context.snapshot.nodes) rows.push(poolRow(slot, pool, node.id, context));
    }
  }
  return { columns: Object.keys(POOL_POOLS), rows };
}

function poolRow(slot: ClientSlot, pool: number, node: number, context: AdminContext): string[] {
  const entry = slot.entries[pool];
  const session = pool === 0 ? slot.session : null;
  const client = slot.session;
  return [
    String(slot.worker.pid),
    slotStartTime(slot, context),
    String(slot.worker.connectionCount),
    String(pool),
    String(node),
    entry?.database ?? "",
    entry?.user ?? "",
    ...connectionValues(entry, session, node, context),
    slotStatus(slot),
    session !== null && session.loadBalanceNode === node ? "1" : "0",
    client?.clientHost ?? "",
    client?.clientPort ?? "",
    client !== null && client.statementNode === node
      ? cutBytes(client.statement, STATEMENT_LIMIT)
      : "",
  ];
}

/** Columns 8 to 16, from backend_connection_time to pool_connected. */
function connectionValues(
  entry: PoolEntry | undefined,
  session: SessionInfo | null,
  node: number,
  context: AdminContext,
): string[] {
  const connection = entry?.connections.get(node);
  const isConnected = session !== null && entry !== undefined;
  return [
    formatTime(connection?.createdAt ?? 0),
    isConnected ? formatTime(session.startTime) : "",
    isConnected ? "" : formatTime(connection?.releasedAt ?? 0),
    isConnected ? idleDuration(session, context) : "0",
    connection === undefined ? "0" : "3",
    String(connection?.protocolMinor ?? 0),
    String(connection?.uses ?? 0),
    String(connection?.pid ?? 0),
    isConnected ? "1" : "0",
  ];
}

function idleDuration(session: SessionInfo, context: AdminContext): string {
  const isIdle = session.idleSince > 0;
  const idle = isIdle ? Math.max(0, Math.floor(context.now - session.idleSince)) : 0;
  const limit = context.settings.clientIdleLimit;
  if (limit === 0 || !isIdle) return String(idle);
  return `${idle} (${formatMinutes(limit - idle)} before client disconnected)`;
}
