import { Backend, Frontend } from "./protocol.ts";

/** Fields of an ErrorResponse or NoticeResponse that pgpool makes itself. */
export interface ErrorFields {
  /** ERROR, FATAL, PANIC; WARNING, NOTICE, DEBUG, INFO, LOG for notices. */
  readonly severity: string;
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** Where in the statement, in characters from 1. */
  readonly position?: number;
}

/** A column of a RowDescription. */
export interface Column {
  readonly name: string;
  /** Type oid, 25 (text) unless given. */
  readonly type?: number;
  /** Bytes of a value of the type, -1 (any number of them) unless given. */
  readonly size?: number;
  /** Format of the values, 0 (text) unless given; 1 is binary. */
  readonly format?: number;
}

const TEXT_OID = 25;

/**
 * Builds one message: type byte, length, then what `parts` hold. Strings are followed by a zero
 * byte, byte arrays are taken as they are.
 */
export function message(type: number, ...parts: (string | Uint8Array)[]): Buffer {
  let length = 4;
  for (const part of parts) {
    length += typeof part === "string" ? Buffer.byteLength(part) + 1 : part.length;
  }
  const out = Buffer.allocUnsafe(length + 1);
  out[0] = type;
  out.writeInt32BE(length, 1);
  let at = 5;
  for (const part of parts) {
    if (typeof part === "string") {
      at += out.write(part, at);
      out[at++] = 0;
    } else {
      out.set(part, at);
      at += part.length;
    }
  }
  return out;
}

/** A big-endian 16-bit integer as bytes. */
export function int16(value: number): Buffer {
  const out = Buffer.allocUnsafe(2);
  out.writeInt16BE(value, 0);
  return out;
}

/** A big-endian 32-bit integer as bytes. */
export function int32(value: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeInt32BE(value | 0, 0);
  return out;
}

function fields(type: number, error: ErrorFields): Buffer {
  const parts: (string | Uint8Array)[] = [
    `S${error.severity}`,
    `V${error.severity}`,
    `C${error.sqlstate}`,
    `M${error.message}`,
  ];
  if (error.detail !== undefined) parts.push(`D${error.detail}`);
  if (error.hint !== undefined) parts.push(`H${error.hint}`);
  if (error.position !== undefined) parts.push(`P${error.position}`);
  parts.push("");
  return message(type, ...parts);
}

/** An ErrorResponse with severity, SQLSTATE, message and what else is given. */
export function errorResponse(error: ErrorFields): Buffer {
  return fields(Backend.ErrorResponse, error);
}

/** A NoticeResponse; `severity` is one of the notice levels. */
export function noticeResponse(notice: ErrorFields): Buffer {
  return fields(Backend.NoticeResponse, notice);
}

const READY = new Map<number, Buffer>();

/** ReadyForQuery with a transaction status of {@link TransactionStatus}. */
export function readyForQuery(status: number): Buffer {
  let ready = READY.get(status);
  if (ready === undefined) {
    ready = message(Backend.ReadyForQuery, Uint8Array.of(status));
    READY.set(status, ready);
  }
  return ready;
}

export function commandComplete(tag: string): Buffer {
  return message(Backend.CommandComplete, tag);
}

export function parameterStatus(name: string, value: string): Buffer {
  return message(Backend.ParameterStatus, name, value);
}

/** BackendKeyData; the key has 4 bytes in protocol 3.0 and 4 to 256 bytes in 3.2. */
export function backendKeyData(pid: number, key: Uint8Array): Buffer {
  return message(Backend.BackendKeyData, int32(pid), key);
}

/** An Authentication message of the given kind (0 = AuthenticationOk). */
export function authentication(kind: number, data: Uint8Array = new Uint8Array(0)): Buffer {
  return message(Backend.Authentication, int32(kind), data);
}

/** NegotiateProtocolVersion: the newest minor version served and the options not understood. */
export function negotiateProtocolVersion(minor: number, options: readonly string[]): Buffer {
  return message(
    Backend.NegotiateProtocolVersion,
    int32((3 << 16) | minor),
    int32(options.length),
    ...options,
  );
}

/** RowDescription of columns that belong to no table. */
export function rowDescription(columns: readonly Column[]): Buffer {
  const parts: (string | Uint8Array)[] = [int16(columns.length)];
  for (const column of columns) {
    const rest = Buffer.alloc(18);
    rest.writeInt32BE(column.type ?? TEXT_OID, 6);
    rest.writeInt16BE(column.size ?? -1, 10);
    rest.writeInt32BE(-1, 12);
    rest.writeInt16BE(column.format ?? 0, 16);
    parts.push(column.name, rest);
  }
  return message(Backend.RowDescription, ...parts);
}

/** ParameterDescription: the type oids of a statement's parameters. */
export function parameterDescription(types: readonly number[]): Buffer {
  return message(Backend.ParameterDescription, int16(types.length), ...types.map(int32));
}

/** DataRow of values as text, or as the bytes of their binary format; null stands for SQL NULL. */
export function dataRow(values: readonly (string | Uint8Array | null)[]): Buffer {
  const parts: Uint8Array[] = [int16(values.length)];
  for (const value of values) {
    if (value === null) {
      parts.push(int32(-1));
    } else {
      const bytes = typeof value === "string" ? Buffer.from(value) : value;
      parts.push(int32(bytes.length), bytes);
    }
  }
  return message(Backend.DataRow, ...parts);
}

export function query(sql: string): Buffer {
  return message(Frontend.Query, sql);
}

export const SYNC: Buffer = message(Frontend.Sync);
export const FLUSH: Buffer = message(Frontend.Flush);
export const TERMINATE: Buffer = message(Frontend.Terminate);

/** A startup packet for protocol 3.`minor` with the given parameters in their order. */
export function startupPacket(
  minor: number,
  parameters: Iterable<readonly [string, string]>,
): Buffer {
  const parts: Buffer[] = [int32((3 << 16) | minor)];
  for (const [name, value] of parameters) parts.push(Buffer.from(`${name}\0${value}\0`));
  parts.push(Buffer.of(0));
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length + 4), body]);
}

/** One of the 8-byte request packets that stand in the place of a startup packet. */
export function requestPacket(code: number): Buffer {
  return Buffer.concat([int32(8), int32(code)]);
}

/** A CancelRequest; the key may have 4 to 256 bytes (PostgreSQL documentation, 54.2.9). */
export function cancelRequest(code: number, pid: number, key: Uint8Array): Buffer {
  return Buffer.concat([int32(12 + key.length), int32(code), int32(pid), key]);
}
