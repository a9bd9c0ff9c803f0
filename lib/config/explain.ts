import type { Config } from "./config.ts";
import { listParameter } from "./listing.ts";
import { nearestName, resolveName } from "./names.ts";
import { formatDouble, formatInteger } from "./numbers.ts";
import { findParameter } from "./parameters.ts";
import type { Parameter } from "./parameters.ts";
import { findRemoved } from "./removed.ts";
import { formatValue } from "./show.ts";

/** What there is to know of a parameter. */
export interface Explanation {
  readonly name: string;
  readonly description: string;
  readonly type: Parameter["type"];
  readonly default: string;
  /** The values it takes, in words; null when any text will do. */
  readonly accepts: string | null;
  readonly unit: string | null;
  /** When a new value takes effect. */
  readonly changes: "restart" | "reload" | "session";
  readonly section: string;
  /** The name to use in its place, for a name that is out of use. */
  readonly replacedBy: string | null;
  /** The version of Pgpool-II that brings it, when that is after 4.7. */
  readonly since: string | null;
  /** Its value now, per node for what exists per node; empty without a configuration. */
  readonly set: readonly {
    readonly name: string;
    readonly value: string;
    readonly source: { readonly file: string; readonly line: number } | null;
  }[];
}

/** A name that is no parameter; `hint` says what may have been meant or what replaced it. */
export class NoSuchParameterError extends Error {
  override readonly name = "NoSuchParameterError";

  constructor(parameter: string, readonly hint: string) {
    super(`there is no parameter "${parameter}"`);
  }
}

/**
 * Explains a parameter, with or without index; `config` gives the values in force. Throws
 * NoSuchParameterError.
 */
export function explainParameter(name: string, config: Config | undefined): Explanation {
  const parameter = parameterNamed(name);
  return {
    name,
    description: parameter.help,
    type: parameter.type,
    default: formatValue(parameter, parameter.default),
    accepts: accepted(parameter),
    unit: parameter.type === "int" ? parameter.unit ?? null : null,
    changes: parameter.context === "startup" || parameter.readOnce ? "restart" : parameter.context,
    section: parameter.section,
    replacedBy: parameter.deprecated?.replacedBy ?? null,
    since: parameter.since ?? null,
    set: config === undefined
      ? []
      : listParameter(config, name).map(({ name, value, source }) => ({ name, value, source })),
  };
}

function parameterNamed(name: string): Parameter {
  const known = findParameter(name);
  if (known) return known;
  const resolved = resolveName(name);
  if (resolved.kind === "parameter") return resolved.parameter;
  if (resolved.kind === "bad-index") throw new NoSuchParameterError(name, resolved.message.trim());
  const gone = findRemoved(name) ?? findRemoved(name, true);
  if (gone) {
    throw new NoSuchParameterError(name, `It is gone since version ${gone.since}. ${gone.instead}`);
  }
  const near = nearestName(name);
  throw new NoSuchParameterError(
    name,
    near ? `Perhaps you meant "${near}".` : "pgpool config show --all lists all of them.",
  );
}

function accepted(parameter: Parameter): string | null {
  switch (parameter.type) {
    case "bool":
      return "on, off";
    case "int":
      return `${formatInteger(parameter.min)} to ${formatInteger(parameter.max)}`;
    case "double":
      return `${formatDouble(parameter.min)} to ${formatDouble(parameter.max)}`;
    case "enum":
      return [...parameter.values, ...Object.keys(parameter.aliases ?? {})].join(", ");
    case "string-list":
      return `a list, separated by "${parameter.separator}"` +
        (parameter.regex ? ", of regular expressions" : "");
    case "string":
      return null;
  }
}
