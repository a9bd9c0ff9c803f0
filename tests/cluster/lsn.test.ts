import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { lsnDistance, LsnError, parseLsn } from "../../lib/cluster/lsn.ts";

describe("parseLsn", () => {
  it("reads every position exactly", () => {
    const half = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(fc.property(half, half, (high, low) => {
      const text = `${high.toString(16).toUpperCase()}/${low.toString(16)}`;
      expect(parseLsn(text)).toBe(BigInt(high) * 4294967296n + BigInt(low));
    }));
  });

  it("refuses anything else", () => {
    for (const text of ["", "0", "0/", "/0", "123456789/0", "0/x", " 0/0"]) {
      expect(() => parseLsn(text)).toThrow(LsnError);
    }
  });
});

describe("lsnDistance", () => {
  it("is exact where the high word changes", () => {
    expect(lsnDistance(parseLsn("1/0"), parseLsn("0/FFFFFFFF"))).toBe(1);
  });

  it("is never negative", () => {
    expect(lsnDistance(parseLsn("0/1"), parseLsn("0/2"))).toBe(0);
  });
});
