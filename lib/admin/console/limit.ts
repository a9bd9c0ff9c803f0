import type { TreeNode } from "../../sql/tree.ts";
import { notSupported, SqlError } from "./errors.ts";
import { compileAs, type Expression } from "./expression.ts";
import type { Scope } from "./scope.ts";
import type { Row, Value } from "./values.ts";

/** What LIMIT and OFFSET say. */
export interface Limits {
  readonly count: Expression | undefined;
  readonly offset: Expression | undefined;
}

/** Reads LIMIT and OFFSET. @throws {SqlError} */
export function readLimits(select: TreeNode, scope: Scope): Limits {
  if (select["limitOption"] === "LIMIT_OPTION_WITH_TIES") throw notSupported("WITH TIES");
  // Columns have no meaning there.
  const outside = { ...scope, columns: [] };
  const read = (field: string, what: string) =>
    field in select ? compileAs(select[field], outside, "int8", what) : undefined;
  return {
    count: read("limitCount", "argument of LIMIT"),
    offset: read("limitOffset", "argument of OFFSET"),
  };
}

/** The rows that are left. @throws {SqlError} for negative numbers. */
export function limited(
  rows: readonly Row[],
  { count, offset }: Limits,
  parameters: readonly Value[],
): readonly Row[] {
  const start = bound(offset, "2201X", "OFFSET", parameters) ?? 0;
  const length = bound(count, "2201W", "LIMIT", parameters) ?? rows.length;
  return rows.slice(start, start + length);
}

/** A number of rows; undefined where nothing is said, or NULL. */
function bound(
  expression: Expression | undefined,
  sqlstate: string,
  what: string,
  parameters: readonly Value[],
): number | undefined {
  const value = expression?.evaluate({ row: [], parameters }) ?? null;
  if (value === null) return undefined;
  if (Number(value) < 0) throw new SqlError(sqlstate, `${what} must not be negative`);
  return Number(value);
}
