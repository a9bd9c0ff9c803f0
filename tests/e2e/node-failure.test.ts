/** Servers that fail, hang, return and change their roles. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { TestCluster } from "../support/cluster.ts";
import type { Settings } from "../support/config-file.ts";
import * as frontend from "../support/frontend.ts";
import { type Pgpool, startPgpool } from "../support/pgpool.ts";
import type { PostgresServer } from "../support/postgres.ts";
import type { RawClient } from "../support/raw-client.ts";
import { errorFields } from "../support/transcript.ts";
import { waitFor } from "../support/wait.ts";
import { failureOf, logIn, rowsOf, valueOf } from "./support/nodes.ts";

const WHERE = "SELECT current_setting('port')";

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  cluster = await TestCluster.start();
  await cluster.query("CREATE TABLE t (id int)");
  await cluster.waitForReplay();
}, 60_000);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  await pgpool?.[Symbol.asyncDispose]();
});

/** A pgpool that reads on the standby, unless told otherwise, and knows both nodes. */
async function start(config: Settings = {}): Promise<Pgpool> {
  pgpool = await startPgpool({
    cluster,
    config: { backend_weight0: 0, backend_weight1: 1, worker_processes: 2, ...config },
  });
  return pgpool;
}

/** Status and role of all nodes: `up primary, down standby`. */
async function nodes(): Promise<string> {
  using client = await logIn(pgpool);
  const rows = await rowsOf(client, "SHOW POOL_NODES");
  return rows.map((row) => `${row[3]} ${row[6]}`).join(", ");
}

async function waitForNodes(wanted: string): Promise<void> {
  await waitFor(async () => await nodes() === wanted, { what: wanted, deadlineMs: 15_000 });
}

/** Port of a server, as WHERE gives it. */
function portOf(id: number): string {
  return String(cluster.server(id).port);
}

/** Makes the first server the primary again. */
async function changeBack(first: PostgresServer, second: PostgresServer): Promise<void> {
  await second.stop();
  await first.promote();
  second.follow(first);
  await second.start();
  await cluster.waitForStreaming();
}

/** The error that ends a session. */
async function lastError(client: RawClient): Promise<Record<string, string>> {
  const error = (await client.readToEnd()).filter(({ type }) => type === "E").at(-1);
  if (error === undefined) throw new Error("the session ended without an error");
  return errorFields(error);
}

describe("a standby that dies", () => {
  beforeEach(() => start({ auto_failback: true }));

  afterEach(async () => {
    await cluster.server(1).start();
    await cluster.waitForStreaming();
  });

  it("hurts no session that does not use it", async () => {
    using writer = await logIn(pgpool);
    await rowsOf(writer, "BEGIN");
    await rowsOf(writer, "INSERT INTO t VALUES (1)");
    using fresh = await logIn(pgpool);
    await cluster.server(1).kill();
    expect(await valueOf(writer, "SELECT count(*) FROM t")).toBe("1");
    expect(await failureOf(writer, "ROLLBACK")).toBe("");
    expect(await failureOf(fresh, "DELETE FROM t")).toBe("");
    expect(await valueOf(fresh, WHERE)).toBe(portOf(0));
    await waitForNodes("up primary, down standby");
  });

  it("while it is idle: a session that has read there goes on with the primary", async () => {
    using reader = await logIn(pgpool);
    expect(await valueOf(reader, WHERE)).toBe(portOf(1));
    await cluster.server(1).kill();
    await waitForNodes("up primary, down standby");
    expect(await valueOf(reader, WHERE)).toBe(portOf(0));
    using next = await logIn(pgpool);
    expect(await valueOf(next, WHERE)).toBe(portOf(0));
  });

  it("while it runs a query: that session gets an error, others go on", async () => {
    using writer = await logIn(pgpool);
    await rowsOf(writer, "DELETE FROM t");
    using reader = await logIn(pgpool);
    reader.send(frontend.query("SELECT count(*) FROM t, generate_series(1, 100000000)"));
    await waitFor(
      async () =>
        (await cluster.server(1).query(
          "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1, 1%'",
        )).length > 1,
      { what: "the query to run" },
    );
    await cluster.server(1).kill();
    expect((await lastError(reader)).C).toMatch(/^(08006|57P0[12])$/);
    expect(await valueOf(writer, "SELECT 1")).toBe("1");
    await waitForNodes("up primary, down standby");
  });

  it("is used again when it has returned, with auto_failback", async () => {
    using old = await logIn(pgpool);
    expect(await valueOf(old, WHERE)).toBe(portOf(1));
    await cluster.server(1).kill();
    await waitForNodes("up primary, down standby");
    await cluster.server(1).start();
    await waitFor(async () => {
      using client = await logIn(pgpool);
      return await valueOf(client, WHERE) === portOf(1);
    }, { what: "reads on the returned standby", deadlineMs: 15_000 });
    expect(await nodes()).toMatch(/^up primary, (up|waiting) standby$/);
    expect(await valueOf(old, "SELECT 1")).toBe("1");
  });

  it("by an orderly shutdown hurts nobody who only wanted to read next", async () => {
    using reader = await logIn(pgpool);
    expect(await valueOf(reader, WHERE)).toBe(portOf(1));
    await cluster.server(1).stop();
    // A query that is sent before pgpool hears of it can not be sent again.
    await pgpool.waitForLog(/backend node 1 is reported/);
    expect(await valueOf(reader, WHERE)).toBe(portOf(0));
    using next = await logIn(pgpool);
    expect(await valueOf(next, WHERE)).toBe(portOf(0));
  });
});

