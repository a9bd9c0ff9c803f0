import { describe, expect, it } from "bun:test";
import { type BenchOptions, parseOptions, TARGETS } from "../../scripts/benchmark/options.ts";
import { WORKLOADS } from "../../scripts/benchmark/workloads.ts";

function names({ workloads }: BenchOptions): string[] {
  return workloads.map(({ name }) => name);
}

describe("the options of the benchmark", () => {
  it("measure everything when there are none", () => {
    const options = parseOptions([]);
    expect(options.workloads).toEqual(WORKLOADS);
    expect(options.targets).toEqual(TARGETS);
    expect(options.idle).toBe(10_000);
    expect(options.growth).toBe(1_000_000);
    expect(options.routing).toBe(true);
  });

  it("keep a quick run short", () => {
    const { rounds, seconds, idle, growth, workloads } = parseOptions(["--quick"]);
    expect({ rounds, seconds, idle, growth }).toEqual({
      rounds: 1,
      seconds: 1,
      idle: 0,
      growth: 0,
    });
    expect(workloads).toEqual(WORKLOADS);
  });

  it("let --seconds and --rounds overrule a quick run's", () => {
    const { rounds, seconds } = parseOptions(["--quick", "--rounds", "4", "--seconds=9"]);
    expect({ rounds, seconds }).toEqual({ rounds: 4, seconds: 9 });
  });

  it("measure only what is named", () => {
    expect(parseOptions(["--routing"])).toMatchObject({
      workloads: [],
      idle: 0,
      growth: 0,
      routing: true,
    });
    expect(parseOptions(["--idle"]).idle).toBe(10_000);
    expect(parseOptions(["--idle", "50"]).idle).toBe(50);
    expect(parseOptions(["--growth=7"])).toMatchObject({ growth: 7, idle: 0, routing: false });
  });

  it("take targets and parts of workloads' names, in the order of the table", () => {
    const options = parseOptions(["--only", "pgpool2, direct,select-16,connect"]);
    expect(options.targets).toEqual(["direct", "pgpool2"]);
    expect(names(options)).toEqual([
      "select-simple-16",
      "select-extended-16",
      "select-prepared-16",
      "connect-simple-16",
    ]);
    expect(options.routing).toBe(false);
  });

  it("do not take 1 for 16 or 100", () => {
    expect(names(parseOptions(["--only", "select-simple-1"]))).toEqual(["select-simple-1"]);
  });
});
