/** scripts/run --failover-demo: what the README promises. */
import { describe, expect, it } from "bun:test";
import { join } from "node:path";
import { freePort } from "../support/ports.ts";
import { ROOT } from "../support/programs.ts";
import { tempDir } from "../support/temp.ts";

describe("scripts/run --failover-demo", () => {
  it("promotes a standby, has the other follow, and brings the old primary back", async () => {
    const demo = Bun.spawn({
      cmd: [
        ...[process.execPath, join(ROOT, "scripts/demo/main.ts"), "--failover-demo"],
        ...[
          "--standbys",
          "2",
          "--dir",
          join(tempDir(), "demo"),
          "--port",
          String(await freePort()),
        ],
      ],
      env: { ...process.env, PGPOOL_BINARY: join(ROOT, "dist/pgpool") },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [output, errors] = await Promise.all([
      new Response(demo.stdout).text(),
      new Response(demo.stderr).text(),
    ]);
    expect({ status: await demo.exited, errors }).toMatchObject({ status: 0 });
    const story = [
      "node 0, the primary, is killed",
      "failover: set new primary node: 1",
      "rows are written again, on node 1",
      "=== Follow primary command for node 2 ended ===",
      "pgpool pcp recovery-node 0",
      "node 0 is recovered",
      "What the clients saw",
    ];
    for (const line of story) expect(output).toContain(line);
    const nodes = output.split("\n").filter((line) => /^ \d +\|/.test(line));
    const states = nodes.map((line) => line.split("|").map((cell) => cell.trim()));
    expect(states.map((cells) => `${cells[3]} ${cells[6]}`))
      .toEqual(["up standby", "up primary", "up standby"]);
  }, 90_000);
});
