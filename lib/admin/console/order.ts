import { asList, asNode, asNumber, nameParts, unwrap } from "../../sql/tree.ts";
import { compareValues } from "./condition.ts";
import { notSupported, SqlError } from "./errors.ts";
import { compile, type Expression } from "./expression.ts";
import type { Scope } from "./scope.ts";
import type { Target } from "./select.ts";
import type { Row, Value } from "./values.ts";

/** One item of ORDER BY. */
export interface SortKey {
  readonly expression: Expression;
  readonly isDescending: boolean;
  readonly nullsFirst: boolean;
}

/** Reads ORDER BY: places and names in the result, or expressions of the columns. @throws {SqlError} */
export function readOrder(
  list: readonly unknown[],
  targets: readonly Target[],
  scope: Scope,
): SortKey[] {
  return list.map((item) => {
    const { fields } = unwrap(item);
    if (fields["sortby_dir"] === "SORTBY_USING") throw notSupported("ORDER BY USING");
    const isDescending = fields["sortby_dir"] === "SORTBY_DESC";
    const nulls = fields["sortby_nulls"];
    const nullsFirst = nulls === "SORTBY_NULLS_FIRST" ||
      nulls !== "SORTBY_NULLS_LAST" && isDescending;
    return { expression: readKey(fields["node"], targets, scope), isDescending, nullsFirst };
  });
}

/** The rows in order; those that are equal keep theirs. */
export function sortRows(
  rows: readonly Row[],
  keys: readonly SortKey[],
  parameters: readonly Value[],
): readonly Row[] {
  if (keys.length === 0) return rows;
  const keyed = rows.map((row) => ({
    row,
    values: keys.map(({ expression }) => expression.evaluate({ row, parameters })),
  }));
  keyed.sort((one, other) => {
    for (const [index, key] of keys.entries()) {
      const order = compareKeys(one.values[index] ?? null, other.values[index] ?? null, key);
      if (order !== 0) return order;
    }
    return 0;
  });
  return keyed.map(({ row }) => row);
}

function compareKeys(one: Value, other: Value, { isDescending, nullsFirst }: SortKey): number {
  if (one === null || other === null) {
    if (one === other) return 0;
    return (one === null) === nullsFirst ? -1 : 1;
  }
  return isDescending ? compareValues(other, one) : compareValues(one, other);
}

function readKey(node: unknown, targets: readonly Target[], scope: Scope): Expression {
  const { type, fields } = unwrap(node);
  if (type === "A_Const" && "ival" in fields) {
    const place = asNumber(asNode(fields["ival"])["ival"]);
    const target = targets[place - 1];
    if (target !== undefined) return target.expression;
    throw new SqlError("42P10", `ORDER BY position ${place} is not in select list`);
  }
  if (type === "ColumnRef" && asList(fields["fields"]).length === 1) {
    const [name] = nameParts(fields["fields"]);
    const target = targets.find((each) => each.name === name);
    if (target !== undefined) return target.expression;
  }
  return compile(node, scope);
}
