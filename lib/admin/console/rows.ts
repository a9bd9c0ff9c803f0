import * as build from "../../wire/build.ts";
import { formatOf } from "./parameters.ts";
import { type Column, encodeBinary, encodeText, type Row, typeInfo } from "./values.ts";

/** Rows that are put into one piece of bytes. */
const ROWS_AT_ONCE = 50;

/**
 * RowDescription of the columns of a result.
 *
 * @param formats none (text), one for all, or one each; 0 is text, 1 binary.
 */
export function describeRows(columns: readonly Column[], formats: readonly number[]): Uint8Array {
  return build.rowDescription(columns.map(({ name, type }, index) => {
    const { oid, size } = typeInfo(type);
    return { name, type: oid, size, format: formatOf(formats, index) };
  }));
}

/** The rows as DataRow messages, many in each piece. */
export function* encodeRows(
  rows: readonly Row[],
  columns: readonly Column[],
  formats: readonly number[],
  zone: string,
): Generator<Uint8Array> {
  for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
    const some = rows.slice(start, start + ROWS_AT_ONCE);
    yield Buffer.concat(some.map((row) =>
      build.dataRow(columns.map(({ type }, index) => {
        const value = row[index] ?? null;
        const isBinary = formatOf(formats, index) === 1;
        return isBinary ? encodeBinary(type, value) : encodeText(type, value, zone);
      }))
    ));
  }
}
