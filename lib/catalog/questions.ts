import { type QualifiedName, quoteLiteral } from "./names.ts";

/** What the catalog says of one relation. */
export interface RelationFact {
  readonly exists: boolean;
  /** Schema it was found in, empty when it does not exist. */
  readonly namespace: string;
  /** pg_class.relkind: r table, p partitioned, v view, m materialized view, S sequence, f foreign, … */
  readonly relkind: string;
  /** pg_class.relpersistence: p permanent, u unlogged, t temporary; empty when it does not exist. */
  readonly relpersistence: string;
  readonly isSystemCatalog: boolean;
  /** A view that reads, through however many views, a relation of pg_catalog. */
  readonly viewReachesSystemCatalog: boolean;
}

/** What the catalog says of one function name. */
export interface FunctionFact {
  readonly exists: boolean;
  /** One of the functions of this name is VOLATILE. */
  readonly isVolatile: boolean;
}

/** The names one question is about. */
export interface CatalogNames {
  readonly relations: readonly QualifiedName[];
  readonly functions: readonly QualifiedName[];
}

/** The answer, in the order of the names asked for. */
export interface CatalogFacts {
  readonly relations: readonly RelationFact[];
  readonly functions: readonly FunctionFact[];
}

/** The rows are not an answer to the question. */
export class CatalogAnswerError extends Error {
  override readonly name = "CatalogAnswerError";
}

/** Whether all sessions may share the fact: a temporary or a missing table may not be one later. */
export function isShareable(fact: RelationFact): boolean {
  return fact.exists && fact.relpersistence !== "t";
}

/**
 * One SELECT that answers for all names. It runs on PostgreSQL 13 to 18 as any user, needs no
 * privilege on the relations, raises no error for names that do not exist or that the user may not
 * use, and takes no lock on them. All names in it are qualified, operators too, because the
 * session's search_path may hold anything. Names are compared as the type `name`, which cuts
 * them as PostgreSQL cuts identifiers. The text must be sent in the client's encoding.
 *
 * A name without a schema is looked up in `current_schemas(true)`, which has the session's
 * temporary schema and pg_catalog first. Volatility of a function without a schema looks at all
 * schemas (reference behaviour.md 14). Which relations a view reads is taken from its rewrite
 * rule, because dependencies on catalog tables are not recorded in pg_depend.
 *
 * @returns null when no name is asked for
 */
export function catalogQuestion(names: CatalogNames): string | null {
  const parts: string[] = [];
  if (names.relations.length > 0) parts.push(relationQuestion(names.relations));
  if (names.functions.length > 0) parts.push(functionQuestion(names.functions));
  return parts.length === 0 ? null : `${parts.join("\nUNION ALL\n")}\nORDER BY 1, 2`;
}

/**
 * Reads the rows of `catalogQuestion` as the simple protocol gives them.
 * @throws CatalogAnswerError when they do not belong to these names
 */
export function readCatalogAnswer(
  names: CatalogNames,
  rows: readonly (readonly (string | null)[])[],
): CatalogFacts {
  const relations = names.relations.map(() => MISSING_RELATION);
  const functions = names.functions.map(() => MISSING_FUNCTION);
  for (const row of rows) {
    const [kind, position, namespace, relkind, relpersistence, reaches, isVolatile] = row;
    const index = Number(position);
    if (row.length !== 7 || !Number.isInteger(index)) throw new CatalogAnswerError("foreign row");
    if (kind === "f" && index < functions.length) {
      functions[index] = { exists: true, isVolatile: isVolatile === "t" };
    } else if (kind === "r" && index < relations.length) {
      relations[index] = {
        exists: true,
        namespace: namespace ?? "",
        relkind: relkind ?? "",
        relpersistence: relpersistence ?? "",
        isSystemCatalog: namespace === "pg_catalog",
        viewReachesSystemCatalog: reaches === "t",
      };
    } else {
      throw new CatalogAnswerError("row of a name that was not asked for");
    }
  }
  return { relations, functions };
}

