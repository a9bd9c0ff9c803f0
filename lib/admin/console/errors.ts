import { mostSimilar } from "../../config/similar.ts";
import type { ErrorFields } from "../../wire/build.ts";

/** A statement that is refused, with what its sender is told. */
export class SqlError extends Error {
  override readonly name = "SqlError";

  constructor(
    readonly sqlstate: string,
    message: string,
    readonly more: Pick<ErrorFields, "detail" | "hint" | "position"> = {},
  ) {
    super(message);
  }
}

/** Something that PostgreSQL knows and this port does not. */
export function notSupported(what: string, hint: string = GRAMMAR): SqlError {
  return new SqlError("0A000", `${what} is not supported on the administration port`, { hint });
}

/**
 * The hint for a name that there is not: the name that was meant, or else all that there are.
 *
 * @param shown the names as they are told, in the same order.
 */
export function whichName(
  name: string,
  names: readonly string[],
  shown: readonly string[] = names,
): string {
  const near = mostSimilar(name, names);
  if (near === undefined) return `There are ${shown.join(", ")}.`;
  return `Perhaps you meant "${shown[names.indexOf(near)]}".`;
}

const GRAMMAR = "There are SHOW POOL_NODES and the other SHOW POOL_ commands, PGPOOL SHOW, and " +
  "SELECT from one view (pool_nodes) or function (pcp_node_info(0)) with WHERE, ORDER BY and LIMIT.";
