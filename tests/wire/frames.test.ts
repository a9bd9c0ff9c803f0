import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { message } from "../../lib/wire/build.ts";
import { ProtocolError } from "../../lib/wire/errors.ts";
import { Frame, FrameReader } from "../../lib/wire/frames.ts";

const KEEP = 64;

/** Everything a reader gives for a stream cut into the given chunks. */
function readAll(chunks: Uint8Array[]): { type: number; bytes: Buffer }[] {
  const reader = new FrameReader(KEEP);
  const messages: { type: number; bytes: Buffer }[] = [];
  for (const chunk of chunks) {
    reader.feed(chunk);
    for (let found = reader.next(); found !== Frame.None; found = reader.next()) {
      const part = Buffer.from(reader.bytes.subarray(reader.start, reader.end));
      const last = messages.at(-1);
      if (found === Frame.More && last !== undefined) {
        last.bytes = Buffer.concat([last.bytes, part]);
      } else messages.push({ type: reader.type, bytes: part });
    }
  }
  return messages;
}

describe("FrameReader", () => {
  it("gives the same messages wherever the stream is cut in two", () => {
    const stream = Buffer.concat([
      message(0x51, "select 1"),
      message(0x53),
      message(0x64, Buffer.alloc(200, 7)),
      message(0x58),
    ]);
    const whole = readAll([stream]);
    expect(whole.map((each) => each.type)).toEqual([0x51, 0x53, 0x64, 0x58]);
    for (let cut = 0; cut <= stream.length; cut++) {
      expect(readAll([stream.subarray(0, cut), stream.subarray(cut)])).toEqual(whole);
    }
  });

  it("gives any messages back whatever the chunks", () => {
    const streams = fc.array(
      fc.tuple(fc.integer({ min: 65, max: 122 }), fc.uint8Array({ maxLength: 300 })),
    );
    fc.assert(fc.property(streams, fc.array(fc.integer({ min: 1, max: 40 })), (parts, sizes) => {
      const sent = parts.map(([type, body]) => message(type, body));
      const stream = Buffer.concat(sent);
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const size of sizes) chunks.push(stream.subarray(at, at += size));
      chunks.push(stream.subarray(at));
      expect(readAll(chunks).map((each) => each.bytes)).toEqual(sent);
    }));
  });

  it("does not keep more of a large message than its bound", () => {
    const reader = new FrameReader(KEEP);
    reader.feed(message(0x64, Buffer.alloc(1000)).subarray(0, KEEP + 10));
    expect(reader.next()).toBe(Frame.Head);
    expect(reader.pending).toBe(0);
    expect(reader.remaining).toBe(1005 - KEEP - 10);
  });

  it.each([[0], [3], [-1], [0x40000000], [0x7fffffff]])("refuses the length %d", (length) => {
    const reader = new FrameReader();
    const bytes = Buffer.from("Q....");
    bytes.writeInt32BE(length, 1);
    reader.feed(bytes);
    expect(() => reader.next()).toThrow(ProtocolError);
  });

  it("gives a message again that could not be handled yet", () => {
    const reader = new FrameReader();
    reader.feed(Buffer.concat([message(0x51, "a"), message(0x53)]));
    reader.next();
    reader.unread();
    expect(reader.next()).toBe(Frame.Whole);
    expect(reader.type).toBe(0x51);
    expect(reader.next()).toBe(Frame.Whole);
    expect(reader.type).toBe(0x53);
  });
});
