import { readFileSync } from "node:fs";
import { parseBackendFlags } from "./config.ts";
import type { Config } from "./config.ts";
import { parseRedirects } from "./lists.ts";
import type { Problem } from "./problems.ts";

/**
 * What is wrong with a configuration as a whole, beyond single values (parameters.md 3). Gives
 * errors, and log lines for defaults that had to be chosen.
 */
export function checkConfig(config: Config): readonly Problem[] {
  return [
    ...checkBackends(config),
    ...checkRecovery(config),
    ...checkSpareChildren(config),
    ...checkRedirects(config),
    ...checkLogDestination(config),
    ...checkWatchdog(config),
  ];
}

/** The local watchdog node, or why it is not known. */
export type NodeIdResult = { readonly id: number } | { readonly wrong: string };

/** Reads the file pgpool_node_id: one decimal number, 0 to 127 (parameters.md 3, 1). */
export function readNodeId(path: string): NodeIdResult {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return { wrong: `Pgpool node id file ${path} does not exist` };
  }
  const first = (text.split("\n", 1)[0] ?? "").slice(0, 8).trim();
  if (first === "") return { wrong: "pgpool_node_id file is empty" };
  if (!/^-?\d+$/.test(first)) return { wrong: "pgpool_node_id is not a numeric value" };
  const id = Number.parseInt(first, 10);
  if (id < 0 || id > 127) {
    return { wrong: `Invalid pgpool node id "${id}", must be between 0 and 128` };
  }
  return { id };
}

function checkBackends(config: Config): Problem[] {
  const problems: Problem[] = [];
  for (const { id } of config.backends) {
    if (config.indexed.backend_hostname.get(id)) continue;
    problems.push({
      ...at(config, `backend_port${id}`),
      severity: "log",
      code: "default-used",
      message: `backend_hostname${id} is empty, using the socket directory "/tmp"`,
    });
  }
  for (const [id, text] of config.indexed.backend_flag) {
    const { wrong } = parseBackendFlags(text);
    if (wrong === undefined) continue;
    problems.push({
      ...inconsistent(config, `backend_flag${id}`),
      message: `invalid configuration for key "backend_flag${id}"`,
      detail: wrong,
    });
  }
  return problems;
}

function checkRecovery(config: Config): Problem[] {
  const { recovery_1st_stage_command: first, recovery_2nd_stage_command: second } = config.values;
  const without = config.backends.find((backend) => backend.dataDirectory === "");
  if ((first === "" && second === "") || !without) return [];
  return [{
    ...inconsistent(
      config,
      first === "" ? "recovery_2nd_stage_command" : "recovery_1st_stage_command",
    ),
    message: "invalid configuration, recovery_1st_stage_command and " +
      "recovery_2nd_stage_command requires backend_data_directory to be set",
    hint: `Set backend_data_directory${without.id}.`,
  }];
}

function checkSpareChildren(config: Config): Problem[] {
  const { min_spare_children: min, max_spare_children: max, num_init_children: all } =
    config.values;
  if (config.values.process_management_mode !== "dynamic") return [];
  const problem = inconsistent(config, "max_spare_children");
  if (max <= min) {
    const message = `invalid configuration, max_spare_children:${max} must be greater than ` +
      `min_spare_children:${min}`;
    return [{ ...problem, message }];
  }
  if (max > all) {
    const message = `invalid configuration, max_spare_children:${max} can't be greater than ` +
      `num_init_children:${all}`;
    return [{ ...problem, message }];
  }
  return [];
}

const redirectLists = [
  ["user_redirect_preference_list", "user name"],
  ["database_redirect_preference_list", "dbname"],
  ["app_name_redirect_preference_list", "app name"],
] as const;

function checkRedirects(config: Config): Problem[] {
  return redirectLists.flatMap(([name, subject]) => {
    const result = parseRedirects(config.values[name], subject);
    if (!("wrong" in result)) return [];
    const message = `invalid configuration for key "${name}"`;
    return [{ ...inconsistent(config, name), message, detail: result.wrong }];
  });
}

function checkLogDestination(config: Config): Problem[] {
  const destinations = config.values.log_destination.split(",").map((each) => each.trim());
  const unknown = destinations.find((each) =>
    !["stderr", "syslog", "jsonlog", ""].includes(each.toLowerCase())
  );
  if (unknown === undefined) return [];
  return [{
    ...inconsistent(config, "log_destination"),
    message: 'invalid configuration for "log_destination"',
    detail: `unknown destination :${unknown}`,
    hint: "Known destinations are stderr, syslog and jsonlog.",
  }];
}

function checkWatchdog(config: Config): Problem[] {
  const { use_watchdog, replication_mode, failover_when_quorum_exists } = config.values;
  const problems: Problem[] = [];
  if (use_watchdog && replication_mode && failover_when_quorum_exists) {
    const message = "invalid configuration, failover_when_quorum_exists is not allowed in " +
      "native replication mode";
    problems.push({ ...inconsistent(config, "replication_mode"), message });
  }
  const id = config.watchdogNodeId;
  if (use_watchdog && id !== undefined && !config.watchdogNodes.some((node) => node.id === id)) {
    problems.push({
      ...inconsistent(config, "use_watchdog"),
      message: "invalid watchdog configuration",
      detail: `no watchdog configuration for local pgpool node, pgpool node id: ${id} `,
      hint: `Set hostname${id}, wd_port${id} and pgpool_port${id}.`,
    });
  }
  return problems;
}

function inconsistent(config: Config, name: string) {
  return { ...at(config, name), severity: "error", code: "inconsistent" } as const;
}

/** Where a parameter is set; the main file without a line when it is not. */
function at(config: Config, name: string): { file: string; line: number } {
  const source = config.sources.get(name);
  return source ? { file: source.file, line: source.line } : { file: config.path, line: 0 };
}
