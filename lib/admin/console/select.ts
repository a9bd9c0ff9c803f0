import { asList, asText, nameParts, type TreeNode, unwrap } from "../../sql/tree.ts";
import { planCatalogs } from "./catalogs.ts";
import type { Environment } from "./environment.ts";
import { notSupported, SqlError } from "./errors.ts";
import { compile, compileAs, type Expression } from "./expression.ts";
import { limited, type Limits, readLimits } from "./limit.ts";
import { readOrder, sortRows } from "./order.ts";
import type { ParameterTypes } from "./parameters.ts";
import type { Plan } from "./plan.ts";
import { checkRelation, type Scope } from "./scope.ts";
import { type Call, callSource, NOTHING, readCall, readFrom, type Source } from "./source.ts";
import { nameOf } from "./target-name.ts";
import type { Column, Row, Value } from "./values.ts";

/** A column of the result and what it is computed by. */
export interface Target extends Column {
  readonly expression: Expression;
}

/** What a SELECT may have in PostgreSQL and not here, by its field in the tree. */
const NOT_HERE: Readonly<Record<string, string>> = {
  distinctClause: "DISTINCT",
  groupClause: "GROUP BY",
  havingClause: "HAVING",
  intoClause: "INTO",
  larg: "UNION, INTERSECT or EXCEPT",
  lockingClause: "FOR UPDATE",
  valuesLists: "VALUES",
  windowClause: "WINDOW",
  withClause: "WITH",
};

/**
 * Clauses by which PostgreSQL may not call a function at all. It is called first here, so one that
 * does something can not have them.
 */
const CONDITIONS = ["whereClause", "sortClause", "limitCount", "limitOffset"];
const JUST_CALL = "Call it alone, as in SELECT pcp_attach_node(1).";

/**
 * Reads a SELECT from one view or function, or from nothing, with WHERE, ORDER BY and LIMIT.
 *
 * @throws {SqlError}
 */
export function planSelect(
  select: TreeNode,
  environment: Environment,
  parameters: ParameterTypes,
): Plan {
  const catalogs = planCatalogs(select, parameters);
  if (catalogs !== undefined) return catalogs;
  for (const [field, what] of Object.entries(NOT_HERE)) {
    if (field in select) throw notSupported(what);
  }
  const list = asList(select["targetList"]);
  const from = asList(select["fromClause"]);
  if (from.length > 1) throw notSupported("more than one item in FROM");
  const calls = from.length > 0
    ? new Map<number, Call>()
    : targetCalls(list, environment, parameters);
  const source = from.length > 0
    ? readFrom(from[0], environment, parameters)
    : callsSource([...calls.values()], environment);
  if (source.isActing && CONDITIONS.some((field) => field in select)) {
    throw notSupported("a condition, order or limit on what a function does", JUST_CALL);
  }
  const scope = { environment, parameters, relation: source.name, columns: source.columns };
  const where = "whereClause" in select
    ? compileAs(select["whereClause"], scope, "bool", "argument of WHERE")
    : undefined;
  const limits = readLimits(select, scope);
  if (isCount(list)) return countPlan(list, source, where, limits);
  const targets = readTargets(list, calls, scope);
  const order = readOrder(asList(select["sortClause"]), targets, scope);
  return {
    columns: targets,
    isActing: source.isActing,
    endsTransaction: false,
    run: async (values) => {
      const found = filter(await source.rows(values), where, values);
      const rows = limited(sortRows(found, order, values), limits, values).map((row) =>
        targets.map(({ expression }) => expression.evaluate({ row, parameters: values }))
      );
      return { rows, tag: `SELECT ${rows.length}` };
    },
  };
}

/** Everything of a view or function. */
export function planAll(source: Source): Plan {
  return {
    columns: source.columns,
    isActing: source.isActing,
    endsTransaction: false,
    run: async (values) => {
      const rows = await source.rows(values);
      return { rows, tag: `SELECT ${rows.length}` };
    },
  };
}

