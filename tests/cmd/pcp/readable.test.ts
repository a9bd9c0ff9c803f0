import { describe, expect, it } from "bun:test";
import { readableText } from "../../../cmd/pcp/readable.ts";
import { HEALTH, PRIMARY, PROCESS, STANDBY, WATCHDOG } from "./values.ts";

describe("what pgpool pcp prints for people", () => {
  it("has a line for every node", () => {
    const down = { ...STANDBY, status: "down", replicationDelay: 91 } as const;
    expect(readableText({ about: "node-info", nodes: [PRIMARY, down] })).toBe(
      [
        "node  server           status  role     server says  weight  delay     replication      since",
        "0     localhost:11002  up      primary  up primary   50%     0                          2026-11-23 13:09:38",
        "1     localhost:11003  down    standby  up standby   50%     91 bytes  streaming async  2026-11-23 13:09:38",
        "",
      ].join("\n"),
    );
    const delayed = { ...STANDBY, delayByTime: true, replicationDelay: 1_500_000 };
    expect(readableText({ about: "node-info", nodes: [delayed] })).toContain("  1.500 s  ");
    const six = { ...PRIMARY, hostname: "::1" };
    expect(readableText({ about: "node-info", nodes: [six] })).toContain("[::1]:11002");
  });

  it("keeps every statement to one line", () => {
    const entry = { ...PROCESS, statement: `SELECT 1,\n\t2\x1b[31m${"x".repeat(100)}` };
    const text = readableText({ about: "proc-info", entries: [entry] });
    expect(text.split("\n")).toHaveLength(3);
    expect(text).not.toContain("\x1b");
    expect(text).toMatch(/ {2}SELECT 1, 2 \[31mx+\.\.\.\n$/);
  });

  it("has something to say of every answer", () => {
    expect(readableText({ about: "node-count", count: 2 })).toBe("2\n");
    expect(readableText({ about: "proc-count", pids: [469, 470] })).toBe("pid\n469\n470\n");
    expect(readableText({ about: "health-check-stats", nodes: [HEALTH] })).toContain("8.0");
    expect(readableText({ about: "watchdog-info", watchdog: WATCHDOG })).toContain("exists");
    const action = { command: "detach-node", node: 1, gracefully: false } as const;
    expect(readableText({ about: "action", action })).toBe("node 1 is detached\n");
  });
});
