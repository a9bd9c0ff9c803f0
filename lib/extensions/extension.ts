/**
 * An extension for the servers behind a pool, in SQL alone, so that nobody has to compile anything.
 * All fields but the script go into its control file.
 */
export interface Extension {
  readonly name: string;
  readonly version: string;
  /** What it is for, in a line. */
  readonly comment: string;
  /** Extensions that its functions call. */
  readonly requires: readonly string[];
  /**
   * Statements that make its objects, unqualified: they belong into the schema that the search path
   * begins with. Functions begin with CREATE FUNCTION at the start of a line and, where they call
   * others, have `SET search_path FROM CURRENT`.
   */
  readonly script: string;
}

/** A file below SHAREDIR/extension, by its name. */
export interface ExtensionFile {
  readonly name: string;
  readonly text: string;
}

/** The files that CREATE EXTENSION reads (PostgreSQL documentation, "Extension Files"). */
export function extensionFiles(extension: Extension): readonly ExtensionFile[] {
  const { name, version, script } = extension;
  const guard = `\\echo Use "CREATE EXTENSION ${name}" to load this file. \\quit\n`;
  return [
    { name: `${name}.control`, text: controlFile(extension) },
    { name: `${name}--${version}.sql`, text: `${guard}\n${script}` },
  ];
}

/**
 * The same objects without CREATE EXTENSION, for a server whose files are out of reach. What is
 * there already is replaced, all of it or nothing. Refused where something is missing, or where
 * CREATE EXTENSION has been there before.
 *
 * @param schema where the objects belong; it has to exist.
 */
export function plainSql({ name, requires, script }: Extension, schema: string): string {
  const required = `ARRAY[${requires.map(quote).join(", ")}]::text[]`;
  const statements = script.replaceAll(/^CREATE FUNCTION/gm, "CREATE OR REPLACE FUNCTION");
  return `BEGIN;
SET LOCAL standard_conforming_strings = on;

DO $$
DECLARE
  missing constant text := (
    SELECT string_agg(name, ', ') FROM unnest(${required}) AS name
    WHERE name NOT IN (SELECT extname FROM pg_catalog.pg_extension)
  );
BEGIN
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION '${name} needs the extension %', missing
      USING ERRCODE = 'undefined_object', HINT = 'CREATE EXTENSION ' || missing || ';';
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = '${name}') THEN
    RAISE EXCEPTION '${name} has been installed by CREATE EXTENSION'
      USING ERRCODE = 'duplicate_object', HINT = 'DROP EXTENSION ${name}; to install it this way.';
  END IF;
END
$$;

SELECT pg_catalog.set_config('search_path', concat_ws(', ',
  quote_ident(${quote(schema)})::regnamespace::text,
  (
    SELECT string_agg(extnamespace::regnamespace::text, ', ') FROM pg_catalog.pg_extension
    WHERE extname = ANY (${required})
  ),
  'pg_temp'
), true);

${statements}
COMMIT;
`;
}

function controlFile({ comment, version, requires }: Extension): string {
  const lines = [
    `comment = ${quote(comment)}`,
    `default_version = ${quote(version)}`,
    "relocatable = false",
    ...requires.length === 0 ? [] : [`requires = ${quote(requires.join(", "))}`],
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** A literal of SQL, and a value of a control file. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