/** Functions called in the list of a SELECT without FROM, by their places in it. */
function targetCalls(
  list: readonly unknown[],
  environment: Environment,
  parameters: ParameterTypes,
): Map<number, Call> {
  const calls = new Map<number, Call>();
  list.forEach((target, index) => {
    const call = readCall(unwrap(target).fields["val"], environment, parameters);
    if (call === undefined) return;
    const { name, columns, isSet } = call.called;
    if (Object.keys(columns).length > 1 || isSet && list.length > 1) {
      throw notSupported(`${name}() in this place`, `Write SELECT * FROM ${name}(…).`);
    }
    calls.set(index, call);
  });
  return calls;
}

/** The functions are called one after the other, and their values make a row. */
function callsSource(calls: readonly Call[], environment: Environment): Source {
  const sources = calls.map((call) => callSource(call, environment));
  const [only] = sources;
  if (only === undefined) return NOTHING;
  if (sources.length === 1) return { ...only, name: undefined };
  return {
    name: undefined,
    columns: sources.flatMap(({ columns }) => columns),
    isActing: sources.some(({ isActing }) => isActing),
    rows: async (parameters) => {
      const row: Value[] = [];
      for (const source of sources) {
        const [first = []] = await source.rows(parameters);
        row.push(...first);
      }
      return [row];
    },
  };
}

function readTargets(
  list: readonly unknown[],
  calls: ReadonlyMap<number, Call>,
  scope: Scope,
): Target[] {
  const positions = new Map([...calls.keys()].map((place, position) => [place, position]));
  return list.flatMap((node, place): Target[] => {
    const { fields } = unwrap(node);
    const alias = asText(fields["name"]);
    const position = positions.get(place);
    if (position !== undefined) {
      const column = columnTarget(scope.columns, position);
      return [alias === "" ? column : { ...column, name: alias }];
    }
    if (isStar(fields["val"], scope)) {
      if (scope.relation === undefined) throw new SqlError("42601", "SELECT * needs a FROM");
      return scope.columns.map((_, index) => columnTarget(scope.columns, index));
    }
    const expression = compile(fields["val"], scope);
    const name = alias || nameOf(fields["val"]);
    return [{ name, type: expression.type, expression }];
  });
}

function columnTarget(columns: readonly Column[], index: number): Target {
  const { name, type } = columns[index] ?? { name: "", type: "text" };
  return { name, type, expression: { type, evaluate: ({ row }) => row[index] ?? null } };
}

/** `*`, or `nodes.*`. */
function isStar(node: unknown, scope: Scope): boolean {
  const { type, fields } = unwrap(node);
  const parts = asList(fields["fields"]);
  if (type !== "ColumnRef" || unwrap(parts.at(-1)).type !== "A_Star") return false;
  if (parts.length > 1) checkRelation(nameParts(parts).at(-2) ?? "", scope);
  return true;
}

/** `count(*)` and nothing else. */
function isCount(list: readonly unknown[]): boolean {
  const { type, fields } = unwrap(unwrap(list[0]).fields["val"]);
  const isCall = type === "FuncCall" && nameParts(fields["funcname"]).at(-1) === "count";
  return list.length === 1 && isCall && fields["agg_star"] === true;
}

function countPlan(
  list: readonly unknown[],
  source: Source,
  where: Expression | undefined,
  limits: Limits,
): Plan {
  return {
    columns: [{ name: asText(unwrap(list[0]).fields["name"]) || "count", type: "int8" }],
    isActing: source.isActing,
    endsTransaction: false,
    run: async (values) => {
      const counted = filter(await source.rows(values), where, values).length;
      const rows = limited([[counted]], limits, values);
      return { rows, tag: `SELECT ${rows.length}` };
    },
  };
}

function filter(
  rows: readonly Row[],
  where: Expression | undefined,
  parameters: readonly Value[],
): readonly Row[] {
  if (where === undefined) return rows;
  return rows.filter((row) => where.evaluate({ row, parameters }) === true);
}
