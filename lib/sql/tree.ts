/**
 * Reading the JSON form of PostgreSQL's parse tree: a node is an object with one key, its type;
 * fields that are zero, false or empty are left out.
 */

/** A node's fields, or a node wrapped in its type. */
export interface TreeNode {
  readonly [field: string]: unknown;
}

/** The whole tree: its statements. */
export interface ParseTree {
  readonly statements: readonly TreeNode[];
}

const NO_NODE: TreeNode = Object.freeze({});
const NO_LIST: readonly unknown[] = Object.freeze([]);

/** Whether a value is an object with fields, and not a list. */
export function isNode(value: unknown): value is TreeNode {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as a node; one without fields when it is none. */
export function asNode(value: unknown): TreeNode {
  return isNode(value) ? value : NO_NODE;
}

/** The value as a list; an empty one when it is none. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : NO_LIST;
}

/** The value as a text; empty when it is none. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The value as a number; zero when it is left out. */
export function asNumber(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

/** Type and fields of a wrapped node. */
export function unwrap(value: unknown): { type: string; fields: TreeNode } {
  const node = asNode(value);
  for (const type in node) return { type, fields: asNode(node[type]) };
  return { type: "", fields: NO_NODE };
}

/** The parts of a dotted name, given as a list of String nodes. */
export function nameParts(value: unknown): string[] {
  return asList(value).map((part) => asText(asNode(asNode(part)["String"])["sval"]));
}

/** A constant as text: the string itself, a number as it was written; undefined for anything else. */
export function constantText(value: unknown): string | undefined {
  const { type, fields } = unwrap(value);
  if (type === "TypeCast") return constantText(fields["arg"]);
  if (type === "String") return asText(fields["sval"]);
  if (type === "Integer") return String(asNumber(fields["ival"]));
  if (type !== "A_Const" || fields["isnull"] === true) return undefined;
  if ("sval" in fields) return asText(asNode(fields["sval"])["sval"]);
  if ("ival" in fields) return String(asNumber(asNode(fields["ival"])["ival"]));
  if ("fval" in fields) return asText(asNode(fields["fval"])["fval"]);
  if ("boolval" in fields) return String(asNode(fields["boolval"])["boolval"] === true);
  return undefined;
}

/** Whether a value is what the parser returns for a text. */
export function toParseTree(value: unknown): ParseTree {
  const statements: TreeNode[] = [];
  for (const raw of asList(asNode(value)["stmts"])) statements.push(asNode(asNode(raw)["stmt"]));
  return { statements };
}
