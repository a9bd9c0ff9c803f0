import type { AdminTable } from "../process/messages.ts";
import type { AdminContext } from "./context.ts";
import { formatTime } from "./format.ts";
import { openedAt, slotStartTime, slotStatus, useCount } from "./slot-values.ts";
import { type ClientSlot, clientSlots } from "./slots.ts";

const COLUMNS = [
  "pool_pid",
  "start_time",
  "client_connection_count",
  "database",
  "username",
  "backend_connection_time",
  "pool_counter",
  "status",
];

/** SHOW POOL_PROCESSES (reference sql-interface.md 4): one row per client slot. */
export async function poolProcesses(context: AdminContext): Promise<AdminTable> {
  const slots = clientSlots(await context.reports(), context.settings);
  return { columns: COLUMNS, rows: slots.map((slot) => slotRow(slot, context)) };
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
