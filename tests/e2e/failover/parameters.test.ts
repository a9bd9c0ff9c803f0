/** Flags and parameters that say when a server that fails is taken out, and when it is not. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import type { Settings } from "../../support/config-file.ts";
import * as frontend from "../../support/frontend.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { errorFields } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { promotingCommand } from "../support/failover-commands.ts";
import { logIn, statesOf, valueOf } from "../support/nodes.ts";
import { Roles } from "./roles.ts";

const WHERE = "SELECT current_setting('port')";
const WRITE = "INSERT INTO t VALUES (1) RETURNING current_setting('port')";
const FAILOVER = /=== Starting degeneration/;

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

async function start(config: Settings = {}): Promise<void> {
  pgpool = await startPgpool({
    cluster: roles.cluster,
    config: {
      ...roles.readsOnStandby,
      worker_processes: 1,
      failover_command: promotingCommand(roles.cluster),
      ...config,
    },
  });
  await pgpool.waitForLog(/pgpool-II successfully started/);
}

/** Port of the server that a new client reads on. */
async function reads(): Promise<string | null> {
  using client = await logIn(pgpool);
  return await valueOf(client, WHERE);
}

/** Waits until new clients read on the standby. */
async function waitForStandby(): Promise<void> {
  await waitFor(async () => await reads() === String(roles.standby.port), {
    what: "reads on the standby",
  });
}

describe("DISALLOW_TO_FAILOVER", () => {
  it("keeps a standby that is gone in use; clients read elsewhere until it is back", async () => {
    await start({
      health_check_period: 1,
      [`backend_flag${roles.standbyId}`]: "DISALLOW_TO_FAILOVER",
    });
    await waitForStandby();
    await roles.standby.kill();
    expect(await reads()).toBe(String(roles.primary.port));
    await pgpool.waitForLog(/health check failed on node \d but failover is disallowed/);
    await pgpool.waitForLog(/not executing failover of backend node \d because failover is disal/);
    await roles.standby.start();
    await waitForStandby();
    expect(pgpool.log()).not.toMatch(FAILOVER);
  }, 30_000);

  it(
    "keeps a primary that is gone: writes fail until it is back, and nobody is promoted",
    async () => {
      await start({
        health_check_period: 1,
        [`backend_flag${roles.primaryId}`]: "DISALLOW_TO_FAILOVER",
      });
      using client = await logIn(pgpool);
      await valueOf(client, WRITE);
      await roles.primary.kill();
      await pgpool.waitForLog(/health check failed on node \d but failover is disallowed/);
      client.send(frontend.query(WRITE));
      const errors = (await client.readToEnd()).filter(({ type }) => type === "E").map(errorFields);
      expect(errors).toEqual([expect.objectContaining({ S: "FATAL", C: "08006" })]);
      await roles.primary.start();
      await waitFor(async () => {
        using next = await logIn(pgpool);
        return await valueOf(next, WRITE) === String(roles.primary.port);
      }, { what: "writes" });
      expect(pgpool.log()).not.toMatch(FAILOVER);
      expect(await roles.standby.isStandby()).toBe(true);
    },
    30_000,
  );
});

describe("ALWAYS_PRIMARY", () => {
  it("says who the primary is when two servers claim it", async () => {
    await roles.standby.promote();
    await start({ [`backend_flag${roles.primaryId}`]: "ALWAYS_PRIMARY" });
    for (let count = 0; count < 3; count++) {
      using client = await logIn(pgpool);
      expect(await valueOf(client, WRITE)).toBe(String(roles.primary.port));
    }
  }, 30_000);
});

describe("failover_on_backend_error = off", () => {
  it("leaves it to health checks whether a server is taken out", async () => {
    await start({ failover_on_backend_error: false, failover_on_backend_shutdown: false });
    await waitForStandby();
    await roles.standby.kill();
    expect(await reads()).toBe(String(roles.primary.port));
    await pgpool.waitForLog(
      /not executing failover of backend node \d because failover_on_backend_error is off/,
    );
    expect(await statesOf(pgpool)).not.toContain("down");
    await roles.standby.start();
    await waitForStandby();
    await roles.standby.kill();
    pgpool.reload({ health_check_period: 1 });
    await pgpool.waitForLog(FAILOVER);
  }, 30_000);
});

describe("failover_on_backend_shutdown", () => {
  it.each([
    ["on: a server that says that it shuts down is taken out", true],
    ["off: it is not", false],
  ])("%s", async (_what, isOn) => {
    await start({ failover_on_backend_error: false, failover_on_backend_shutdown: isOn });
    using client = await logIn(pgpool);
    await waitFor(async () => await valueOf(client, WHERE) === String(roles.standby.port), {
      what: "a session on the standby",
    });
    await roles.standby.stop("fast");
    if (isOn) await pgpool.waitForLog(/=== Failover done/);
    expect(await valueOf(client, WHERE)).toBe(String(roles.primary.port));
    expect(FAILOVER.test(pgpool.log())).toBe(isOn);
  }, 30_000);
});
