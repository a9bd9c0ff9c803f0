import { asList, asNode, asText, nameParts, unwrap } from "../../sql/tree.ts";
import type { ViewColumns } from "../columns.ts";
import { type AdminView, isAdminView, viewColumns } from "../views.ts";
import type { Environment } from "./environment.ts";
import { notSupported, SqlError } from "./errors.ts";
import { compileAs, type Expression } from "./expression.ts";
import type { AdminFunction } from "./function.ts";
import { findFunction, signature } from "./functions.ts";
import type { ParameterTypes } from "./parameters.ts";
import { unknownRelation } from "./scope.ts";
import { localTime } from "./time.ts";
import { type Column, parseText, type Row, type Value } from "./values.ts";

/** What rows are selected from. */
export interface Source {
  /** Its name or alias; undefined without FROM. */
  readonly name: string | undefined;
  readonly columns: readonly Column[];
  readonly isActing: boolean;
  /** @throws {PcpError | SqlError} */
  readonly rows: (parameters: readonly Value[]) => Promise<readonly Row[]>;
}

/** A call of a function with its arguments in the order of its parameters. */
export interface Call {
  readonly called: AdminFunction;
  readonly args: readonly Expression[];
}

/** One row without columns: what a SELECT without FROM is computed from. */
export const NOTHING: Source = {
  name: undefined,
  columns: [],
  isActing: false,
  rows: () => Promise.resolve([[]]),
};

/** Reads the one item of FROM. @throws {SqlError} */
export function readFrom(
  item: unknown,
  environment: Environment,
  parameters: ParameterTypes,
): Source {
  const { type, fields } = unwrap(item);
  const alias = asText(asNode(fields["alias"])["aliasname"]) || undefined;
  if (asList(asNode(fields["alias"])["colnames"]).length > 0) throw notSupported("a column alias");
  if (type === "RangeVar") {
    const [schema, name] = [asText(fields["schemaname"]), asText(fields["relname"])];
    const isOurs = (schema === "" || schema === "public") && isAdminView(name);
    if (!isOurs) throw unknownRelation(schema === "" ? name : `${schema}.${name}`);
    return { ...viewSource(name, environment), name: alias ?? name };
  }
  if (type !== "RangeFunction") throw notSupported("this kind of FROM");
  const functions = asList(fields["functions"]);
  if (functions.length !== 1 || fields["ordinality"] === true) throw notSupported("this FROM");
  const [call] = asList(unwrap(functions[0]).fields["items"]);
  const read = readCall(call, environment, parameters);
  if (read === undefined) throw notSupported("this function in FROM");
  return { ...callSource(read, environment), name: alias ?? read.called.name };
}

/** A view as something to select from. */
export function viewSource(view: AdminView, environment: Environment): Source {
  const columns = columnsOf(viewColumns(view));
  const { zone } = environment.settings;
  return {
    name: view,
    columns,
    isActing: false,
    rows: async () => {
      const { rows } = await environment.show(view);
      return rows.map((row) => columns.map((each, at) => cell(each, row[at] ?? "", zone)));
    },
  };
}

/** The rows of a function. */
export function callSource({ called, args }: Call, environment: Environment): Source {
  return {
    name: called.name,
    columns: columnsOf(called.columns),
    isActing: called.isActing,
    rows: async (parameters) => {
      const values = args.map(({ evaluate }) => evaluate({ row: [], parameters }));
      if (!values.includes(null)) return await called.call(values, environment);
      return called.isSet ? [] : [[null]];
    },
  };
}

/**
 * Reads a call of one of the functions here; undefined when the node is anything else.
 *
 * @throws {SqlError} when there is no such function or the arguments do not fit.
 */
export function readCall(
  node: unknown,
  environment: Environment,
  parameters: ParameterTypes,
): Call | undefined {
  const { type, fields } = unwrap(node);
  if (type !== "FuncCall") return undefined;
  const [name = "", schema = "public"] = nameParts(fields["funcname"]).reverse();
  const called = findFunction(name);
  if (called === undefined || schema !== "public") return undefined;
  const given = placeArguments(called, asList(fields["args"]));
  const scope = { environment, parameters, relation: undefined, columns: [] };
  const args = called.parameters.map((parameter, index): Expression => {
    const argument = given[index];
    if (argument !== undefined) {
      return compileAs(argument, scope, parameter.type, `argument ${parameter.name} of ${name}()`);
    }
    const value = parameter.default;
    if (value === undefined) throw wrongArguments(called);
    return { type: parameter.type, evaluate: () => value };
  });
  return { called, args };
}

/** Arguments in the order of the parameters, where they are given. */
function placeArguments(called: AdminFunction, args: readonly unknown[]): unknown[] {
  const placed: unknown[] = [];
  args.forEach((arg, index) => {
    const { type, fields } = unwrap(arg);
    const isNamed = type === "NamedArgExpr";
    const name = asText(fields["name"]);
    const place = isNamed ? called.parameters.findIndex((each) => each.name === name) : index;
    if (place < 0 || place >= called.parameters.length || placed[place] !== undefined) {
      throw wrongArguments(called);
    }
    placed[place] = isNamed ? fields["arg"] : arg;
  });
  return placed;
}

function wrongArguments(called: AdminFunction): SqlError {
  return new SqlError("42883", `function ${called.name}() does not take these arguments`, {
    hint: `It is ${signature(called)}.`,
  });
}

function columnsOf(columns: ViewColumns): Column[] {
  return Object.entries(columns).map(([name, type]) => ({ name, type }));
}

/** A view's text in the type of its column; nothing is NULL except among texts. */
function cell({ type }: Column, text: string, zone: string): Value {
  if (type === "text") return text;
  if (text === "") return null;
  return type === "timestamptz" ? localTime(text) : parseText(type, text, zone);
}
