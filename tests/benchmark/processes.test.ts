import { describe, expect, it } from "bun:test";
import { cpuTime, memory, memoryOf, ticksOf } from "../../scripts/benchmark/processes.ts";

const NOBODY = 2 ** 22 + 1;

describe("the cost of processes", () => {
  it("counts the time of a process and of its children that have ended", () => {
    const stat = "12 (a) b) c) S 1 12 12 0 -1 4194560 2 3 4 5 100 20 3 4 20 0 1 0 999 1 1";
    expect(ticksOf(stat)).toBe(127);
  });

  it("counts memory in bytes", () => {
    const rollup = `558a00000000-7ffd00000000 ---p 00000000 00:00 0     [rollup]
Rss:              108544 kB
Pss:               28672 kB
Pss_Dirty:         20000 kB
Pss_Anon:          19000 kB
`;
    expect(memoryOf(rollup)).toEqual({ pss: 28672 * 1024, rss: 108544 * 1024 });
  });

  it("is nothing for processes that are gone", () => {
    expect(cpuTime([NOBODY])).toBe(0);
    expect(memory([NOBODY])).toEqual({ pss: 0, rss: 0 });
  });

  it("is something for this process", () => {
    expect(cpuTime([process.pid])).toBeGreaterThan(0);
    expect(memory([process.pid]).rss).toBeGreaterThan(1024 * 1024);
  });
});
