/** Recovery in a replication mode: clients leave before the second stage and wait until its end. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { errorFields } from "../../support/transcript.ts";
import { logIn, valueOf } from "../support/nodes.ts";
import { addScript, Recoverable } from "./recoverable.ts";

let pool: Recoverable;

beforeAll(async () => {
  pool = await Recoverable.start({
    backend_clustering_mode: "native_replication",
    recovery_2nd_stage_command: "second.sql",
    recovery_timeout: 3,
  });
  addScript(pool.cluster.primary, "second.sql", "SELECT pg_sleep(1)");
}, 60_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

describe("the second stage", () => {
  beforeEach(async () => {
    await pool.loseStandby();
  }, 20_000);

  it("is not begun while clients stay, who go on with their work", async () => {
    using client = await logIn(pool.pgpool);
    expect((await pool.failure(1)).message)
      .toBe("node recovery failed, clients did not leave within 3 seconds");
    expect(await valueOf(client, "SELECT 1")).toBe("1");
    expect(await pool.statuses()).toBe("up down");
  }, 20_000);

  it("ends idle clients with client_idle_limit_in_recovery, and lets new ones wait", async () => {
    await pool.reload({ client_idle_limit_in_recovery: -1 });
    const from = pool.pgpool.logEnd();
    using idle = await logIn(pool.pgpool);
    const told = pool.recover(1);
    await pool.pgpool.waitForLog(/2nd stage: running "second.sql" on node 0/, 10_000, from);
    const [last] = (await idle.readUntil("E")).slice(-1);
    expect(last === undefined ? "" : errorFields(last).C).toBe("57P05");
    using late = await logIn(pool.pgpool);
    expect(pool.pgpool.log().slice(from)).toContain("=== Failback done. reconnect host");
    expect(await valueOf(late, "SELECT 1")).toBe("1");
    expect(await told).toContain("waiting for clients to leave");
  }, 20_000);
});
