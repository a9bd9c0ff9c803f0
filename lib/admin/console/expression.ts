import {
  asList,
  asNode,
  asText,
  constantText,
  nameParts,
  type TreeNode,
  unwrap,
} from "../../sql/tree.ts";
import type { ColumnType } from "../columns.ts";
import { callBuiltin, valueFunction } from "./builtins.ts";
import { compileCondition } from "./condition.ts";
import { notSupported, SqlError } from "./errors.ts";
import { findColumn, type Moment, type Scope } from "./scope.ts";
import { cast, isNumeric, parseText, typeInfo, typeNamed, type Value } from "./values.ts";

/** An expression that can be computed for a row. */
export interface Expression {
  readonly type: ColumnType;
  /** @throws {SqlError} */
  readonly evaluate: (moment: Moment) => Value;
}

/**
 * Reads an expression of a statement's tree.
 *
 * @param wanted type of a literal or parameter that has none of its own, text unless given.
 * @throws {SqlError}
 */
export function compile(node: unknown, scope: Scope, wanted?: ColumnType): Expression {
  const { type, fields } = unwrap(node);
  switch (type) {
    case "ColumnRef":
      return column(fields, scope);
    case "A_Const":
      return constant(node, fields, scope, wanted);
    case "ParamRef":
      return parameter(fields, scope, wanted);
    case "TypeCast":
      return typeCast(fields, scope);
    case "FuncCall":
      return callBuiltin(nameParts(fields["funcname"]), asList(fields["args"]), scope);
    case "SQLValueFunction":
      return valueFunction(asText(fields["op"]), scope);
    case "A_Expr":
    case "BoolExpr":
    case "NullTest":
      return compileCondition(type, fields, scope);
    default:
      throw notSupported("this expression");
  }
}

/** Two expressions of one type: what has none of its own takes that of the other. @throws {SqlError} */
export function compilePair(left: unknown, right: unknown, scope: Scope): [Expression, Expression] {
  if (isUntyped(left, scope) && !isUntyped(right, scope)) {
    const second = compile(right, scope);
    return [compile(left, scope, second.type), second];
  }
  const first = compile(left, scope);
  return [first, compile(right, scope, first.type)];
}

/** An expression in the type that is wanted. @throws {SqlError} when it can not be had. */
export function compileAs(
  node: unknown,
  scope: Scope,
  wanted: ColumnType,
  what: string,
): Expression {
  const expression = compile(node, scope, wanted);
  if (expression.type === wanted) return expression;
  if (!(isNumeric(expression.type) && isNumeric(wanted))) {
    const [is, be] = [typeInfo(expression.type).name, typeInfo(wanted).name];
    throw new SqlError("42804", `${what} must be ${be}, not ${is}`);
  }
  const { zone } = scope.environment.settings;
  const { type, evaluate } = expression;
  return { type: wanted, evaluate: (moment) => cast(evaluate(moment), type, wanted, zone) };
}

function column(fields: TreeNode, scope: Scope): Expression {
  const parts = asList(fields["fields"]);
  if (parts.some((part) => unwrap(part).type === "A_Star")) throw notSupported("* in this place");
  const index = findColumn(nameParts(parts), scope);
  const type = scope.columns[index]?.type ?? "text";
  return { type, evaluate: ({ row }) => row[index] ?? null };
}

function constant(node: unknown, fields: TreeNode, scope: Scope, wanted?: ColumnType): Expression {
  if (fields["isnull"] === true) return { type: wanted ?? "text", evaluate: () => null };
  const type = constantType(fields, wanted);
  const value = parseText(type, constantText(node) ?? "", scope.environment.settings.zone);
  return { type, evaluate: () => value };
}

function constantType(fields: TreeNode, wanted: ColumnType | undefined): ColumnType {
  if ("ival" in fields) return "int4";
  if ("boolval" in fields) return "bool";
  if ("fval" in fields) {
    return /^-?\d{1,15}$/.test(asText(asNode(fields["fval"])["fval"])) ? "int8" : "float8";
  }
  return wanted ?? "text";
}

function parameter(fields: TreeNode, scope: Scope, wanted: ColumnType = "text"): Expression {
  const number = Number(fields["number"] ?? 0);
  const type = scope.parameters.type(number, wanted);
  return { type, evaluate: ({ parameters }) => parameters[number - 1] ?? null };
}

function typeCast(fields: TreeNode, scope: Scope): Expression {
  const typeName = asNode(fields["typeName"]);
  const name = nameParts(typeName["names"]).at(-1) ?? "";
  const type = typeNamed(name);
  const isArray = asList(typeName["arrayBounds"]).length > 0;
  if (type === undefined || isArray) throw notSupported(`type ${name}${isArray ? "[]" : ""}`);
  const { zone } = scope.environment.settings;
  const inner = compile(fields["arg"], scope, type);
  return {
    type,
    evaluate: (moment) => cast(inner.evaluate(moment), inner.type, type, zone),
  };
}

function isUntyped(node: unknown, scope: Scope): boolean {
  const { type, fields } = unwrap(node);
  if (type === "ParamRef") {
    return scope.parameters.type(Number(fields["number"] ?? 0), undefined) === undefined;
  }
  return type === "A_Const" && ("sval" in fields || fields["isnull"] === true);
}
