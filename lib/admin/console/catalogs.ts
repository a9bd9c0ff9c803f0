import {
  asList,
  asNode,
  asNumber,
  asText,
  isNode,
  nameParts,
  type TreeNode,
  unwrap,
} from "../../sql/tree.ts";
import { notSupported } from "./errors.ts";
import type { ParameterTypes } from "./parameters.ts";
import type { Plan } from "./plan.ts";
import { nameOf } from "./target-name.ts";
import type { Column, Value } from "./values.ts";

/** Deepest nesting that is looked through. */
const DEEPEST = 200;

/** What a statement's tree refers to. */
interface References {
  readonly relations: TreeNode[];
  readonly parameters: number[];
}

/**
 * A SELECT that reads nothing but system catalogs, in whatever form: drivers look up types when
 * they connect, psql and other programs look for tables. There are none here, so the catalogs are
 * empty. Undefined for any other SELECT.
 *
 * @throws {SqlError}
 */
export function planCatalogs(select: TreeNode, parameters: ParameterTypes): Plan | undefined {
  const references: References = { relations: [], parameters: [] };
  collect(select, references, 0);
  const { relations } = references;
  if (relations.length === 0 || !relations.every(isCatalog)) return undefined;
  for (const number of references.parameters) parameters.type(number, "text");
  const targets = targetsOf(select);
  // Without rows to read, a count and a SELECT without a FROM of its own still give one.
  const isOne = targets.some(({ isCount }) => isCount) || !("fromClause" in select);
  const rows = isOne && !("larg" in select) ? [targets.map(({ value }) => value)] : [];
  return {
    columns: targets,
    isActing: false,
    endsTransaction: false,
    run: () => Promise.resolve({ rows, tag: `SELECT ${rows.length}` }),
  };
}

function collect(value: unknown, found: References, depth: number): void {
  if (depth > DEEPEST) throw notSupported("so deep a nesting");
  if (Array.isArray(value)) {
    for (const each of value) collect(each, found, depth + 1);
  } else if (isNode(value)) {
    for (const [key, inner] of Object.entries(value)) {
      if (key === "RangeVar") found.relations.push(asNode(inner));
      else if (key === "ParamRef") found.parameters.push(asNumber(asNode(inner)["number"]));
      else collect(inner, found, depth + 1);
    }
  }
}

function isCatalog(relation: TreeNode): boolean {
  const schema = asText(relation["schemaname"]);
  if (schema === "") return asText(relation["relname"]).startsWith("pg_");
  return schema === "pg_catalog" || schema === "information_schema";
}

/** A column of the result, and what it is where nothing is found. */
interface EmptyTarget extends Column {
  readonly isCount: boolean;
  readonly value: Value;
}

/** Of a UNION and its like the first SELECT names the columns. */
function targetsOf(select: TreeNode): EmptyTarget[] {
  if ("larg" in select) return targetsOf(asNode(select["larg"]));
  return asList(select["targetList"]).map((target): EmptyTarget => {
    const { fields } = unwrap(target);
    const { type, fields: inner } = unwrap(fields["val"]);
    const isStar = asList(inner["fields"]).some((part) => unwrap(part).type === "A_Star");
    if (isStar) throw notSupported("SELECT * from a system catalog");
    const name = asText(fields["name"]) || nameOf(fields["val"]);
    if (type === "FuncCall" && nameParts(inner["funcname"]).at(-1) === "count") {
      return { name, type: "int8", isCount: !("groupClause" in select), value: 0 };
    }
    if (type === "SubLink" && inner["subLinkType"] === "EXISTS_SUBLINK") {
      return { name, type: "bool", isCount: false, value: false };
    }
    return { name, type: "text", isCount: false, value: null };
  });
}
