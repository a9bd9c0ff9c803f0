import type { ServerConnectionInfo, SessionInfo, WorkerReport } from "../process/messages.ts";
import type { AdminSettings } from "./context.ts";

/** Connections to several nodes that one client used or may use together. */
export interface PoolEntry {
  readonly database: string;
  readonly user: string;
  readonly connections: ReadonlyMap<number, ServerConnectionInfo>;
}

/**
 * One of the num_init_children places for clients, as users of a process per client know them.
 * Every place belongs to a worker and shows its pid.
 */
export interface ClientSlot {
  readonly worker: WorkerReport;
  readonly session: SessionInfo | null;
  /** At most max_pool; the session's own is the first. */
  readonly entries: readonly PoolEntry[];
}

/**
 * Spreads the workers' clients and cached connections over client slots: sessions fill the first
 * slots of their worker, cached connections become pool entries of its free slots. There are
 * num_init_children slots, or more when more clients are being served.
 */
export function clientSlots(
  reports: readonly WorkerReport[],
  settings: Pick<AdminSettings, "numInitChildren" | "maxPool">,
): ClientSlot[] {
  const sizes = slotCounts(reports, settings.numInitChildren);
  return reports.flatMap((report, index) =>
    workerSlots(report, sizes[index] ?? 0, settings.maxPool)
  );
}

/** How many slots each worker shows: its share, or as many as it has sessions. */
function slotCounts(reports: readonly WorkerReport[], total: number): number[] {
  const counts = reports.map((report) => report.sessions.length);
  let free = total - counts.reduce((sum, count) => sum + count, 0);
  while (free > 0 && counts.length > 0) {
    counts[counts.indexOf(Math.min(...counts))] += 1;
    free -= 1;
  }
  return counts;
}

function workerSlots(report: WorkerReport, count: number, maxPool: number): ClientSlot[] {
  const entries: PoolEntry[][] = Array.from({ length: count }, (_, index) => {
    const session = report.sessions[index];
    return session === undefined ? [] : [sessionEntry(session)];
  });
  const busy = report.sessions.length;
  const places = [...entries.slice(busy), ...entries.slice(0, busy)];
  groupIdle(report.idle).forEach((entry, index) => placeEntry(entry, index, places, maxPool));
  return entries.map((slotEntries, index) => ({
    worker: report,
    session: report.sessions[index] ?? null,
    entries: slotEntries,
  }));
}

/** The next place with room, going round, so that slots fill evenly and free ones first. */
function placeEntry(entry: PoolEntry, index: number, places: PoolEntry[][], maxPool: number) {
  for (let offset = 0; offset < places.length; offset++) {
    const place = places[(index + offset) % places.length];
    if (place !== undefined && place.length < maxPool) {
      place.push(entry);
      return;
    }
  }
}

function sessionEntry(session: SessionInfo): PoolEntry {
  return {
    database: session.database,
    user: session.user,
    connections: new Map(session.servers.map((server) => [server.node, server])),
  };
}

/** Cached connections of one user and database, one of each node, make an entry. */
function groupIdle(idle: readonly ServerConnectionInfo[]): PoolEntry[] {
  const entries: (PoolEntry & { readonly connections: Map<number, ServerConnectionInfo> })[] = [];
  const open = new Map<string, number>();
  for (const connection of idle) {
    const { database, user, node } = connection;
    const key = JSON.stringify([database, user, node]);
    const position = nextEntry(entries, database, user, open.get(key) ?? 0);
    if (position === entries.length) entries.push({ database, user, connections: new Map() });
    entries[position]?.connections.set(node, connection);
    open.set(key, position + 1);
  }
  return entries;
}

/** Position of the next entry of this user and database; the length when there is none. */
function nextEntry(
  entries: readonly PoolEntry[],
  database: string,
  user: string,
  from: number,
): number {
  let position = from;
  while (position < entries.length) {
    const entry = entries[position];
    if (entry?.database === database && entry.user === user) break;
    position += 1;
  }
  return position;
}
