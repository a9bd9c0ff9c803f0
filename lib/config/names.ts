import { findParameter, parameterNames } from "./parameters.ts";
import type { Parameter } from "./parameters.ts";
import { mostSimilar } from "./similar.ts";

/** What a name in a file or command refers to. */
export type ResolvedName =
  | {
    readonly kind: "parameter";
    readonly base: string;
    readonly parameter: Parameter;
    /** Number of the node, undefined for a name without index. */
    readonly index: number | undefined;
  }
  /** The name is a parameter's but its index is wrong; `message` says how. */
  | { readonly kind: "bad-index"; readonly message: string; readonly hint: string }
  | { readonly kind: "unknown" };

const indexedNames = parameterNames
  .filter((name) => findParameter(name)?.indexed)
  .sort((one, other) => other.length - one.length);

/**
 * Finds the parameter of a name; names of parameters per node are followed by a decimal number
 * and matched by prefix, the longest first (parameters.md 1). Names are case-sensitive.
 */
export function resolveName(name: string): ResolvedName {
  const exact = findParameter(name);
  if (exact) {
    if (exact.indexed && !exact.indexed.bare) {
      const message = `parameter "${name}" expects the index value`;
      return { kind: "bad-index", message, hint: `Write ${name}0, ${name}1 and so on.` };
    }
    return { kind: "parameter", base: name, parameter: exact, index: undefined };
  }
  for (const base of indexedNames) {
    const parameter = findParameter(base);
    if (!parameter?.indexed || !name.startsWith(base)) continue;
    return withIndex(base, parameter, name.slice(base.length), parameter.indexed.maxElements);
  }
  return { kind: "unknown" };
}

function withIndex(
  base: string,
  parameter: Parameter,
  digits: string,
  count: number,
): ResolvedName {
  if (!/^\d+$/.test(digits)) {
    // A misspelling such as port_numer is no index of port: let it be unknown.
    if (!/^\d/.test(digits)) return { kind: "unknown" };
    const message = `invalid index value for parameter "${base}" `;
    return { kind: "bad-index", message, hint: `The number of a node follows: ${base}0.` };
  }
  const index = Number.parseInt(digits, 10);
  if (index >= count) {
    const message = `${digits} index outside the valid range for parameter "${base}" ` +
      `(0 .. ${count - 1})`;
    return { kind: "bad-index", message, hint: "Nodes are numbered from 0." };
  }
  return { kind: "parameter", base, parameter, index };
}

/** The name of a parameter that somebody may have meant, undefined when none is near. */
export function nearestName(name: string): string | undefined {
  const digits = /\d*$/.exec(name)?.[0] ?? "";
  const candidates = parameterNames.flatMap((each) => {
    const parameter = findParameter(each);
    if (parameter?.deprecated) return [];
    const index = digits !== "" ? digits : parameter?.indexed?.bare ? "" : "0";
    return [parameter?.indexed ? each + index : each];
  });
  return mostSimilar(name, candidates);
}
