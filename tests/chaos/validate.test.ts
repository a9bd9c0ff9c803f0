import { describe, expect, it } from "bun:test";
import type { History, Write } from "./history.ts";
import { describeViolations, type Ending, validate } from "./validate.ts";

function write(row: number, outcome: Write["outcome"], invokedAt = row * 10): Write {
  return { row, outcome, invokedAt, endedAt: invokedAt + 5 };
}

/** A history in which nothing went wrong but one lost connection. */
const GOOD: History = {
  writes: [
    write(1, "acknowledged"),
    write(2, "failed"),
    write(3, "unknown"),
    write(4, "acknowledged"),
  ],
  reads: [{ endedAt: 36, rows: [1, 3] }, { endedAt: 42, rows: [1, 4], own: 4 }],
  attempts: [{ what: "login", tookMs: 3 }],
  cuts: [{ at: 32, what: "write", errors: ["57P01"] }],
};

const ENDING: Ending = { rows: [1, 3, 4], deadlineMs: 100, healedAt: 35, workersDied: false };

/** The numbers of the promises that were broken. */
function broken(history: Partial<History>, ending: Partial<Ending> = {}): number[] {
  return validate({ ...GOOD, ...history }, { ...ENDING, ...ending }).map(({ promise }) => promise);
}

describe("the validator of histories", () => {
  it("finds nothing wrong where nothing is", () => {
    expect(broken({})).toEqual([]);
    expect(broken({}, { rows: [1, 4] })).toEqual([]);
  });

  it("misses an acknowledged write", () => {
    expect(broken({}, { rows: [3, 4] })).toEqual([1]);
  });

  it("sees a write that is there twice, also one of unknown outcome", () => {
    expect(broken({}, { rows: [1, 3, 4, 4] })).toEqual([2]);
    expect(broken({}, { rows: [1, 3, 3, 4] })).toEqual([2]);
  });

  it("sees a write that was said to have failed", () => {
    expect(broken({}, { rows: [1, 2, 3, 4] })).toEqual([3]);
  });

  it("sees rows that nobody wrote", () => {
    expect(broken({}, { rows: [1, 3, 4, 9] })).toEqual([4]);
  });

  it("sees reads of the future, of nothing, and of what failed", () => {
    expect(broken({ reads: [{ endedAt: 36, rows: [4] }] })).toEqual([5]);
    expect(broken({ reads: [{ endedAt: 36, rows: [9] }] })).toEqual([5]);
    expect(broken({ reads: [{ endedAt: 36, rows: [2] }] })).toEqual([5]);
  });

  it("sees a transaction that does not see its own write", () => {
    expect(broken({ reads: [{ endedAt: 42, rows: [1], own: 4 }] })).toEqual([6]);
  });

  it("lets a transaction see its own write, whatever becomes of it", () => {
    expect(broken({ reads: [{ endedAt: 22, rows: [1, 2], own: 2 }] })).toEqual([]);
  });

  it("sees clients that hung", () => {
    expect(broken({ attempts: [{ what: "login", tookMs: 101 }] })).toEqual([7]);
  });

  it("sees a pool that does not get well again", () => {
    expect(broken({}, { healedAt: 45 })).toEqual([8]);
  });

  it("sees clients that are cut off without a word, or told twice", () => {
    const cut = { at: 1, what: "write", errors: [] };
    expect(broken({ cuts: [cut] })).toEqual([9]);
    expect(broken({ cuts: [{ ...cut, errors: ["08006", "57P01"] }] })).toEqual([9]);
    expect(broken({ cuts: [cut] }, { workersDied: true })).toEqual([]);
  });

  it("names the promise and a few examples", () => {
    const text = describeViolations(validate(GOOD, { ...ENDING, rows: [] }), 1);
    expect(text).toBe("broken: 1. every acknowledged write is there: row 1 and 1 more");
  });
});
