import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import {
  cStrings,
  encodeMessage,
  leadingNumber,
  MAX_REQUEST_LENGTH,
  PcpLengthError,
  type PcpMessage,
  PcpReader,
  splitStrings,
} from "../../lib/pcp/messages.ts";
import { inPieces, letters } from "./support.ts";

function readAll(pieces: readonly Uint8Array[], maxLength = MAX_REQUEST_LENGTH): PcpMessage[] {
  const reader = new PcpReader(maxLength);
  const found: PcpMessage[] = [];
  for (const piece of pieces) {
    reader.feed(piece);
    for (let next = reader.next(); next !== undefined; next = reader.next()) found.push(next);
  }
  expect(reader.pending).toBe(0);
  return found.map(({ type, body }) => ({ type, body: Uint8Array.from(body) }));
}

function withLength(length: number): Buffer {
  const bytes = Buffer.from("I\0\0\0\0");
  bytes.writeInt32BE(length, 1);
  return bytes;
}

describe("PCP messages", () => {
  it("are the same wherever they are split on their way", () => {
    const message = fc.record({ type: letters, body: fc.uint8Array({ maxLength: 255 }) });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.infiniteStream(fc.nat(40)),
        (all, sizes) => {
          const bytes = Buffer.concat(all.map(({ type, body }) => encodeMessage(type, body)));
          expect(readAll(inPieces(bytes, sizes))).toEqual(all);
        },
      ),
    );
  });

  it("may be split at every single byte", () => {
    const bytes = Buffer.concat([
      encodeMessage("M"),
      encodeMessage("R", cStrings(["admin", "0".repeat(32)])),
      encodeMessage("T", Buffer.from("f")),
    ]);
    expect(readAll([...bytes].map((byte) => Uint8Array.of(byte))).map(({ type }) => type))
      .toEqual(["M", "R", "T"]);
  });

  it("have a length of 1 to 259 on their way to the server", () => {
    const lengthOf = (length: number) => {
      const reader = new PcpReader(MAX_REQUEST_LENGTH);
      reader.feed(withLength(length));
      reader.feed(new Uint8Array(255));
      return reader.next()?.body.length;
    };
    expect([1, 2, 3, 4, 5, 259].map(lengthOf)).toEqual([0, 0, 0, 0, 1, 255]);
    for (const hostile of [0, -1, 260, 0x7fffffff, -0x80000000]) {
      expect(() => lengthOf(hostile)).toThrow(new PcpLengthError(hostile));
    }
  });

  it("are refused before their body has come when they are too long", () => {
    const reader = new PcpReader(MAX_REQUEST_LENGTH);
    reader.feed(withLength(2052));
    expect(() => reader.next()).toThrow("incorrect packet length (2052)");
  });

  it("hold C strings of any text, of which zero bytes are lost", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (texts) => {
        expect(splitStrings(cStrings(texts))).toEqual(
          texts.map((text) => text.replaceAll("\0", "")),
        );
      }),
    );
  });

  it("hold numbers as C's atoi reads them", () => {
    expect(["12", "-1", "7x", " 8", "", "abc", "99999999999"].map(leadingNumber))
      .toEqual([12, -1, 7, 8, 0, 0, 0x7fffffff]);
  });
});
