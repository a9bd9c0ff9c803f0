/** Reading of single message bodies. A body is what follows the 5 bytes of type and length. */

/** End of the zero-terminated string that begins at `start`, or -1 when it has no end. */
export function stringEnd(bytes: Uint8Array, start: number, end: number): number {
  const zero = bytes.indexOf(0, start);
  return zero < 0 || zero >= end ? -1 : zero;
}

/** The UTF-8 text between two offsets. */
export function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
}

/** The big-endian signed 32-bit integer at `at`. */
export function readInt32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/**
 * Fields of an ErrorResponse or NoticeResponse body by their letter. Fields that are missing are
 * just not there; a body that ends in the middle gives what came before.
 */
export function parseErrorFields(body: Uint8Array): Map<string, string> {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = stringEnd(body, at + 1, body.length);
    if (end < 0) break;
    fields.set(String.fromCharCode(body[at]), text(body, at + 1, end));
    at = end + 1;
  }
  return fields;
}

/** Name and value of a ParameterStatus body, undefined when it is malformed. */
export function parseParameterStatus(body: Uint8Array): [string, string] | undefined {
  const nameEnd = stringEnd(body, 0, body.length);
  if (nameEnd < 0) return undefined;
  const valueEnd = stringEnd(body, nameEnd + 1, body.length);
  if (valueEnd < 0) return undefined;
  return [text(body, 0, nameEnd), text(body, nameEnd + 1, valueEnd)];
}

/** Values of a DataRow body in text format, null for SQL NULL. */
export function parseDataRow(body: Uint8Array): (string | null)[] {
  const view = Buffer.from(body.buffer, body.byteOffset, body.length);
  const count = view.readInt16BE(0);
  const values: (string | null)[] = [];
  let at = 2;
  for (let i = 0; i < count; i++) {
    const length = view.readInt32BE(at);
    at += 4;
    if (length < 0) {
      values.push(null);
    } else {
      values.push(view.toString("utf8", at, at + length));
      at += length;
    }
  }
  return values;
}
