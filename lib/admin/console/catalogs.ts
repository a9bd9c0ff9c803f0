import { asList, asNode, asNumber, asText, isNode, type TreeNode, unwrap } from "../../sql/tree.ts";
import { notSupported } from "./errors.ts";
import type { ParameterTypes } from "./parameters.ts";
import type { Plan } from "./plan.ts";
import { nameOf } from "./target-name.ts";
import type { Column } from "./values.ts";

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
  return {
    columns: columnsOf(select),
    isActing: false,
    endsTransaction: false,
    run: () => Promise.resolve({ rows: [], tag: "SELECT 0" }),
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

/** Of a UNION and its like the first SELECT names the columns. */
function columnsOf(select: TreeNode): Column[] {
  if ("larg" in select) return columnsOf(asNode(select["larg"]));
  return asList(select["targetList"]).map((target) => {
    const { fields } = unwrap(target);
    const isStar = asList(unwrap(fields["val"]).fields["fields"])
      .some((part) => unwrap(part).type === "A_Star");
    if (isStar) throw notSupported("SELECT * from a system catalog");
    return { name: asText(fields["name"]) || nameOf(fields["val"]), type: "text" };
  });
}
