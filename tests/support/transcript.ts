/**
 * What a server sent, one readable line a message, to compare what clients get directly and
 * through the pool. Things that differ between any two sessions (process ids, keys) are left out.
 */

/** A backend message: its type byte as a character and its body without the length. */
export interface BackendMessage {
  readonly type: string;
  readonly body: Buffer;
}

/** Names of Authentication requests, by code. */
const AUTHENTICATION: Readonly<Record<number, string>> = {
  0: "Ok",
  3: "CleartextPassword",
  5: "MD5Password",
  7: "GSS",
  8: "GSSContinue",
  10: "SASL",
  11: "SASLContinue",
  12: "SASLFinal",
};

/** Messages that are nothing but their name. */
const BARE: Readonly<Record<string, string>> = {
  "1": "ParseComplete",
  "2": "BindComplete",
  "3": "CloseComplete",
  I: "EmptyQueryResponse",
  c: "CopyDone",
  n: "NoData",
  s: "PortalSuspended",
};

const DECODERS: Readonly<Record<string, (body: Cursor) => string>> = {
  A: (body) => {
    body.int32();
    return `NotificationResponse(${body.cstring()}, ${body.cstring()})`;
  },
  C: (body) => `CommandComplete(${body.cstring()})`,
  D: (body) => `DataRow(${body.list(() => body.value()).join(", ")})`,
  E: (body) => `ErrorResponse(${fields(body)})`,
  G: (body) => `CopyInResponse(${copyFormat(body)})`,
  H: (body) => `CopyOutResponse(${copyFormat(body)})`,
  K: (body) => {
    body.int32();
    return `BackendKeyData(${body.rest().length} bytes)`;
  },
  N: (body) => `NoticeResponse(${fields(body)})`,
  R: (body) => {
    const code = body.int32();
    const rest = code === 10 ? ` ${body.cstrings().join(" ")}` : "";
    return `Authentication(${AUTHENTICATION[code] ?? code}${rest})`;
  },
  S: (body) => `ParameterStatus(${body.cstring()}=${body.cstring()})`,
  T: (body) => `RowDescription(${body.list(() => column(body)).join(", ")})`,
  V: (body) => `FunctionCallResponse(${body.value()})`,
  W: (body) => `CopyBothResponse(${copyFormat(body)})`,
  Z: (body) => `ReadyForQuery(${body.rest()})`,
  d: (body) => `CopyData(${printable(body.rest())})`,
  t: (body) => `ParameterDescription(${body.list(() => body.int32()).join(", ")})`,
  v: (body) => {
    const version = body.int32();
    const options = Array.from({ length: body.int32() }, () => body.cstring());
    const numbers = `${version >> 16}.${version & 0xffff}`;
    return `NegotiateProtocolVersion(${[numbers, ...options].join(" ")})`;
  },
};

/** One line for one message. */
export function describeMessage({ type, body }: BackendMessage): string {
  const bare = BARE[type];
  if (bare !== undefined) return body.length === 0 ? bare : `${bare}(${printable(body)})`;
  const decode = DECODERS[type];
  if (decode === undefined) return `Unknown(${type} ${printable(body)})`;
  const cursor = new Cursor(body);
  const line = decode(cursor);
  const rest = cursor.rest();
  return rest.length === 0 ? line : `${line} + ${rest.length} bytes too many`;
}

/** One line a message. */
export function transcript(messages: readonly BackendMessage[]): string[] {
  return messages.map(describeMessage);
}

/** The fields of an ErrorResponse or NoticeResponse, by their letters. */
export function errorFields({ body }: BackendMessage): Record<string, string> {
  const found: Record<string, string> = {};
  for (const text of new Cursor(body).cstrings()) found[text.charAt(0)] = text.slice(1);
  return found;
}

/** The columns of a DataRow as text. */
export function rowValues({ body }: BackendMessage): (string | null)[] {
  const cursor = new Cursor(body);
  return cursor.list(() => cursor.bytes()?.toString() ?? null);
}

/** All fields in the order they came in: `S ERROR, C 42601, M …`. */
function fields(body: Cursor): string {
  return body.cstrings().map((text) => `${text.charAt(0)} ${text.slice(1)}`).join(", ");
}

function column(body: Cursor): string {
  const name = body.cstring();
  const [table, attribute] = [body.int32(), body.int16()];
  const [type, size, modifier, format] = [body.int32(), body.int16(), body.int32(), body.int16()];
  return `${name} ${table}.${attribute} type ${type} ${size} ${modifier} format ${format}`;
}

function copyFormat(body: Cursor): string {
  const overall = body.byte();
  return `${overall}: ${body.list(() => body.int16()).join(" ")}`;
}

/** Text as it is, other bytes as \xNN. */
function printable(bytes: Buffer): string {
  return bytes.toString("latin1").replace(
    /[^ -~]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** Reads a message's body from its start to its end. */
class Cursor {
  #at = 0;

  constructor(readonly body: Buffer) {}

  byte(): number {
    return this.body.readUInt8(this.#take(1));
  }

  int16(): number {
    return this.body.readInt16BE(this.#take(2));
  }

  int32(): number {
    return this.body.readInt32BE(this.#take(4));
  }

  cstring(): string {
    const end = this.body.indexOf(0, this.#at);
    if (end < 0) throw new RangeError("a text without its zero byte");
    const start = this.#take(end + 1 - this.#at);
    return this.body.toString("utf8", start, end);
  }

  /** Texts up to an empty one. */
  cstrings(): string[] {
    const texts: string[] = [];
    for (let text = this.cstring(); text !== ""; text = this.cstring()) texts.push(text);
    return texts;
  }

  bytes(): Buffer | null {
    const length = this.int32();
    if (length < 0) return null;
    const start = this.#take(length);
    return this.body.subarray(start, start + length);
  }

  value(): string {
    const bytes = this.bytes();
    return bytes === null ? "NULL" : printable(bytes);
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.int16() }, read);
  }

  rest(): Buffer {
    return this.body.subarray(this.#take(this.body.length - this.#at));
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.body.length) throw new RangeError("a message that is too short");
    this.#at += length;
    return start;
  }
}
