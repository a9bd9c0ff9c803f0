/** Failovers in which something else happens: servers that return, pgpool that stops. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../../support/config-file.ts";
import * as frontend from "../../support/frontend.ts";
import { type Pgpool, type PgpoolOptions, startPgpool } from "../../support/pgpool.ts";
import { waitFor } from "../../support/wait.ts";
import { promotingCommand, writeScript } from "../support/failover-commands.ts";
import { logIn, valueOf, waitForStates } from "../support/nodes.ts";
import { PCP_CONF, withPcp } from "../support/pcp.ts";
import { Roles } from "./roles.ts";

const WRITE = "INSERT INTO t VALUES (1) RETURNING current_setting('port')";

type Files = NonNullable<PgpoolOptions["files"]>;

let roles: Roles;
let pgpool: Pgpool;

beforeAll(async () => {
  roles = await Roles.start();
}, 60_000);

afterEach(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await roles.settle();
}, 60_000);

afterAll(async () => {
  await roles?.[Symbol.asyncDispose]();
});

async function start(config: Settings = {}, files: Files = {}): Promise<void> {
  pgpool = await startPgpool({
    cluster: roles.cluster,
    pcp: PCP_CONF,
    files,
    config: {
      worker_processes: 1,
      health_check_period: 1,
      health_check_timeout: 1,
      ...config,
    },
  });
  await pgpool.waitForLog(/pgpool-II successfully started/);
}

/** States of the nodes, of the one that is the primary in this test and of the other. */
async function waitForRoles(ofPrimary: string, ofStandby: string): Promise<void> {
  const states = roles.primaryId === 0 ? [ofPrimary, ofStandby] : [ofStandby, ofPrimary];
  await waitForStates(pgpool, states.join(", "));
}

/** Waits until a new client can write; gives the port of the server. */
async function writes(): Promise<string | null> {
  return await waitFor(async () => {
    using client = await logIn(pgpool);
    return await valueOf(client, WRITE);
  }, { what: "writes", deadlineMs: 20_000 });
}

/** Health checks of the primary that were due while it was down. */
async function skips(): Promise<number> {
  const stats = await withPcp(pgpool, (pcp) => pcp.healthCheckStats(roles.primaryId));
  return stats.skipCount;
}

describe("a primary that comes back while failover_command runs", () => {
  it("takes no write, then or later: they wait for the next primary", async () => {
    const gate = join(roles.cluster.dir, "gate");
    writeFileSync(gate, "");
    const script = writeScript(
      roles.cluster,
      "gated.sh",
      `#!/bin/sh\nwhile [ -e ${gate} ]; do sleep 0.05; done\nexec "$@"\n`,
    );
    await start({
      auto_failback: true,
      failover_command: `${script} ${promotingCommand(roles.cluster)}`,
    });
    await writes();
    await roles.waitForReplay();
    using writer = await logIn(pgpool);
    await roles.primary.kill();
    await pgpool.waitForLog(/execute command/);
    writer.send(frontend.query(WRITE));
    await roles.primary.start();
    const old = roles.primary;
    await waitFor(async () => (await skips()) > 1, { what: "two health checks" });
    expect(writer.unread()).toEqual([]);
    rmSync(gate);
    const messages = await writer.readUntil("Z", 20_000);
    expect(messages.map(({ type }) => type)).not.toContain("E");
    roles.switched();
    for (let count = 0; count < 5; count++) {
      expect(await writes()).toBe(String(roles.primary.port));
    }
    expect(await old.query("SELECT count(*) FROM t")).toEqual([{ count: "1" }]);
    await waitForRoles("up primary", "down standby");
  }, 60_000);
});

