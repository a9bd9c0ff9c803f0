import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { median, percentile } from "../../scripts/benchmark/statistics.ts";

describe("the median", () => {
  it("is the value in the middle, or between the two in the middle", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([1, 9, 4, 5])).toBe(4.5);
    expect(median([7])).toBe(7);
  });

  it("is not a number when there is nothing", () => {
    expect(median([])).toBeNaN();
  });
});

describe("a percentile", () => {
  it("is the nearest rank", () => {
    const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile(Float64Array.of(3), 0.01)).toBe(3);
    expect(percentile(new Float64Array(0), 0.5)).toBeNaN();
  });

  it("has its share of all values at or below it, and the next lower value has not", () => {
    const values = fc.array(fc.nat(1000), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (list, share) => {
        const found = percentile(Float64Array.from(list).sort(), share);
        expect(list.filter((one) => one <= found).length).toBeGreaterThanOrEqual(
          list.length * share - 1e-9,
        );
        expect(list.filter((one) => one < found).length).toBeLessThan(list.length * share);
      }),
    );
  });
});
