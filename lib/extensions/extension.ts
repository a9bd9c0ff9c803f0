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
 * there already is replaced, all of it or nothing.
 *
 * @param schema where the objects belong; it has to exist.
 * @param others schemas of the extensions it requires.
 */
export function plainSql(extension: Extension, schema: string, others: readonly string[]): string {
  const path = [schema, ...others, "pg_temp"].map(quoteIdentifier).join(", ");
  const statements = extension.script.replaceAll(
    /^CREATE FUNCTION/gm,
    "CREATE OR REPLACE FUNCTION",
  );
  return `BEGIN;\nSET LOCAL search_path = ${path};\n\n${statements}\nCOMMIT;\n`;
}

function controlFile({ comment, version, requires }: Extension): string {
  const lines = [
    `comment = ${quoteSetting(comment)}`,
    `default_version = ${quoteSetting(version)}`,
    "relocatable = false",
    ...requires.length === 0 ? [] : [`requires = ${quoteSetting(requires.join(", "))}`],
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function quoteSetting(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
