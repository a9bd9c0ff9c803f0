/** A table as psql prints it: columns padded to their widest value, headings in the middle. */
export function formatTable(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const [first] = rows;
  if (first === undefined) return "(0 rows)\n";
  const columns = Object.keys(first).map((name) => {
    const values = rows.map((row) => String(row[name] ?? ""));
    return { name, values, width: Math.max(name.length, ...values.map(({ length }) => length)) };
  });
  const heading = columns.map(({ name, width }) => {
    const left = Math.floor((width - name.length) / 2);
    return name.padStart(name.length + left).padEnd(width);
  });
  const lines = rows.map((_, i) => columns.map(({ values, width }) => values[i]?.padEnd(width)));
  return [
    ` ${heading.join(" | ")}`,
    `-${columns.map(({ width }) => "-".repeat(width)).join("-+-")}-`,
    ...lines.map((cells) => ` ${cells.join(" | ")}`),
    `(${rows.length} ${rows.length === 1 ? "row" : "rows"})\n`,
  ].map((line) => line.trimEnd()).join("\n") + "\n";
}
