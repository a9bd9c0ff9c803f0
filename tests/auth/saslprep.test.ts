import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { decodePassword, encodePassword } from "../../lib/auth/password-bytes.ts";
import { saslPrep } from "../../lib/auth/saslprep.ts";

const prepared = (text: string) => saslPrep(text).toString("utf8");

describe("SASLprep", () => {
  it("follows the examples of RFC 4013", () => {
    expect(prepared("I\u00adX")).toBe("IX");
    expect(prepared("user")).toBe("user");
    expect(prepared("USER")).toBe("USER");
    expect(prepared("\u00aa")).toBe("a");
    expect(prepared("\u2168")).toBe("IX");
  });

  it("leaves a forbidden password as it is, as PostgreSQL does", () => {
    expect(prepared("\u2168\u0007")).toBe("\u2168\u0007");
    expect(prepared("\u0627\u0031")).toBe("\u0627\u0031");
    expect(prepared("\u0627\ufb01\u0031")).toBe("\u0627\ufb01\u0031");
    expect(prepared("\ufb01\u{1f600}")).toBe("\ufb01\u{1f600}");
    expect(prepared("\u00ad")).toBe("\u00ad");
  });

  it("turns other spaces into blanks and accepts right-to-left text", () => {
    expect(prepared("a\u3000b")).toBe("a b");
    expect(prepared("\u05d0\ufb2e\u05d1")).toBe("\u05d0\u05d0\u05b7\u05d1");
  });

  it("keeps passwords that are not UTF-8 byte for byte", () => {
    const latin1 = Buffer.from("pa\u00dfwort\u00e9", "latin1");
    expect(saslPrep(decodePassword(latin1))).toEqual(latin1);
  });
});

describe("password bytes", () => {
  it("survive decoding and encoding, whatever they are", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => {
      expect(encodePassword(decodePassword(bytes))).toEqual(Buffer.from(bytes));
    }));
  });
});
