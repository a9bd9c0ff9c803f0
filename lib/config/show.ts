import { settingsOf } from "./config.ts";
import type { Config, Settings } from "./config.ts";
import { resolveName } from "./names.ts";
import { formatDouble, formatInteger, formatWithUnit } from "./numbers.ts";
import { findParameter, parameterNames, showGroups } from "./parameters.ts";
import type { AnyValue, Parameter, ShowGroup } from "./parameters.ts";

/** A result of PGPOOL SHOW, all values as text. */
export interface ShowTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A name that PGPOOL SHOW does not know; the message is Pgpool-II's. */
export class UnknownVariableError extends Error {
  constructor(name: string) {
    super(`config variable "${name}" not found`);
    this.name = "UnknownVariableError";
  }
}

/**
 * Answers `PGPOOL SHOW name`, where name is a parameter, one of the groups backend, watchdog,
 * heartbeat and health_check, or ALL (sql-interface.md 7). Names come as the SQL parser gives
 * them: folded to lower case unless quoted. Throws UnknownVariableError.
 */
export function showParameter(config: Config, name: string): ShowTable {
  if (name.toLowerCase() === "all") return showAll(config);
  if (isGroup(name)) return describedTable(groupRows(new Reader(config), showGroups[name]));
  const reader = new Reader(config);
  const parameter = findParameter(name);
  if (parameter?.indexed) return describedTable(groupRows(reader, [name]));
  const resolved = resolveName(name);
  if (resolved.kind !== "parameter") throw new UnknownVariableError(name);
  const value = reader.value(resolved.base, resolved.index);
  return { columns: [name], rows: [[formatShown(resolved.parameter, value)]] };
}

/**
 * Answers `PGPOOL SHOW ALL`: the groups, then all other parameters by the length of their
 * names, longest first; renamed ones are left out (sql-interface.md 7).
 */
export function showAll(config: Config): ShowTable {
  const reader = new Reader(config);
  const groups = Object.values(showGroups);
  const grouped = new Set<string>(groups.flat());
  const others = parameterNames
    .filter((name) => !grouped.has(name) && !findParameter(name)?.deprecated?.forwards)
    .sort((one, other) => other.length - one.length);
  return describedTable([
    ...groups.flatMap((names) => groupRows(reader, names)),
    ...others.map((name) => reader.row(name, undefined)),
  ]);
}

/** A value as PGPOOL SHOW prints it: `on`, `5min`, `0777`, `*****` for what is hidden. */
export function formatShown(parameter: Parameter, value: AnyValue): string {
  if (parameter.hidden) return "*****";
  return formatValue(parameter, value);
}

/** A value as PGPOOL SHOW prints it, also when it is hidden there. */
export function formatValue(parameter: Parameter, value: AnyValue): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "string") return value;
  if (typeof value !== "number") {
    return value.join(parameter.type === "string-list" ? parameter.separator : ",");
  }
  if (parameter.type === "double") {
    // Pgpool-II shows weights as integers (parameters.json, backend_weight).
    if (parameter.indexed) return formatInteger(value);
    return Number.isInteger(value) ? value.toFixed(1) : formatDouble(value);
  }
  if (parameter.type !== "int" || parameter.indexed) return formatInteger(value);
  if (parameter.octal) return value.toString(8).padStart(4, "0");
  return formatWithUnit(value, parameter.unit);
}

/** Numbers of the slots that are in use, by the kind of node. */
function usedSlots(config: Config, parameter: Parameter): readonly number[] {
  switch (parameter.indexed?.per) {
    case "backend":
      return config.backends.map(({ id }) => id);
    case "watchdog-node":
      return config.watchdogNodes.map(({ id }) => id);
    case "heartbeat-node":
      return config.heartbeats.map(({ id }) => id);
    default:
      return [];
  }
}

/** Reads values of a configuration by name. */
class Reader {
  readonly config: Config;
  readonly #settings: Settings;

  constructor(config: Config) {
    this.config = config;
    this.#settings = settingsOf(config);
  }

  /** Own value of the node, else that for all nodes, else the default. */
  value(base: string, index: number | undefined): AnyValue {
    const own = index === undefined ? undefined : this.#settings.get(`${base}${index}`);
    return own ?? this.#settings.get(base) ?? findParameter(base)?.default ?? "";
  }

  row(base: string, index: number | undefined): readonly string[] {
    const parameter = findParameter(base);
    if (!parameter) throw new UnknownVariableError(base);
    const shown = formatShown(parameter, this.value(base, index));
    return [`${base}${index ?? ""}`, shown, parameter.help];
  }
}

/** First the values for all nodes, then for each used slot those of all members of the group. */
function groupRows(reader: Reader, names: readonly string[]): (readonly string[])[] {
  const bare = names.filter((name) => findParameter(name)?.indexed?.bare);
  const [first = ""] = names;
  const parameter = findParameter(first);
  const slots = parameter ? usedSlots(reader.config, parameter) : [];
  return [
    ...bare.map((name) => reader.row(name, undefined)),
    ...slots.flatMap((index) => names.map((name) => reader.row(name, index))),
  ];
}

function describedTable(rows: readonly (readonly string[])[]): ShowTable {
  return { columns: ["item", "value", "description"], rows };
}

function isGroup(name: string): name is ShowGroup {
  return Object.hasOwn(showGroups, name);
}
