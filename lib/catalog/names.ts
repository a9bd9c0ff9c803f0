/** A name as it stands in a statement, after PostgreSQL's folding to lower case. */
export interface QualifiedName {
  /** Empty when the name has no schema. */
  readonly schema: string;
  readonly name: string;
}

/** What a name without a schema means depends on all of this. */
export interface NameScope {
  readonly database: string;
  readonly user: string;
  /** The session's search_path setting, as text. */
  readonly searchPath: string;
}

/** Key of a relation's entry in the relation cache. */
export function relationKey(scope: NameScope, relation: QualifiedName): string {
  return key("relation", scope, relation);
}

/** Key of a function's entry in the relation cache. */
export function functionKey(scope: NameScope, name: QualifiedName): string {
  // Functions without a schema are looked for in all of them, whatever the path.
  return JSON.stringify(["function", scope.database, name.schema, name.name]);
}

/**
 * A string constant that means the same whatever `standard_conforming_strings` and
 * `backslash_quote` are (PostgreSQL documentation, 4.1.2).
 */
export function quoteLiteral(text: string): string {
  const quoted = text.replaceAll("'", "''");
  return quoted.includes("\\") ? ` E'${quoted.replaceAll("\\", "\\\\")}'` : `'${quoted}'`;
}

function key(kind: string, scope: NameScope, { schema, name }: QualifiedName): string {
  // The temporary schema of a session goes by this name, so even the qualified form is its own.
  const isPlain = schema === "" || schema === "pg_temp";
  return JSON.stringify(
    isPlain
      ? [kind, scope.database, scope.user, scope.searchPath, schema, name]
      : [kind, scope.database, schema, name],
  );
}
