import type { Config } from "../config.ts";
import type { PlacedAssignment } from "../files.ts";
import { clusteringModeOf, modeNames } from "../migrate-mode.ts";
import type { Finding } from "./finding.ts";

/**
 * Finds a clustering mode in the words of before 4.2 that is not the one pgpool runs in. They are
 * ignored, so writes could go to one server that were meant for all.
 */
export function checkOldMode(
  config: Config,
  assignments: readonly PlacedAssignment[],
): Finding[] {
  if (config.sources.has("backend_clustering_mode")) return [];
  const old = clusteringModeOf(assignments);
  const last = assignments.findLast(({ name }) => modeNames.includes(name));
  const mode = config.values.backend_clustering_mode;
  if (!old || !last || old.mode === mode) return [];
  return [{
    severity: "error",
    code: "old-mode",
    file: last.file,
    line: last.line,
    message: `the clustering mode is ${mode}; it was ${old.mode} (${old.because}) before 4.2`,
    hint: `Set backend_clustering_mode = '${old.mode}', or run pgpool config migrate.`,
  }];
}
