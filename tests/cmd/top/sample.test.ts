import { describe, expect, it } from "bun:test";
import schema from "../../../cmd/top/schema.json" with { type: "json" };
import { quantileMs, sampleOf } from "../../../cmd/top/sample.ts";
import type { DurationStatistics } from "../../../lib/pcp/statistics.ts";
import { STATISTICS } from "../../admin/metrics/statistics.ts";
import { errorsBySchema } from "../pcp/schema.ts";
import { activity, later, SESSION } from "./values.ts";

const [PRIMARY, ...OTHERS] = STATISTICS.nodes;
const [WORKER, ...WORKERS] = STATISTICS.workers;
if (PRIMARY === undefined || WORKER === undefined) throw new Error("unreachable: there are some");

/** Two seconds in which the primary had 10 statements, which took 2 ms each, and one error. */
const BUSY = later({
  nodes: [
    {
      ...PRIMARY,
      statements: { ...PRIMARY.statements, select: 7, update: 7 },
      errors: { ...PRIMARY.errors, error: 8 },
      statementTimes: { ...PRIMARY.statementTimes, counts: [12, 0, 1], sum: 7.27 },
    },
    ...OTHERS,
  ],
  workers: [
    {
      ...WORKER,
      logins: 34,
      loginFailures: { ...WORKER.loginFailures, slots: 2 },
      connections: WORKER.connections.map((each) => ({ ...each, hits: 24, misses: 10 })),
    },
    ...WORKERS,
  ],
});

describe("a sample", () => {
  it("tells what happened in a second between two looks", () => {
    const sample = sampleOf(activity(STATISTICS), activity(BUSY));
    expect(sample.statementsPerSecond).toBe(5);
    expect(sample.loginsPerSecond).toBe(2);
    expect(sample.loginFailuresPerSecond).toBe(0.5);
    expect(sample.poolHitRatio).toBe(0.75);
    const [primary, standby] = sample.nodes;
    expect(primary).toMatchObject({ statementsPerSecond: 5, errorsPerSecond: 0.5 });
    expect(primary?.meanMs).toBeCloseTo(2);
    expect(primary?.p95Ms).toBeCloseTo(95);
    expect(standby).toMatchObject({ statementsPerSecond: 0, meanMs: null, p95Ms: null });
  });

  it("tells what is so just now", () => {
    const sample = sampleOf(undefined, activity(STATISTICS, [SESSION]));
    expect(sample.clients).toEqual({
      slots: 32,
      served: 12,
      queued: 3,
      held: 2,
      active: 1,
      waiting: 1,
      idleInTransaction: 2,
      idle: 8,
    });
    expect(sample.nodes[1]).toMatchObject({
      replicationDelayBytes: 4096,
      replicationDelaySeconds: null,
    });
    expect(sample.nodes[2]?.replicationDelaySeconds).toBe(1.5);
    expect(sample.nodes[0]).toMatchObject({ connectionsUsed: 5, connectionsIdle: 2 });
    expect(sample.sessions).toEqual([SESSION]);
    expect(sample.time).toBe("2023-11-14T22:15:00.500Z");
  });

  it("has no rates without an earlier look, nor across a restart of the pool", () => {
    const first = sampleOf(undefined, activity(STATISTICS));
    const restarted = sampleOf(activity(BUSY), activity(later({ startTime: 1_700_000_101 })));
    for (const sample of [first, restarted]) {
      expect(sample.statementsPerSecond).toBeNull();
      expect(sample.nodes[0]).toMatchObject({ statementsPerSecond: null, p95Ms: null });
    }
  });

  it("is what its schema says", () => {
    const sample = sampleOf(activity(STATISTICS), activity(BUSY, [SESSION]));
    expect(errorsBySchema(schema, JSON.parse(JSON.stringify(sample)))).toEqual([]);
    expect(errorsBySchema(schema, { ...sample, ready: "yes" })).not.toEqual([]);
  });
});

describe("the time that most statements do not exceed", () => {
  const times = (...counts: number[]): DurationStatistics => ({
    bounds: [0.001, 0.01, 0.1],
    counts,
    sum: 0,
  });

  it("is estimated within the bucket where it lies", () => {
    expect(quantileMs(times(100, 0, 0, 0), 0.95)).toBeCloseTo(0.95);
    expect(quantileMs(times(50, 50, 0, 0), 0.75)).toBeCloseTo(5.5);
    expect(quantileMs(times(90, 0, 10, 0), 0.95)).toBeCloseTo(55);
  });

  it("is the last bound when it lies beyond, and nothing without statements", () => {
    expect(quantileMs(times(0, 0, 0, 5), 0.95)).toBe(100);
    expect(quantileMs(times(0, 0, 0, 0), 0.95)).toBeNull();
  });
});
