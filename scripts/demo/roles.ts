import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Which server was the primary when the last demo ended: of those that are not set up as standbys,
 * the one on the highest timeline. One that failed and was not recovered is on a lower one.
 *
 * @param dataDir of the server with an id
 * @param count ids are below it
 */
export function lastPrimary(dataDir: (id: number) => string, count: number): number {
  let best = 0;
  let highest = 0;
  for (let id = 0; id < count; id++) {
    if (existsSync(join(dataDir(id), "standby.signal"))) continue;
    const timeline = timelineOf(dataDir(id));
    if (timeline > highest) {
      best = id;
      highest = timeline;
    }
  }
  return best;
}

/** The timeline that a server writes on, as its WAL files are named; 0 when there is none. */
function timelineOf(dataDir: string): number {
  const wal = join(dataDir, "pg_wal");
  if (!existsSync(wal)) return 0;
  const timelines = readdirSync(wal).map((name) => /^([0-9A-F]{8})[0-9A-F]{16}$/.exec(name)?.[1]);
  return Math.max(0, ...timelines.map((digits) => parseInt(digits ?? "0", 16)));
}
