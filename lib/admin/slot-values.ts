import type { AdminContext } from "./context.ts";
import { formatMinutes, formatTime } from "./format.ts";
import type { ClientSlot, PoolEntry } from "./slots.ts";

/** Start time of a slot's process, with what is left of its cached connections' life. */
export function slotStartTime(slot: ClientSlot, context: AdminContext): string {
  const started = formatTime(slot.worker.startTime);
  const { childLifeTime } = context.settings;
  const isIdle = slot.session === null && slot.entries.length > 0;
  if (childLifeTime === 0 || !isIdle) return started;
  const left = childLifeTime - (context.now - lastReleased(slot.entries, context.now));
  return `${started} (${formatMinutes(left)} before process restarting)`;
}

export function slotStatus(slot: ClientSlot): string {
  return slot.session?.status ?? "Wait for connection";
}

/** When the first of the entry's connections was opened; 0 when it has none. */
export function openedAt(entry: PoolEntry): number {
  const times = [...entry.connections.values()].map((connection) => connection.createdAt);
  return times.length === 0 ? 0 : Math.min(...times);
}

/** How often the entry has been handed to a client. */
export function useCount(entry: PoolEntry): number {
  return Math.max(0, ...[...entry.connections.values()].map((connection) => connection.uses));
}

function lastReleased(entries: readonly PoolEntry[], now: number): number {
  const times = entries.flatMap((entry) =>
    [...entry.connections.values()].map((connection) => connection.releasedAt)
  );
  const latest = Math.max(0, ...times);
  return latest > 0 ? latest : now;
}
