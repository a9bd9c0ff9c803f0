import { decodePassword, encodePassword } from "../auth/password-bytes.ts";

/** Largest value of a request's length field; it counts itself (pcp-protocol.md 1). */
export const MAX_REQUEST_LENGTH = 259;

/** Largest value of a reply's length field that a client accepts; the protocol has no limit. */
export const MAX_REPLY_LENGTH = 16 * 1024 * 1024;

const HEADER_BYTES = 5;
const LENGTH_BYTES = 4;

/** A message as it travels: one letter and a body. */
export interface PcpMessage {
  readonly type: string;
  readonly body: Uint8Array;
}

/** A length that no message of this direction may have. */
export class PcpLengthError extends Error {
  override readonly name = "PcpLengthError";

  constructor(readonly length: number) {
    super(`incorrect packet length (${length})`);
  }
}

/** Cuts a stream of bytes into messages, wherever the bytes were split on their way. */
export class PcpReader {
  readonly #maxLength: number;
  #chunks: Uint8Array[] = [];
  #pending = 0;

  /** @param maxLength largest value of the length field that is accepted */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Bytes that belong to no message given so far. */
  get pending(): number {
    return this.#pending;
  }

  /** Takes a chunk; it is referred to until its bytes are used up. */
  feed(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#pending += chunk.length;
  }

  /**
   * The next whole message, undefined when more bytes are needed.
   *
   * @throws {PcpLengthError}
   */
  next(): PcpMessage | undefined {
    if (this.#pending < HEADER_BYTES) return undefined;
    const header = this.#front(HEADER_BYTES);
    const length = header.readInt32BE(1);
    if (length < 1 || length > this.#maxLength) throw new PcpLengthError(length);
    // Lengths that do not even count themselves stand for no body, as in Pgpool-II.
    const end = HEADER_BYTES + Math.max(0, length - LENGTH_BYTES);
    if (this.#pending < end) return undefined;
    const bytes = this.#front(end);
    this.#chunks[0] = bytes.subarray(end);
    this.#pending -= end;
    if (this.#pending === 0) this.#chunks = [];
    return { type: String.fromCharCode(header[0]), body: bytes.subarray(HEADER_BYTES, end) };
  }

  /** The first chunk, made to hold at least so many bytes. */
  #front(count: number): Buffer {
    const [first = new Uint8Array()] = this.#chunks;
    if (first.length >= count) return Buffer.from(first.buffer, first.byteOffset, first.length);
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}

/** A whole message: type, length, body. */
export function encodeMessage(type: string, body: Uint8Array = new Uint8Array()): Buffer {
  const message = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  message.write(type, 0, "latin1");
  message.writeInt32BE(LENGTH_BYTES + body.length, 1);
  message.set(body, HEADER_BYTES);
  return message;
}

/** C strings, each ended by a zero byte; zero bytes within them are dropped. */
export function cStrings(texts: readonly string[]): Buffer {
  return Buffer.concat(texts.map((text) => encodePassword(`${text.replaceAll("\0", "")}\0`)));
}

/** The C strings of a body. What stands behind the last zero byte counts as one more. */
export function splitStrings(body: Uint8Array): string[] {
  const texts: string[] = [];
  let start = 0;
  while (start < body.length) {
    const zero = body.indexOf(0, start);
    const end = zero < 0 ? body.length : zero;
    texts.push(decodePassword(body.subarray(start, end)));
    start = end + 1;
  }
  return texts;
}

/** C's atoi: trailing garbage is ignored, and what is no number is 0 (pcp-protocol.md 1). */
export function leadingNumber(text: string): number {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? 0 : Math.max(-0x80000000, Math.min(0x7fffffff, value));
}
