/** Nodes that come back, that are false, or that are not there at all, with real servers. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { startPgpool } from "../../support/pgpool.ts";
import { waitFor } from "../../support/wait.ts";
import { refusal } from "../support/logins.ts";
import { failureOf, logIn, rowsOf } from "../support/nodes.ts";
import { Scripted } from "./scripted.ts";

const NO_COMMANDS = { failover_command: "", follow_primary_command: "" };

let pool: Scripted;

beforeAll(async () => {
  pool = await Scripted.start();
}, 60_000);

afterEach(async () => {
  for (const server of pool.cluster.servers) await server.start();
  await pool.reset();
}, 60_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

/** Seconds between the first two lines of the log that match. */
function secondsBetween(pattern: string): number {
  const lines = pool.pgpool.log().split("\n").filter((line) => line.includes(pattern));
  const [first = NaN, second = NaN] = lines.map((line) => Date.parse(line.slice(0, 23)));
  return (second - first) / 1000;
}

describe("auto_failback", () => {
  it("takes a standby back that streams again, and no sooner than the interval", async () => {
    await pool.startPgpool({ ...NO_COMMANDS, auto_failback: true, auto_failback_interval: 4 });
    const standby = pool.cluster.server(2);
    for (let time = 1; time <= 2; time++) {
      await standby.stop();
      await pool.waitForNodes("up primary, up standby, down standby");
      await standby.start();
      await pool.waitForNodes("up primary, up standby, up standby");
    }
    expect(secondsBetween("request auto failback, node id:2")).toBeGreaterThan(4);
  }, 60_000);
});

describe("pgpool_status", () => {
  it("keeps a node down, be it the primary, until it is attached and checked again", async () => {
    await pool.startPgpool(
      { ...NO_COMMANDS, search_primary_node_timeout: 1, failover_wait_timeout: 1 },
      { pgpool_status: "down \nup\nup" },
    );
    {
      using client = await logIn(pool.pgpool);
      expect(await failureOf(client, "INSERT INTO t VALUES (1)")).toBe("25006");
    }
    await pool.waitForNodes("down standby, up standby, up standby");
    await pool.asAdmin((pcp) => pcp.attachNode(0));
    await pool.waitForWrites();
    await pool.cluster.primary.stop();
    await pool.waitForNodes("down standby, up standby, up standby");
  }, 60_000);
});

describe("DISALLOW_TO_FAILOVER", () => {
  it("keeps a dead primary in use; who needs it is told in Pgpool-II's words", async () => {
    await pool.startPgpool({ ...NO_COMMANDS, backend_flag0: "DISALLOW_TO_FAILOVER" });
    await pool.cluster.primary.stop();
    await pool.pgpool.waitForLog(/node 0 but failover is disallowed for the node/);
    expect(await refusal({ port: pool.pgpool.port })).toMatchObject({
      S: "FATAL",
      D: expect.stringMatching(/^executing failover on backend\n/),
    });
    expect(pool.pgpool.log()).not.toMatch(/degeneration/);
  }, 60_000);
});

describe("a second primary", () => {
  it("is detached with detach_false_primary, and the true one stays", async () => {
    await pool.startPgpool({ ...NO_COMMANDS, detach_false_primary: true, auto_failback: true });
    await pool.waitForWrites();
    await pool.cluster.server(2).promote();
    await pool.waitForNodes("up primary, up standby, down standby");
    await pool.pgpool.waitForLog(/primary 2 owns only 0 standbys out of 1/);
    await pool.waitForWrites();
    await pool.pgpool.waitForLog(/node 2 answers again but is not used/);
  }, 60_000);
});

describe("delays from a command", () => {
  it("are shown and keep reads from a standby that is late", async () => {
    const delays = pool.script("delays", '#!/bin/sh\necho "$*" > "$CALLS"\necho 0 2000\n');
    await pool.startPgpool({
      ...NO_COMMANDS,
      backend_weight0: 0,
      backend_weight1: 0,
      replication_delay_source_cmd: delays,
      delay_threshold_by_time: 1000,
    });
    await waitFor(async () => {
      using client = await logIn(pool.pgpool);
      const rows = await rowsOf(client, "SHOW POOL_NODES");
      return rows[2]?.[10]?.startsWith("2.000000");
    }, { what: "the delay of node 2" });
    const [, one, two] = pool.cluster.servers;
    expect(pool.calls()).toEqual([`127.0.0.1:${one?.port} 127.0.0.1:${two?.port}`]);
    using client = await logIn(pool.pgpool);
    expect(await rowsOf(client, "SELECT current_setting('port')"))
      .toEqual([[String(pool.cluster.primary.port)]]);
  }, 60_000);
});

describe("pgpool before servers that are all down", () => {
  it("says so, and can be stopped at once", async () => {
    const { servers } = pool.cluster;
    await Promise.all(servers.map((server) => server.stop()));
    await using pgpool = await startPgpool({
      cluster: pool.cluster,
      config: { search_primary_node_timeout: 1 },
    });
    await pgpool.waitForLog(/=== Failover done\. shutdown host 127\.0\.0\.1/, 15_000);
    expect(await pgpool.stop("fast", 5000)).toBe(0);
  }, 60_000);
});
