import { SqlError } from "./errors.ts";

/** A Parse message. */
export interface ParseMessage {
  readonly statement: string;
  readonly text: string;
  /** Type oids of the parameters, 0 where the client gives none. */
  readonly types: readonly number[];
}

/** A Bind message. */
export interface BindMessage {
  readonly portal: string;
  readonly statement: string;
  readonly formats: readonly number[];
  readonly values: readonly (Buffer | null)[];
  readonly resultFormats: readonly number[];
}

/** What Describe and Close are about: a statement or a portal. */
export interface Target {
  readonly isStatement: boolean;
  readonly name: string;
}

/** @throws {SqlError} 08P01, as the readers below, for a body that is not what it should be. */
export function readQuery(body: Uint8Array): string {
  return whole(body, (cursor) => cursor.text());
}

export function readParse(body: Uint8Array): ParseMessage {
  return whole(body, (cursor) => ({
    statement: cursor.text(),
    text: cursor.text(),
    types: cursor.list(() => cursor.int32()),
  }));
}

export function readBind(body: Uint8Array): BindMessage {
  return whole(body, (cursor) => ({
    portal: cursor.text(),
    statement: cursor.text(),
    formats: cursor.list(() => cursor.format()),
    values: cursor.list(() => cursor.value()),
    resultFormats: cursor.list(() => cursor.format()),
  }));
}

export function readTarget(body: Uint8Array): Target {
  return whole(body, (cursor) => {
    const kind = String.fromCharCode(cursor.byte());
    if (kind !== "S" && kind !== "P") throw malformed();
    return { isStatement: kind === "S", name: cursor.text() };
  });
}

export function readExecute(body: Uint8Array): { portal: string; limit: number } {
  return whole(body, (cursor) => ({ portal: cursor.text(), limit: cursor.int32() }));
}

function whole<T>(body: Uint8Array, read: (cursor: Cursor) => T): T {
  const cursor = new Cursor(body);
  const result = read(cursor);
  if (!cursor.atEnd) throw malformed();
  return result;
}

/** Reads a body from its start to its end. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  format(): number {
    const code = this.#bytes.readInt16BE(this.#take(2));
    if (code === 0 || code === 1) return code;
    throw new SqlError("22023", `invalid format code: ${code}`);
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw malformed();
    const start = this.#take(end + 1 - this.#at);
    return this.#bytes.toString("utf8", start, end);
  }

  value(): Buffer | null {
    const length = this.int32();
    if (length === -1) return null;
    const start = this.#take(length);
    // A copy: the chunk the message came in is not held on to.
    return Buffer.from(this.#bytes.subarray(start, start + length));
  }

  list<T>(read: () => T): T[] {
    const count = this.#bytes.readInt16BE(this.#take(2));
    if (count < 0) throw malformed();
    return Array.from({ length: count }, read);
  }

  #take(length: number): number {
    const start = this.#at;
    if (length < 0 || start + length > this.#bytes.length) throw malformed();
    this.#at += length;
    return start;
  }
}

function malformed(): SqlError {
  return new SqlError("08P01", "invalid message format");
}
