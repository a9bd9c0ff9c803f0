/** Types of PostgreSQL that values of the views have where they are not just text. */
export type ColumnType = "bool" | "int4" | "int8" | "float8" | "text" | "timestamptz";

/**
 * Columns of a view in their order, and the types they have where a client can tell types apart:
 * on the PCP port. Elsewhere all values are text, as in Pgpool-II.
 */
export type ViewColumns = Readonly<Record<string, ColumnType>>;