describe("all servers that fail", () => {
  it.each(
    [
      ["the primary", ["primary", "standby"]],
      ["the standby", ["standby", "primary"]],
    ] as const,
  )("serve again by themselves when %s comes back first", async (_first, order) => {
    await start({ auto_failback: true, failover_wait_timeout: 1 });
    await writes();
    await roles.waitForReplay();
    await Promise.all([roles.primary.kill(), roles.standby.kill()]);
    await waitFor(() => (pgpool.log().match(/=== Failover done/g) ?? []).length === 2, {
      what: "both to be taken out",
    });
    await expect(logIn(pgpool)).rejects.toMatchObject({ sqlState: expect.any(String) });
    for (const role of order) await roles[role].start();
    expect(await writes()).toBe(String(roles.primary.port));
    await waitForRoles("up primary", "up standby");
  }, 60_000);

  it("wait for an operator when failover_command was called for the primary", async () => {
    await start({
      auto_failback: true,
      failover_command: promotingCommand(roles.cluster),
      search_primary_node_timeout: 1,
      failover_wait_timeout: 1,
    });
    await writes();
    await Promise.all([roles.primary.kill(), roles.standby.kill()]);
    await waitFor(() => (pgpool.log().match(/=== Failover done/g) ?? []).length === 2, {
      what: "both to be taken out",
    });
    await roles.primary.start();
    await roles.standby.start();
    await pgpool.waitForLog(/node \d answers again but is not used/);
    await withPcp(pgpool, (pcp) => pcp.attachNode(roles.primaryId));
    expect(await writes()).toBe(String(roles.primary.port));
    await waitForRoles("up primary", "up standby");
  }, 60_000);
});

describe("a failover_command", () => {
  it.each(["smart", "immediate"] as const)(
    "that hangs ends with pgpool, stopped in the mode %s",
    async (mode) => {
      const file = join(roles.cluster.dir, "hanging.pid");
      rmSync(file, { force: true });
      const text = `#!/bin/sh\necho $$ > ${file}\nexec sleep 600\n`;
      await start({ failover_command: writeScript(roles.cluster, "hang.sh", text) });
      await roles.standby.kill();
      const pid = await waitFor(() => existsSync(file) && Number(readFileSync(file, "utf8")), {
        what: "the script",
      });
      expect(await pgpool.stop(mode, 10_000)).toBe(0);
      await waitFor(() => !existsSync(`/proc/${pid}`), { what: "the script to end" });
    },
    60_000,
  );

  it("that does not exist is told of in the log, and the pool goes on", async () => {
    await start({ failover_command: "/nowhere/failover.sh %d" });
    await roles.standby.kill();
    await pgpool.waitForLog(/WARNING: {2}failover_command exited with status 127/);
    await pgpool.waitForLog(/=== Failover done/);
    expect(pgpool.log()).toMatch(/\/nowhere\/failover\.sh.*not found/);
    expect(await writes()).toBe(String(roles.primary.port));
  }, 60_000);
});

describe("a pgpool_status that is out of date", () => {
  /** What the file says of the primary and of the standby. */
  const files = (ofPrimary: string, ofStandby: string) => {
    const lines = roles.primaryId === 0 ? [ofPrimary, ofStandby] : [ofStandby, ofPrimary];
    return { pgpool_status: `${lines.join("\n")}\n` };
  };

  it("does not keep a primary out that all others agree to", async () => {
    await start({ auto_failback: true }, files("down", "up"));
    expect(await writes()).toBe(String(roles.primary.port));
    await waitForRoles("up primary", "up standby");
  }, 60_000);

  it("keeps one out that another may be ahead of, until it is attached", async () => {
    await roles.standby.kill();
    await start(
      { auto_failback: true, search_primary_node_timeout: 1, failover_wait_timeout: 1 },
      files("down", "up"),
    );
    await pgpool.waitForLog(/node \d answers again but is not used/);
    await expect(logIn(pgpool)).rejects.toMatchObject({ sqlState: "08S01" });
    await withPcp(pgpool, (pcp) => pcp.attachNode(roles.primaryId));
    expect(await writes()).toBe(String(roles.primary.port));
  }, 60_000);
});
