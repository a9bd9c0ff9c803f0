import { asList, asText, nameParts, type TreeNode, unwrap } from "../../sql/tree.ts";
import { notSupported, SqlError } from "./errors.ts";
import { compile, compileAs, compilePair, type Expression } from "./expression.ts";
import type { Moment, Scope } from "./scope.ts";
import { isNumeric, typeInfo, type Value } from "./values.ts";

/** What a comparison tells of the order of two values. */
const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  "=": (order) => order === 0,
  "<>": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

/** Reads a comparison, AND, OR, NOT, IN, LIKE or IS NULL; NULL is neither true nor false. */
export function compileCondition(type: string, fields: TreeNode, scope: Scope): Expression {
  switch (type) {
    case "BoolExpr":
      return logic(fields, scope);
    case "NullTest": {
      const tested = compile(fields["arg"], scope);
      const wanted = fields["nulltesttype"] === "IS_NULL";
      return bool((moment) => (tested.evaluate(moment) === null) === wanted);
    }
    default:
      return operator(fields, scope);
  }
}

/** Order of two values of one type, neither NULL. Texts compare by their characters' codes. */
export function compareValues(one: Value, other: Value): number {
  if (one === other) return 0;
  if (typeof one === "number" && typeof other === "number") {
    // NaN is equal to itself and greater than all else, as in PostgreSQL.
    if (Number.isNaN(one) || Number.isNaN(other)) {
      return Number(Number.isNaN(one)) - Number(Number.isNaN(other));
    }
  }
  if (one === null || other === null) return 0;
  return one < other ? -1 : 1;
}

function bool(evaluate: (moment: Moment) => boolean | null): Expression {
  return { type: "bool", evaluate };
}

function logic(fields: TreeNode, scope: Scope): Expression {
  const terms = asList(fields["args"]).map((each) => {
    const { evaluate } = compileAs(each, scope, "bool", "argument of a condition");
    return evaluate;
  });
  switch (fields["boolop"]) {
    case "NOT_EXPR":
      return bool((moment) => {
        const value = terms[0]?.(moment) ?? null;
        return value === null ? null : value !== true;
      });
    case "AND_EXPR":
      return bool((moment) => decide(terms.map((term) => term(moment)), false));
    default:
      return bool((moment) => decide(terms.map((term) => term(moment)), true));
  }
}

/** One deciding value is enough; otherwise NULL makes it unknown. */
function decide(values: readonly Value[], deciding: boolean): boolean | null {
  if (values.includes(deciding)) return deciding;
  return values.includes(null) ? null : !deciding;
}

function operator(fields: TreeNode, scope: Scope): Expression {
  const name = nameParts(fields["name"]).at(-1) ?? "";
  switch (fields["kind"]) {
    case "AEXPR_OP":
      return comparison(name, fields["lexpr"], fields["rexpr"], scope);
    case "AEXPR_IN":
      return membership(name === "=", fields["lexpr"], fields["rexpr"], scope);
    case "AEXPR_LIKE":
    case "AEXPR_ILIKE":
      return like(name, fields["lexpr"], fields["rexpr"], scope);
    default:
      throw notSupported(`operator ${name}`);
  }
}

function comparison(name: string, left: unknown, right: unknown, scope: Scope): Expression {
  const holds = COMPARISONS[name];
  if (holds === undefined || left === undefined) throw notSupported(`operator ${name}`);
  const [one, other] = compilePair(left, right, scope);
  checkComparable(name, one, other);
  return bool((moment) => {
    const [a, b] = [one.evaluate(moment), other.evaluate(moment)];
    return a === null || b === null ? null : holds(compareValues(a, b));
  });
}

function checkComparable(name: string, one: Expression, other: Expression): void {
  if (one.type === other.type || isNumeric(one.type) && isNumeric(other.type)) return;
  const types = `${typeInfo(one.type).name} ${name} ${typeInfo(other.type).name}`;
  throw new SqlError("42883", `operator does not exist: ${types}`, {
    hint: "You might need to add explicit type casts.",
  });
}

function membership(isIn: boolean, left: unknown, right: unknown, scope: Scope): Expression {
  const { type, fields } = unwrap(right);
  if (type !== "List") throw notSupported("a subquery");
  const equals = asList(fields["items"]).map((item) => comparison("=", left, item, scope));
  return bool((moment) => {
    const found = decide(equals.map(({ evaluate }) => evaluate(moment)), true);
    return found === null ? null : found === isIn;
  });
}

/** LIKE and ILIKE, told by their operators: `~~`, `!~~`, `~~*`, `!~~*`. */
function like(name: string, left: unknown, right: unknown, scope: Scope): Expression {
  if (asText(unwrap(right).type) === "FuncCall") throw notSupported("LIKE with ESCAPE");
  const text = compileAs(left, scope, "text", "argument of LIKE");
  const pattern = compileAs(right, scope, "text", "pattern of LIKE");
  const anyCase = name.endsWith("*");
  const isWanted = !name.startsWith("!");
  return bool((moment) => {
    const [value, like] = [text.evaluate(moment), pattern.evaluate(moment)];
    if (value === null || like === null) return null;
    const fold = (each: Value) => anyCase ? String(each).toLowerCase() : String(each);
    return matchesLike(fold(value), fold(like)) === isWanted;
  });
}

/**
 * Whether a text fits a LIKE pattern. After a mismatch only the last % is tried again, so that no
 * pattern takes long.
 */
export function matchesLike(text: string, pattern: string): boolean {
  const characters = [...text];
  const parts = patternParts(pattern);
  let [at, part, retryPart, retryAt] = [0, 0, -1, 0];
  while (at < characters.length) {
    const wanted = parts[part];
    if (wanted === ANY_TEXT) {
      [retryPart, retryAt] = [part++, at];
    } else if (wanted === ANY_CHARACTER || (wanted !== undefined && wanted === characters[at])) {
      at++;
      part++;
    } else if (retryPart >= 0) {
      part = retryPart + 1;
      at = ++retryAt;
    } else {
      return false;
    }
  }
  return parts.slice(part).every((each) => each === ANY_TEXT);
}

const ANY_TEXT = Symbol("%");
const ANY_CHARACTER = Symbol("_");

/** A pattern's characters; a backslash takes the next one as it is. */
function patternParts(pattern: string): (string | typeof ANY_TEXT | typeof ANY_CHARACTER)[] {
  const parts = [];
  const characters = [...pattern];
  for (let index = 0; index < characters.length; index++) {
    const character = characters[index];
    if (character === "%") parts.push(ANY_TEXT);
    else if (character === "_") parts.push(ANY_CHARACTER);
    else if (character !== "\\") parts.push(character ?? "");
    else if (index + 1 < characters.length) parts.push(characters[++index] ?? "");
    else throw new SqlError("22025", "LIKE pattern must not end with escape character");
  }
  return parts;
}
