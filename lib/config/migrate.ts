import { clusteringModeOf, modeNames } from "./migrate-mode.ts";
import { nodeRename } from "./migrate-nodes.ts";
import { quoteValue } from "./grammar.ts";
import { resolveName } from "./names.ts";
import type { RetiredValue } from "./parameters/types.ts";
import { findRemoved } from "./removed.ts";

/** A line of a configuration that a migration changes. */
export interface Change {
  /** In the old file, from 1. */
  readonly line: number;
  /** The name that stood there. */
  readonly name: string;
  /** The name that stands there now, null when the line has become a comment. */
  readonly becomes: string | null;
  readonly why: string;
}

/** A configuration with today's names. */
export interface Migration {
  readonly text: string;
  readonly changes: readonly Change[];
  /** What is left to do by hand. */
  readonly remarks: readonly string[];
}

/** An assignment in a line, with everything around it. */
export interface Line {
  readonly number: number;
  readonly indent: string;
  readonly name: string;
  readonly between: string;
  /** As written. */
  readonly raw: string;
  /** Without quotes. */
  readonly value: string;
  readonly rest: string;
}

/** Old names whose value goes to a new one as it is (parameters.md 8, release notes). */
const renamed: ReadonlyMap<string, string> = new Map([
  ["black_function_list", "write_function_list"],
  ["white_function_list", "read_only_function_list"],
  ["black_query_pattern_list", "primary_routing_query_pattern_list"],
  ["black_memqcache_table_list", "cache_unsafe_memqcache_table_list"],
  ["white_memqcache_table_list", "cache_safe_memqcache_table_list"],
  ["follow_master_command", "follow_primary_command"],
  ["socket_dir", "unix_socket_directories"],
  ["enable_query_cache", "memory_cache_enabled"],
  ["ifconfig_path", "if_cmd_path"],
]);

const pattern =
  /^([ \t]*)([A-Za-z_][A-Za-z0-9_]*)([ \t]*=[ \t]*|[ \t]+)('(?:[^'\\]|\\.)*'|[^\s#'=]+)(.*)$/s;

/**
 * Rewrites a pgpool.conf of Pgpool-II 3.7 or later to today's names. Comments, order and all that
 * needs no change stay as they are; what is gone without a successor becomes a comment.
 */
export function migrateConfig(text: string): Migration {
  const lines = text.split("\n");
  const assignments = lines.flatMap((content, index) => readLine(content, index + 1) ?? []);
  const names = new Set(assignments.map(({ name }) => name));
  const mode = names.has("backend_clustering_mode") ? undefined : clusteringModeOf(assignments);
  const changes: Change[] = [];
  let modeWritten = mode === undefined;
  for (const line of assignments) {
    const rewrite = (becomes: string, raw: string, why: string) => {
      const { indent, between, rest } = line;
      lines[line.number - 1] = `${indent}${becomes}${between}${raw}${rest}`;
      changes.push({ line: line.number, name: line.name, becomes, why });
    };
    const drop = (why: string) => {
      lines[line.number - 1] = `# ${lines[line.number - 1]}`;
      changes.push({ line: line.number, name: line.name, becomes: null, why });
    };
    const becomes = newName(line.name, assignments);
    if (modeNames.includes(line.name)) {
      if (!modeWritten && mode !== undefined) {
        modeWritten = true;
        const why = `the clustering mode has one parameter since 4.2; it was ${mode.because}`;
        rewrite("backend_clustering_mode", quoteValue(mode.mode), why);
      } else {
        drop("backend_clustering_mode says it since 4.2");
      }
    } else if (becomes !== undefined && becomes !== line.name) {
      // A name that is moved on itself makes room.
      if (names.has(becomes) && newName(becomes, assignments) === becomes) {
        drop(`${becomes} is set as well and counts`);
      } else rewrite(becomes, line.raw, reasonFor(line.name));
    } else if (becomes !== undefined) {
      const retired = retiredValue(line);
      if (retired) {
        rewrite(
          line.name,
          quoteValue(retired.use),
          `'${line.value}' is gone since ${retired.since}`,
        );
      }
    } else {
      const gone = findRemoved(line.name) ?? findRemoved(line.name, true);
      if (gone) drop(`gone since ${gone.since}. ${gone.instead}`);
    }
  }
  return { text: lines.join("\n"), changes, remarks: remarksOn(assignments) };
}

/** The name a line should have; undefined when the line cannot be kept or is not known. */
function newName(name: string, lines: readonly Line[]): string | undefined {
  const moved = renamed.get(name) ?? nodeRename(name, lines);
  if (moved !== undefined) return moved;
  if (findRemoved(name)) return undefined;
  const resolved = resolveName(name);
  if (resolved.kind !== "parameter") return undefined;
  const { deprecated } = resolved.parameter;
  return deprecated?.forwards ? deprecated.replacedBy : name;
}

/** What a value of an older version is today; undefined for every other one. */
function retiredValue({ name, value }: Line): RetiredValue | undefined {
  const resolved = resolveName(name);
  if (resolved.kind !== "parameter" || resolved.parameter.type !== "enum") return undefined;
  return resolved.parameter.retired?.[value.toLowerCase()];
}

function reasonFor(name: string): string {
  const gone = findRemoved(name) ?? findRemoved(name, true);
  if (gone) return `renamed in ${gone.since}`;
  const resolved = resolveName(name);
  const since = resolved.kind === "parameter" ? resolved.parameter.deprecated?.since : undefined;
  return since === undefined ? "nodes are numbered from the local one on" : `renamed in ${since}`;
}

function remarksOn(lines: readonly Line[]): string[] {
  const remarks: string[] = [];
  const names = lines.map(({ name }) => name);
  if (names.some((name) => name === "wd_hostname" || name.startsWith("other_pgpool_"))) {
    remarks.push(
      "This pgpool is watchdog node 0 now: write 0 into the file pgpool_node_id beside " +
        "pgpool.conf, and set pgpool_port0 to its port. All nodes can share one file if each " +
        "has its own number.",
    );
  }
  if (names.some((name) => name.startsWith("include"))) {
    remarks.push("Included files are not followed: migrate them one by one.");
  }
  for (const { name, number } of lines) {
    const known = resolveName(name).kind === "parameter" || name.startsWith("include") ||
      newName(name, lines) !== undefined || findRemoved(name) || findRemoved(name, true);
    if (!known) remarks.push(`Line ${number}: "${name}" is not known and stays as it is.`);
  }
  return remarks;
}

function readLine(content: string, number: number): Line[] | undefined {
  const match = pattern.exec(content);
  if (!match) return undefined;
  const [, indent = "", name = "", between = "", raw = "", rest = ""] = match;
  const value = raw.startsWith("'") ? raw.slice(1, -1) : raw;
  return [{ number, indent, name, between, raw, value, rest }];
}
