import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { cancelRequest, requestPacket, startupPacket } from "../../lib/wire/build.ts";
import { ProtocolError } from "../../lib/wire/errors.ts";
import { StartupCode } from "../../lib/wire/protocol.ts";
import { parseStartup, startupLength } from "../../lib/wire/startup.ts";

describe("parseStartup", () => {
  it("reads user, database and options in their order", () => {
    const packet = startupPacket(2, [["user", "u"], ["database", "d"], ["options", "-c a=b"]]);
    expect(parseStartup(packet)).toEqual({
      kind: "startup",
      major: 3,
      minor: 2,
      parameters: new Map([["user", "u"], ["database", "d"], ["options", "-c a=b"]]),
    });
  });

  it("tells the requests that may stand before it apart", () => {
    expect(parseStartup(requestPacket(StartupCode.Ssl)).kind).toBe("ssl");
    expect(parseStartup(requestPacket(StartupCode.GssEnc)).kind).toBe("gssenc");
  });

  it.each([[4], [32], [256]])("reads a cancel key of %d bytes", (size) => {
    const key = Buffer.alloc(size, 5);
    const request = parseStartup(cancelRequest(StartupCode.Cancel, -7, key));
    expect(request).toEqual({ kind: "cancel", pid: -7, key });
  });

  it.each([[3], [257]])("refuses a cancel key of %d bytes", (size) => {
    const packet = cancelRequest(StartupCode.Cancel, 1, Buffer.alloc(size));
    expect(() => parseStartup(packet)).toThrow(ProtocolError);
  });

  it("does nothing worse to garbage than refusing it", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 8, maxLength: 200 }), (bytes) => {
      try {
        parseStartup(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }));
  });

  it.each([[0], [7], [10001], [-1], [0x7fffffff]])("refuses a packet of length %d", (length) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    expect(() => startupLength(bytes, 0, 4)).toThrow(ProtocolError);
  });
});
