import { constantText } from "../../sql/tree.ts";
import type { ColumnType } from "../columns.ts";
import { notSupported } from "./errors.ts";
import type { Expression } from "./expression.ts";
import { findFunction } from "./functions.ts";
import { type Scope, unknownFunction } from "./scope.ts";
import type { Value } from "./values.ts";

/** Functions without arguments that drivers and programs ask at the beginning. */
const BUILTINS: Readonly<Record<string, [ColumnType, (scope: Scope) => Value]>> = {
  current_database: ["text", ({ environment }) => environment.database],
  current_schema: ["text", () => "public"],
  now: ["timestamptz", () => Date.now()],
  pg_advisory_unlock_all: ["text", () => ""],
  pg_backend_pid: ["int4", () => process.pid],
  pg_is_in_recovery: ["bool", () => false],
  version: ["text", ({ environment }) => version(environment.settings.get("server_version").value)],
};

/** The same without parentheses. */
const VALUE_FUNCTIONS: Readonly<Record<string, [ColumnType, (scope: Scope) => Value]>> = {
  SVFOP_CURRENT_CATALOG: ["text", ({ environment }) => environment.database],
  SVFOP_CURRENT_ROLE: ["text", ({ environment }) => environment.user],
  SVFOP_CURRENT_SCHEMA: ["text", () => "public"],
  SVFOP_CURRENT_TIMESTAMP: ["timestamptz", () => Date.now()],
  SVFOP_CURRENT_USER: ["text", ({ environment }) => environment.user],
  SVFOP_SESSION_USER: ["text", ({ environment }) => environment.user],
  SVFOP_USER: ["text", ({ environment }) => environment.user],
};

/**
 * A call of one of PostgreSQL's own functions.
 *
 * @param parts of its name.
 * @throws {SqlError}
 */
export function callBuiltin(
  parts: readonly string[],
  args: readonly unknown[],
  scope: Scope,
): Expression {
  const name = parts.at(-1) ?? "";
  if (name === "current_setting" && args.length >= 1) return currentSetting(args[0], scope);
  const builtin = Object.hasOwn(BUILTINS, name) ? BUILTINS[name] : undefined;
  if (builtin !== undefined && args.length === 0) return expression(builtin, scope);
  if (name === "count") throw notSupported("count() but for SELECT count(*) alone");
  if (findFunction(name) === undefined) throw unknownFunction(name);
  throw notSupported(
    `${name}() in this place`,
    `Call it alone: SELECT ${name}(…), or SELECT * FROM ${name}(…).`,
  );
}

/** One of those that are called without parentheses, by its name in the tree. */
export function valueFunction(op: string, scope: Scope): Expression {
  const found = VALUE_FUNCTIONS[op];
  if (found === undefined) throw notSupported(op.replace("SVFOP_", ""));
  return expression(found, scope);
}

function expression(
  [type, compute]: [ColumnType, (scope: Scope) => Value],
  scope: Scope,
): Expression {
  return { type, evaluate: () => compute(scope) };
}

function currentSetting(arg: unknown, scope: Scope): Expression {
  const name = constantText(arg);
  if (name === undefined) throw notSupported("current_setting() of anything but a constant");
  const { settings } = scope.environment;
  // A name that is not known is refused while the statement is read.
  settings.get(name);
  return { type: "text", evaluate: () => settings.get(name).value };
}

function version(server: string): string {
  return `PostgreSQL ${server}, the administration port of pgpool`;
}