describe("a standby that hangs", () => {
  afterEach(() => cluster.server(1).resume());

  it("is found out; new sessions avoid it, and those that wait for it get an error", async () => {
    await start({ connect_timeout: 1000 });
    using writer = await logIn(pgpool);
    using reader = await logIn(pgpool);
    expect(await valueOf(reader, WHERE)).toBe(portOf(1));
    cluster.server(1).pause();
    reader.send(frontend.query(WHERE));
    expect(await failureOf(writer, "DELETE FROM t")).toBe("");
    expect((await lastError(reader)).C).toMatch(/^(08006|57P0[12])$/);
    using next = await logIn(pgpool);
    expect(await valueOf(next, WHERE)).toBe(portOf(0));
  });
});

describe("sessions that are ended by an administrator", () => {
  beforeEach(() => start());

  it("are told so, and take no node down", async () => {
    using victim = await logIn(pgpool);
    const pid = await valueOf(victim, "/* on the primary */ SELECT pg_backend_pid()");
    using other = await logIn(pgpool);
    await rowsOf(other, `SELECT pg_terminate_backend(${pid})`);
    expect((await lastError(victim)).C).toBe("57P01");
    expect(await valueOf(other, "SELECT 1")).toBe("1");
    expect(await nodes()).toMatch(/^up primary, (up|waiting) standby$/);
    expect(pgpool.log()).not.toMatch(/degeneration|failover: set/);
  });

  it("are found where they are: on the standby", async () => {
    using reader = await logIn(pgpool);
    await valueOf(reader, "SELECT 1");
    const [row] = await cluster.server(1).query(
      "SELECT pid FROM pg_stat_activity WHERE query = 'SELECT 1' AND state = 'idle'",
    );
    using other = await logIn(pgpool);
    expect(await valueOf(other, `SELECT pg_terminate_backend(${row?.["pid"]})`)).toBe("t");
    await waitFor(
      async () =>
        (await cluster.server(1).query("SELECT FROM pg_stat_activity WHERE pid = $1", [
          String(row?.["pid"]),
        ])).length === 0,
      { what: "the standby's session to end" },
    );
    expect(await valueOf(reader, "SELECT 2")).toBe("2");
    expect(await nodes()).toMatch(/^up primary, (up|waiting) standby$/);
  });
});

describe("all nodes", () => {
  it("down at the start: clients are told so, and served when the servers come", async () => {
    await Promise.all(cluster.servers.map((server) => server.stop()));
    try {
      await start();
      const refused = await logIn(pgpool).catch((error: unknown) => error);
      expect(refused).toMatchObject({ sqlState: expect.stringMatching(/^(08S01|08006|57P03)$/) });
    } finally {
      await cluster.primary.start();
      await cluster.server(1).start();
    }
    await waitFor(async () => {
      using client = await logIn(pgpool);
      return await failureOf(client, "DELETE FROM t") === "" &&
        await valueOf(client, WHERE) === portOf(1);
    }, { what: "clients to be served", deadlineMs: 20_000 });
  }, 40_000);
});

describe("another primary", () => {
  it("is noticed at once when a write fails because the old one has become a standby", async () => {
    await start({ sr_check_period: 600 });
    await waitForNodes("up primary, up standby");
    const [one, two] = cluster.servers;
    if (one === undefined || two === undefined) throw new Error("two servers are needed");
    await one.stop();
    await two.promote();
    one.follow(two);
    await one.start();
    using client = await logIn(pgpool);
    expect(await failureOf(client, "INSERT INTO t VALUES (1)")).toBe("25006");
    await waitFor(async () => await failureOf(client, "INSERT INTO t VALUES (1)") === "", {
      what: "the same session to write on the new primary",
      deadlineMs: 3000,
    });
    expect(await nodes()).toMatch(/^\w+ standby, \w+ primary$/);
    await changeBack(one, two);
  });

  it("is noticed when the standby is promoted after the primary's death", async () => {
    await start();
    using client = await logIn(pgpool);
    await valueOf(client, "SELECT 1");
    await cluster.primary.kill();
    await cluster.server(1).promote();
    await waitFor(async () => {
      using next = await logIn(pgpool);
      return await failureOf(next, "INSERT INTO t VALUES (1)") === "";
    }, { what: "writes on the new primary", deadlineMs: 15_000 });
    await waitForNodes("down standby, up primary");
  });
});
