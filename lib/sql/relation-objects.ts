import type { RelationName } from "./statement-class.ts";
import { asList, asNode, nameParts, type TreeNode } from "./tree.ts";

/** Kinds of objects that DROP names and that are relations. */
const RELATION_OBJECTS: ReadonlySet<unknown> = new Set([
  "OBJECT_TABLE",
  "OBJECT_VIEW",
  "OBJECT_MATVIEW",
  "OBJECT_SEQUENCE",
  "OBJECT_FOREIGN_TABLE",
]);

/** Relations that a DROP statement names; its tree holds them as plain lists of names. */
export function droppedRelations(drop: TreeNode): readonly RelationName[] {
  if (!RELATION_OBJECTS.has(drop["removeType"])) return [];
  return asList(drop["objects"]).map((object) => {
    const parts = nameParts(asNode(asNode(object)["List"])["items"]);
    const name = parts.at(-1) ?? "";
    const schema = parts.at(-2);
    return Object.freeze(schema === undefined ? { name } : { schema, name });
  });
}

/** Whether a target relation says of itself that it is temporary. */
export function isTemporary(relation: unknown): boolean {
  const node = asNode(relation);
  return node["relpersistence"] === "t" || node["schemaname"] === "pg_temp";
}
