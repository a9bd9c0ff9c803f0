import { describe, expect, it } from "bun:test";
import { DURATION_BOUNDS } from "../../../lib/process/statistics/durations.ts";
import { figureCells, SharedFigures } from "../../../lib/process/statistics/figures.ts";

/** Figures of the supervisor and two workers, over the same cells. */
function figures(): [SharedFigures, SharedFigures, SharedFigures] {
  const cells = new Float64Array(figureCells(2));
  const of = (process: number) => new SharedFigures(cells, process);
  return [of(0), of(1), of(2)];
}

describe("figures of all processes", () => {
  it("are kept apart by process and node, and added up over processes", () => {
    const [all, one, two] = figures();
    one.count(0, "opened");
    one.count(127, "opened");
    two.count(127, "opened");
    two.setNode(127, "used", 5);
    two.countWorker("logins");
    expect([all.total(0, "opened"), all.total(127, "opened")]).toEqual([1, 2]);
    expect([all.ofNode(1, 127, "used"), all.ofNode(2, 127, "used")]).toEqual([0, 5]);
    expect([all.ofWorker(1, "logins"), all.ofWorker(2, "logins")]).toEqual([0, 1]);
  });

  it("have a cell of their own each", () => {
    const [all, one] = figures();
    const kinds = [
      ...["select", "insert", "update", "delete", "ddl", "other", "panic", "fatal", "error"],
      ...["hits", "misses", "opened"],
    ] as const;
    kinds.forEach((kind, index) => {
      for (let i = 0; i <= index; i++) one.count(3, kind);
    });
    one.setNode(3, "used", 100);
    one.setNode(3, "idle", 200);
    one.took(3, "statement", 1);
    one.took(3, "connection", 1);
    expect(kinds.map((kind) => all.total(3, kind))).toEqual(kinds.map((_, index) => index + 1));
    expect(all.ofNode(1, 3, "used")).toBe(100);
    expect(all.durations(3, "statement").sum).toBe(0.001);
    expect(all.durations(3, "connection").sum).toBe(0.001);
    expect(all.durations(4, "statement").counts.every((count) => count === 0)).toBe(true);
  });

  it("ignore nodes that there can not be", () => {
    const [all, one] = figures();
    for (const node of [-1, 128]) {
      one.count(node, "select");
      one.took(node, "statement", 1);
      one.setNode(node, "used", 1);
    }
    expect(all.ofWorker(2, "accepted")).toBe(0);
    expect(all.slotWaits().sum).toBe(0);
    expect(all.total(0, "select")).toBe(0);
  });

  it("of a worker that is gone keep what was counted and forget what was so", () => {
    const [all, one] = figures();
    one.countWorker("logins");
    one.setWorker("active", 3);
    one.count(0, "hits");
    one.setNode(0, "idle", 3);
    all.forgetState(1);
    expect([all.ofWorker(1, "active"), all.ofNode(1, 0, "idle")]).toEqual([0, 0]);
    expect([all.ofWorker(1, "logins"), all.ofNode(1, 0, "hits")]).toEqual([1, 1]);
  });
});

describe("durations", () => {
  it("are counted up to and with the bound of their bucket", () => {
    const [all, one, two] = figures();
    for (const bound of DURATION_BOUNDS) one.took(0, "statement", bound * 1000);
    two.took(0, "statement", 30_000.1);
    two.took(0, "statement", 0);
    const { bounds, counts } = all.durations(0, "statement");
    expect(bounds).toEqual(DURATION_BOUNDS);
    expect(counts).toEqual([2, ...DURATION_BOUNDS.slice(1).map(() => 1), 1]);
  });

  it("add up to their sum in seconds", () => {
    const [all, one, two] = figures();
    one.waitedForSlot(0);
    one.waitedForSlot(250);
    two.waitedForSlot(1500);
    expect(all.slotWaits().sum).toBe(1.75);
    expect(all.slotWaits().counts.reduce((sum, count) => sum + count)).toBe(3);
  });
});
