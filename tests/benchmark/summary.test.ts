import { describe, expect, it } from "bun:test";
import { judge } from "../../scripts/benchmark/goals.ts";
import type { Run } from "../../scripts/benchmark/matrix.ts";
import type { TargetName } from "../../scripts/benchmark/options.ts";
import { formatLines } from "../../scripts/benchmark/report.ts";
import { summarize } from "../../scripts/benchmark/summary.ts";

const MB = 1e6;

function run(target: TargetName, round: number, tps: number, cpu: number): Run {
  const result = {
    tps,
    cpu,
    transactions: tps,
    failed: 0,
    connectMs: null,
    p50: 0.5,
    p99: 2.5,
    pss: 30 * MB,
    rss: 90 * MB,
  };
  return { workload: "select-simple-16", target, round, result };
}

function failure(target: TargetName, round: number): Run {
  return { workload: "select-simple-16", target, round, result: { error: "no answer" } };
}

const RUNS: readonly Run[] = [
  run("pgpool", 1, 900, 26),
  run("relay", 1, 1000, 20),
  run("direct", 1, 2000, 0),
  run("pgpool", 2, 800, 24),
  run("relay", 2, 1000, 20),
  run("direct", 2, 2000, 0),
  run("pgpool-1", 1, 600, 15),
  run("relay-1", 1, 500, 10),
];

const NOTHING = { lines: [], idle: null, growth: null, routing: [] };

function memory(megabytes: number) {
  return { pss: megabytes * MB, rss: megabytes * MB };
}

describe("the summary of runs", () => {
  it("is the median of the rounds and how it compares, in the order of the targets", () => {
    const lines = summarize(RUNS);
    expect(lines.map(({ target }) => target)).toEqual([
      "direct",
      "relay",
      "pgpool",
      "relay-1",
      "pgpool-1",
    ]);
    expect(lines[2]).toMatchObject({ ofDirect: 0.425, ofRelay: 0.85, cpuOfRelay: 1.25 });
    expect(lines[2]?.figures).toMatchObject({ tps: 850, cpu: 25, transactions: 1700 });
  });

  it("compares one process to the relay with one process", () => {
    expect(summarize(RUNS)[4]).toMatchObject({ ofRelay: 1.2, cpuOfRelay: 1.5 });
  });

  it("leaves rounds that failed out of the figures and tells of them", () => {
    const lines = summarize([...RUNS, failure("pgpool", 3), failure("pgpool2", 1)]);
    expect(lines.find(({ target }) => target === "pgpool")).toMatchObject({
      errors: ["no answer"],
      figures: { tps: 850 },
    });
    const table = formatLines(lines);
    expect(table).toContain("failed: select-simple-16 pgpool2: no answer");
    expect(table).toMatch(/^select-simple-16 {2}pgpool2 .* - .*1 runs$/m);
  });

  it("is a table with aligned columns", () => {
    const [heading = "", rule = "", , , pgpool = ""] = formatLines(summarize(RUNS)).split("\n");
    expect(heading.length).toBe(rule.length);
    expect(pgpool).toMatch(/pgpool +850 +0.42 +0.85 +0.500 +2.500 +25.0 +1.25 +29 +86$/);
    expect(pgpool.indexOf("850") + 3).toBe(heading.indexOf("tps") + 3);
  });
});

describe("the goals", () => {
  it("are judged by the figures that there are", () => {
    const goals = judge({ ...NOTHING, lines: summarize(RUNS) });
    expect(goals).toEqual([
      {
        what: "CPU/tx, select-simple-16: pgpool / relay",
        limit: 1.3,
        value: 1.25,
        reached: true,
      },
    ]);
    expect(judge(NOTHING)).toEqual([]);
  });

  it("count the worse of both states of idle clients, and only with all of them", () => {
    const idle = { clients: 10_000, processes: 3, before: memory(60), loggedIn: memory(140) };
    const used = memory(160);
    expect(judge({ ...NOTHING, idle: { ...idle, used } })).toMatchObject([
      { value: 160, reached: false },
    ]);
    expect(judge({ ...NOTHING, idle: { ...idle, clients: 500, used } })).toEqual([]);
  });

  it("do not take a breath for growth", () => {
    const growth = (...megabytes: number[]) =>
      judge({ ...NOTHING, growth: { transactions: 9, memory: megabytes.map(memory) } });
    expect(growth(100, 130, 101, 140, 120)).toMatchObject([{ reached: true }]);
    expect(growth(100, 110, 120, 130, 140)).toMatchObject([{ value: 1.2, reached: false }]);
  });
});
