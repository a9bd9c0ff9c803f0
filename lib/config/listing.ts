import { settingsOf } from "./config.ts";
import type { Config, Source } from "./config.ts";
import { resolveName } from "./names.ts";
import type { AnyValue, Context, Parameter } from "./parameters.ts";
import { formatShown, formatValue, showAll, showParameter } from "./show.ts";

/** A parameter with its value; texts are those of PGPOOL SHOW, secrets are `*****`. */
export interface ListedParameter {
  readonly name: string;
  readonly value: string;
  readonly default: string;
  /** Whether the value is not the default. */
  readonly changed: boolean;
  readonly context: Context;
  readonly description: string;
  /** Where it is set, null when nowhere. */
  readonly source: { readonly file: string; readonly line: number } | null;
}

/** All parameters in the order of PGPOOL SHOW ALL; those per node for the nodes in use. */
export function listParameters(config: Config): readonly ListedParameter[] {
  return listed(config, showAll(config).rows.map(([name = ""]) => name));
}

/**
 * One parameter, with all its nodes for a name without index, or a group of PGPOOL SHOW. Throws
 * UnknownVariableError.
 */
export function listParameter(config: Config, name: string): readonly ListedParameter[] {
  const { columns, rows } = showParameter(config, name);
  return listed(config, columns.length === 1 ? [name] : rows.map(([each = ""]) => each));
}

/** A parameter that two configurations set differently; null where a node has no value. */
export interface Difference {
  readonly name: string;
  readonly first: string | null;
  readonly second: string | null;
}

/** What differs between two configurations, by name. Secrets that differ are `*****` in both. */
export function diffConfigs(first: Config, second: Config): readonly Difference[] {
  const [one, other] = [settingsOf(first), settingsOf(second)];
  const names = [...new Set([...one.keys(), ...other.keys()])].sort();
  return names.flatMap((name) => {
    const resolved = resolveName(name);
    if (resolved.kind !== "parameter" || resolved.parameter.deprecated) return [];
    const { parameter } = resolved;
    const [left, right] = [one.get(name), other.get(name)];
    if (text(parameter, left) === text(parameter, right)) return [];
    return [{ name, first: shown(parameter, left), second: shown(parameter, right) }];
  });
}

/** Where a parameter is set, without the text. */
export function placeOf(source: Source | undefined): { file: string; line: number } | null {
  return source === undefined ? null : { file: source.file, line: source.line };
}

function listed(config: Config, names: readonly string[]): ListedParameter[] {
  const settings = settingsOf(config);
  return names.flatMap((name) => {
    const resolved = resolveName(name);
    if (resolved.kind !== "parameter") return [];
    const { base, parameter } = resolved;
    const value = settings.get(name) ?? settings.get(base) ?? parameter.default;
    return [{
      name,
      value: formatShown(parameter, value),
      default: formatShown(parameter, parameter.default),
      changed: formatValue(parameter, value) !== formatValue(parameter, parameter.default),
      context: parameter.context,
      description: parameter.help,
      source: placeOf(config.sources.get(name) ?? config.sources.get(base)),
    }];
  });
}

function text(parameter: Parameter, value: AnyValue | undefined): string | undefined {
  return value === undefined ? undefined : formatValue(parameter, value);
}

function shown(parameter: Parameter, value: AnyValue | undefined): string | null {
  return value === undefined ? null : formatShown(parameter, value);
}
