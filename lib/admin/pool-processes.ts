import type { AdminTable } from "../process/messages.ts";
import type { ViewColumns } from "./columns.ts";
import type { AdminContext } from "./context.ts";
import { formatTime } from "./format.ts";
import { openedAt, slotStartTime, slotStatus, useCount } from "./slot-values.ts";
import { type ClientSlot, clientSlots } from "./slots.ts";

export const POOL_PROCESSES: ViewColumns = {
  pool_pid: "int4",
  start_time: "text",
  client_connection_count: "int8",
  database: "text",
  username: "text",
  backend_connection_time: "timestamptz",
  pool_counter: "int8",
  status: "text",
};

/** SHOW POOL_PROCESSES (reference sql-interface.md 4): one row per client slot. */
export async function poolProcesses(context: AdminContext): Promise<AdminTable> {
  const slots = clientSlots(await context.reports(), context.settings);
  return {
    columns: Object.keys(POOL_PROCESSES),
    rows: slots.map((slot) => slotRow(slot, context)),
  };
}

function slotRow(slot: ClientSlot, context: AdminContext): string[] {
  const entry = slot.session === null ? undefined : slot.entries[0];
  return [
    String(slot.worker.pid),
    slotStartTime(slot, context),
    String(slot.worker.connectionCount),
    entry?.database ?? "",
    entry?.user ?? "",
    entry === undefined ? "" : formatTime(openedAt(entry)),
    entry === undefined ? "" : String(useCount(entry)),
    slotStatus(slot),
  ];
}