const MISSING_RELATION: RelationFact = {
  exists: false,
  namespace: "",
  relkind: "",
  relpersistence: "",
  isSystemCatalog: false,
  viewReachesSystemCatalog: false,
};

const MISSING_FUNCTION: FunctionFact = { exists: false, isVolatile: false };

function relationQuestion(relations: readonly QualifiedName[]): string {
  return `SELECT 'r'::pg_catalog.text, a.i, x.nspname::pg_catalog.text, x.relkind::pg_catalog.text,
 x.relpersistence::pg_catalog.text,
 CASE WHEN x.relkind OPERATOR(pg_catalog.=) 'v' THEN ${reachesCatalog("x.oid")}
 ELSE false END, false
FROM (VALUES ${valueList(relations)}) AS a (i, s, n)
CROSS JOIN LATERAL (
 SELECT c.oid, c.relkind, c.relpersistence, ns.nspname
 FROM pg_catalog.pg_class AS c, pg_catalog.pg_namespace AS ns
 WHERE ns.oid OPERATOR(pg_catalog.=) c.relnamespace
 AND c.relname OPERATOR(pg_catalog.=) a.n::pg_catalog.name
 AND CASE WHEN a.s OPERATOR(pg_catalog.=) ''
 THEN ns.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(true))
 WHEN a.s OPERATOR(pg_catalog.=) 'pg_temp'
 THEN ns.oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
 ELSE ns.nspname OPERATOR(pg_catalog.=) a.s::pg_catalog.name END
 ORDER BY pg_catalog.array_position(pg_catalog.current_schemas(true), ns.nspname) LIMIT 1) AS x`;
}

/** Follows the rewrite rules from view to view, looking for a relation of pg_catalog. */
function reachesCatalog(view: string): string {
  return `EXISTS (WITH RECURSIVE reached (id) AS (
 SELECT ${view}
 UNION
 SELECT m.f[1]::pg_catalog.oid FROM reached
 JOIN pg_catalog.pg_rewrite AS w ON w.ev_class OPERATOR(pg_catalog.=) reached.id
 JOIN pg_catalog.pg_class AS v ON v.oid OPERATOR(pg_catalog.=) w.ev_class
 AND v.relkind OPERATOR(pg_catalog.=) 'v'
 CROSS JOIN LATERAL pg_catalog.regexp_matches(w.ev_action::pg_catalog.text, ':relid ([0-9]+)', 'g')
 AS m (f))
 SELECT 1 FROM reached JOIN pg_catalog.pg_class AS t ON t.oid OPERATOR(pg_catalog.=) reached.id
 JOIN pg_catalog.pg_namespace AS tn ON tn.oid OPERATOR(pg_catalog.=) t.relnamespace
 AND tn.nspname OPERATOR(pg_catalog.=) 'pg_catalog')`;
}

function functionQuestion(functions: readonly QualifiedName[]): string {
  return `SELECT 'f'::pg_catalog.text, a.i, NULL::pg_catalog.text, NULL::pg_catalog.text,
 NULL::pg_catalog.text, false, pg_catalog.bool_or(p.provolatile OPERATOR(pg_catalog.=) 'v')
FROM (VALUES ${valueList(functions)}) AS a (i, s, n)
JOIN pg_catalog.pg_proc AS p ON p.proname OPERATOR(pg_catalog.=) a.n::pg_catalog.name
JOIN pg_catalog.pg_namespace AS ns ON ns.oid OPERATOR(pg_catalog.=) p.pronamespace
WHERE a.s OPERATOR(pg_catalog.=) '' OR ns.nspname OPERATOR(pg_catalog.=) a.s::pg_catalog.name
GROUP BY a.i`;
}

function valueList(names: readonly QualifiedName[]): string {
  return names.map(({ schema, name }, index) => `(${index}, ${text(schema)}, ${text(name)})`).join(
    ", ",
  );
}

function text(value: string): string {
  return `${quoteLiteral(value)}::pg_catalog.text`;
}
