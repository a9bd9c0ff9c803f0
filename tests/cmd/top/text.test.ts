import { describe, expect, it } from "bun:test";
import {
  cut,
  formatBytes,
  formatDuration,
  formatMs,
  formatRate,
  harmless,
} from "../../../cmd/top/format.ts";
import { sampleOf } from "../../../cmd/top/sample.ts";
import { sampleLines, type Sort } from "../../../cmd/top/text.ts";
import type { BusySession } from "../../../lib/pcp/statistics.ts";
import { activity, later, SESSION } from "./values.ts";

function linesOf(sessions: readonly BusySession[], sort: Sort = "time"): string[] {
  return sampleLines(sampleOf(undefined, activity(later(), sessions)), sort);
}

describe("numbers for people", () => {
  it("have as many digits as tell something", () => {
    expect([null, 0, 0.25, 9.94, 10.4, 12345].map(formatRate))
      .toEqual(["-", "0", "0.3", "9.9", "10", "12345"]);
    expect([null, 0.078, 12.34, 1250.4].map(formatMs)).toEqual(["-", "0.08", "12.3", "1250"]);
    expect([0.04, 9.95, 59.9, 185, 7380, 354_000].map(formatDuration)).toEqual([
      "0.0 s",
      "9.9 s",
      "59 s",
      "3 min 05 s",
      "2 h 03 min",
      "4 d 02 h",
    ]);
    expect([0, 1023, 1536, 300 << 20, 2 ** 60].map(formatBytes))
      .toEqual(["0 B", "1023 B", "1.5 kB", "300 MB", "1048576 TB"]);
  });
});

describe("texts of others", () => {
  it("stay on their line and can not steer the terminal", () => {
    expect(harmless("select\t1\n  \x1b[2J\x9b1m;\x07 -- x ")).toBe("select 1 [2J 1m; -- x");
  });

  it("are cut to the columns they take, without the styles among them", () => {
    expect(cut("abcdef", 3)).toBe("abc");
    expect(cut("abc", 3)).toBe("abc");
    expect(cut("\x1b[1mabc\x1b[0mdef", 4)).toBe("\x1b[1mabc\x1b[0md\x1b[0m");
    expect(cut("日本語", 5)).toBe("日本");
  });
});

describe("the text of a sample", () => {
  it("shows the pool, its nodes and its sessions", () => {
    const lines = linesOf([SESSION, { ...SESSION, state: "waiting", waitingFor: "primary node" }]);
    expect(lines[0]).toMatch(/^pgpool 4\.7\.2 \(tasukiboshi\) {2}\d\d:\d\d:\d\d {2}up 1 min 42 s$/);
    expect(lines[1]).toBe(
      "clients: 12 of 32 slots, 1 active, 1 waiting in the pool, 2 in transaction, 8 idle; " +
        "3 waiting for a slot, 2 held at the door",
    );
    const text = lines.join("\n");
    expect(text).toMatch(/^1 +two:5433 +down +standby +75% +4\.0 kB +- /m);
    expect(text).toMatch(
      /^1 min 15 s +active +app +shop +192\.0\.2\.1:5000 +1 +4711 +select \* from orders$/m,
    );
    expect(text).toMatch(/^1 min 15 s +waits for primary node +app /m);
  });

  it("says why a pool is not ready, and that nobody is busy", () => {
    const notReady = ["no worker is ready", "all backend nodes are down"];
    const lines = sampleLines(sampleOf(undefined, activity(later({ notReady }))), "time");
    expect(lines.slice(1, 3)).toEqual(notReady.map((reason) => `not ready: ${reason}`));
    expect(lines.at(-1)).toBe("no session is busy");
  });

  it.each<[Sort, number[]]>([
    ["time", [3, 2, 1]],
    ["state", [2, 1, 3]],
    ["user", [1, 3, 2]],
    ["node", [1, 3, 2]],
  ])("sorts sessions by %s, and then by time", (sort, order) => {
    const sessions: BusySession[] = [
      { ...SESSION, backendPid: 1, seconds: 1, user: "a", node: -1 },
      { ...SESSION, backendPid: 2, seconds: 2, user: "c", node: 10 },
      { ...SESSION, backendPid: 3, seconds: 3, user: "b", node: 9, state: "idleInTransaction" },
    ];
    const pids = linesOf(sessions, sort).slice(-3).map((line) =>
      Number(/ (\d) +select/.exec(line)?.[1])
    );
    expect(pids).toEqual(order);
  });
});
