import { adminViews } from "../views.ts";
import type { Environment } from "./environment.ts";
import { SqlError, whichName } from "./errors.ts";
import { adminFunctions, signature } from "./functions.ts";
import type { ParameterTypes } from "./parameters.ts";
import type { Column, Row, Value } from "./values.ts";

/** What the expressions of a statement may name. */
export interface Scope {
  readonly environment: Environment;
  readonly parameters: ParameterTypes;
  /** Name or alias of what is selected from; undefined without FROM. */
  readonly relation: string | undefined;
  readonly columns: readonly Column[];
}

/** What a row's expressions are computed from. */
export interface Moment {
  readonly row: Row;
  readonly parameters: readonly Value[];
}

/**
 * Position of a column.
 *
 * @param parts of its name, with the relation's before it or not.
 * @throws {SqlError}
 */
export function findColumn(parts: readonly string[], scope: Scope): number {
  const [name = "", relation] = [...parts].reverse();
  if (relation !== undefined) checkRelation(relation, scope);
  const index = scope.columns.findIndex((column) => column.name === name);
  if (index >= 0) return index;
  const columns = scope.columns.map((column) => column.name);
  throw new SqlError("42703", `column "${parts.join(".")}" does not exist`, {
    ...(columns.length === 0 ? {} : { hint: whichName(name, columns) }),
  });
}

/** @throws {SqlError} unless it is what the statement selects from. */
export function checkRelation(name: string, scope: Scope): void {
  if (name === scope.relation) return;
  throw new SqlError("42P01", `missing FROM-clause entry for table "${name}"`);
}

export function unknownRelation(name: string): SqlError {
  return new SqlError("42P01", `relation "${name}" does not exist`, {
    hint: whichName(name, adminViews),
  });
}

export function unknownFunction(name: string): SqlError {
  return new SqlError("42883", `function ${name}() does not exist`, {
    hint: whichName(name, adminFunctions.map((each) => each.name), adminFunctions.map(signature)),
  });
}
