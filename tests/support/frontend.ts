/**
 * Frontend messages as bytes (PostgreSQL documentation, "Message Formats"). Independent of
 * lib/wire, which is what the tests check with it.
 */

/** A parameter, a function's argument or a row's column: text, raw bytes or NULL. */
export type Value = string | Uint8Array | null;

export interface BindOptions {
  readonly portal?: string;
  readonly statement?: string;
  readonly values?: readonly Value[];
  /** Format codes of the parameters: none, one for all, or one each (0 text, 1 binary). */
  readonly formats?: readonly number[];
  readonly resultFormats?: readonly number[];
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** Any message: its type and the parts of its body. */
export function message(type: string, ...body: readonly Uint8Array[]): Buffer {
  const length = body.reduce((sum, part) => sum + part.length, 4);
  return Buffer.concat([Buffer.from(type), int32(length), ...body]);
}

/** A packet without a type: the first one of a connection. */
export function packet(...body: readonly Uint8Array[]): Buffer {
  return message("", ...body);
}

/** Parameters go in this order; `minor` is the protocol's minor version (0 or 2, or invented). */
export function startup(
  parameters: Readonly<Record<string, string>>,
  minor = 0,
  major = 3,
): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [
    cstring(name),
    cstring(value),
  ]);
  return packet(int16(major), int16(minor), ...pairs, Buffer.from([0]));
}

export const sslRequest = packet(int32(80877103));
export const gssEncRequest = packet(int32(80877104));

/** The key has 4 bytes in protocol 3.0, up to 256 in 3.2. */
export function cancelRequest(pid: number, key: Uint8Array): Buffer {
  return packet(int32(80877102), int32(pid), key);
}

export function query(sql: string): Buffer {
  return message("Q", cstring(sql));
}

export function parse(sql: string, statement = "", types: readonly number[] = []): Buffer {
  return message(
    "P",
    cstring(statement),
    cstring(sql),
    int16(types.length),
    ...types.map((oid) => int32(oid)),
  );
}

export function bind(options: BindOptions = {}): Buffer {
  const { portal = "", statement = "", values = [], formats = [], resultFormats = [] } = options;
  return message(
    "B",
    cstring(portal),
    cstring(statement),
    ...list(formats.map(int16)),
    ...list(values.map(sized)),
    ...list(resultFormats.map(int16)),
  );
}

export function describeStatement(name = ""): Buffer {
  return message("D", Buffer.from("S"), cstring(name));
}

export function describePortal(name = ""): Buffer {
  return message("D", Buffer.from("P"), cstring(name));
}

/** maxRows 0 means all. */
export function execute(portal = "", maxRows = 0): Buffer {
  return message("E", cstring(portal), int32(maxRows));
}

export function closeStatement(name = ""): Buffer {
  return message("C", Buffer.from("S"), cstring(name));
}

export function closePortal(name = ""): Buffer {
  return message("C", Buffer.from("P"), cstring(name));
}

export const flush = message("H");
export const sync = message("S");
export const terminate = message("X");
export const copyDone = message("c");

export function copyData(data: string | Uint8Array): Buffer {
  return message("d", Buffer.from(data));
}

export function copyFail(reason: string): Buffer {
  return message("f", cstring(reason));
}

export function functionCall(oid: number, values: readonly Value[], binary = false): Buffer {
  const format = int16(binary ? 1 : 0);
  return message("F", int32(oid), int16(1), format, ...list(values.map(sized)), format);
}

export function password(text: string): Buffer {
  return message("p", cstring(text));
}

export function saslInitialResponse(mechanism: string, data: string): Buffer {
  return message("p", cstring(mechanism), int32(Buffer.byteLength(data)), Buffer.from(data));
}

export function saslResponse(data: string): Buffer {
  return message("p", Buffer.from(data));
}

/** Number of items, and the items. */
function list(items: readonly Uint8Array[]): Uint8Array[] {
  return [int16(items.length), ...items];
}

function sized(value: Value): Buffer {
  if (value === null) return int32(-1);
  const bytes = Buffer.from(value);
  return Buffer.concat([int32(bytes.length), bytes]);
}
