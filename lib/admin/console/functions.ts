import { ACTIONS } from "./actions.ts";
import type { AdminFunction, FunctionParameter } from "./function.ts";
import { REPORTS } from "./reports.ts";

/** All functions, in the order of their names. */
export const adminFunctions: readonly AdminFunction[] = [...REPORTS, ...ACTIONS]
  .sort((one, other) => one.name < other.name ? -1 : 1);

const BY_NAME: ReadonlyMap<string, AdminFunction> = new Map(
  adminFunctions.map((each) => [each.name, each]),
);

/** The function of a name in lower case. */
export function findFunction(name: string): AdminFunction | undefined {
  return BY_NAME.get(name);
}

/** How a function is called: `pcp_detach_node(node_id int4, gracefully bool DEFAULT false)`. */
export function signature({ name, parameters }: AdminFunction): string {
  return `${name}(${parameters.map(parameterText).join(", ")})`;
}

function parameterText({ name, type, ...rest }: FunctionParameter): string {
  return `${name} ${type}${rest.default === undefined ? "" : ` DEFAULT ${rest.default}`}`;
}
