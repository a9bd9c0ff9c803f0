import type { Line } from "./migrate.ts";

/** What said the clustering mode before 4.2. */
export const modeNames: readonly string[] = [
  "master_slave_mode",
  "master_slave_sub_mode",
  "replication_mode",
];

/**
 * The backend_clustering_mode that means what master_slave_mode, master_slave_sub_mode and
 * replication_mode meant before 4.2; undefined when none of them is set.
 */
export function clusteringModeOf(
  lines: readonly Pick<Line, "name" | "value">[],
): { readonly mode: string; readonly because: string } | undefined {
  const last = (name: string) => lines.findLast((line) => line.name === name)?.value.toLowerCase();
  const primary = last("master_slave_mode");
  const replication = last("replication_mode");
  if (primary === undefined && replication === undefined) return undefined;
  if (isOn(replication)) return { mode: "native_replication", because: "replication_mode = on" };
  if (!isOn(primary)) return { mode: "raw", because: "neither of both modes" };
  const kind = last("master_slave_sub_mode") ?? "stream";
  const because = `master_slave_mode = on with '${kind}'`;
  return { mode: kind === "stream" ? "streaming_replication" : "logical_replication", because };
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && ["on", "true", "t", "yes", "y", "1"].includes(value);
}
