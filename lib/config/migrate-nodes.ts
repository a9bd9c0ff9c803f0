import type { Line } from "./migrate.ts";

/** Names of the local watchdog node before 4.2, which is node 0 now. */
const local: ReadonlyMap<string, string> = new Map([
  ["wd_hostname", "hostname0"],
  ["wd_port", "wd_port0"],
  ["wd_heartbeat_port", "heartbeat_port0"],
]);

/** Names of the others, which were numbered from 0 and are numbered from 1 now. */
const others: ReadonlyMap<string, string> = new Map([
  ["other_pgpool_hostname", "hostname"],
  ["other_pgpool_port", "pgpool_port"],
  ["other_wd_port", "wd_port"],
  ["heartbeat_destination", "heartbeat_hostname"],
  ["heartbeat_destination_port", "heartbeat_port"],
]);

/**
 * The name of a parameter of watchdog nodes since 4.2, when every node is listed and the local
 * one is number 0; undefined for everything else.
 */
export function nodeRename(name: string, lines: readonly Line[]): string | undefined {
  const own = local.get(name);
  if (own !== undefined) return own;
  const match = /^([a-zA-Z_]+)(\d+)$/.exec(name);
  if (!match) return undefined;
  const [, base = "", digits = ""] = match;
  const next = Number(digits) + 1;
  const other = others.get(base);
  if (other !== undefined) return `${other}${next}`;
  const isOld = base === "heartbeat_device" &&
    lines.some((line) => line.name.startsWith("heartbeat_destination"));
  return isOld ? `heartbeat_device${next}` : undefined;
}
