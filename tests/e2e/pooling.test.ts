/** Server connections are shared by clients, and nothing of one client reaches the next. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { TestCluster } from "../support/cluster.ts";
import * as frontend from "../support/frontend.ts";
import { type Pgpool, startPgpool } from "../support/pgpool.ts";
import { SUPERUSER } from "../support/postgres.ts";
import type { RawClient } from "../support/raw-client.ts";
import { waitFor } from "../support/wait.ts";
import { failureOf, logIn, rowsOf, valueOf } from "./support/nodes.ts";

const PID = "SELECT pg_backend_pid()";

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
  await cluster.query("CREATE ROLE guest LOGIN; CREATE TABLE t (id int)");
  // One worker, so that clients find each other's connections.
  pgpool = await startPgpool({ cluster, config: { worker_processes: 1 } });
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** A client says goodbye and is forgotten by pgpool. */
async function leave(client: RawClient): Promise<void> {
  client.send(frontend.terminate);
  await client.readToEnd();
}

/** Lets a client do something, then gives the next one, which has the same server process. */
async function after(act: (first: RawClient) => Promise<unknown>): Promise<RawClient> {
  const first = await logIn(pgpool);
  const pid = await valueOf(first, PID);
  await act(first);
  await leave(first);
  return await waitFor(async () => {
    const next = await logIn(pgpool);
    if (await valueOf(next, PID) === pid) return next;
    await leave(next);
    return undefined;
  }, { what: "the connection to be handed on" }) ?? first;
}

/** Whether the server process still exists. */
async function lives(pid: string | null): Promise<boolean> {
  const rows = await cluster.query("SELECT FROM pg_stat_activity WHERE pid = $1", [String(pid)]);
  return rows.length > 0;
}

describe("the next client with the same server connection", () => {
  it("has its own role", async () => {
    using next = await after((first) => rowsOf(first, "SET ROLE guest"));
    expect(await rowsOf(next, "SELECT current_user, session_user")).toEqual([
      [SUPERUSER, SUPERUSER],
    ]);
  });

  it("is authorized as itself", async () => {
    using next = await after((first) => rowsOf(first, "SET SESSION AUTHORIZATION guest"));
    expect(await rowsOf(next, "SELECT current_user, session_user")).toEqual([
      [SUPERUSER, SUPERUSER],
    ]);
  });

  it("has its own settings, also those that were reported to the client before", async () => {
    using next = await after(async (first) => {
      await rowsOf(first, "SET work_mem = '5MB'");
      await rowsOf(first, "SET DateStyle = 'German'");
      await rowsOf(first, "SET search_path = pg_catalog");
    });
    expect(await valueOf(next, "SHOW work_mem")).not.toBe("5MB");
    expect(await valueOf(next, "SHOW search_path")).toBe('"$user", public');
    const told = next.received.filter(({ type }) => type === "S").map(({ body }) => String(body));
    expect(told).toContain("DateStyle\0ISO, MDY\0");
  });

  it("sees no temporary tables", async () => {
    using next = await after((first) => rowsOf(first, "CREATE TEMP TABLE secret (i int)"));
    expect(await failureOf(next, "SELECT * FROM secret")).toBe("42P01");
  });

  it("finds advisory locks free", async () => {
    using next = await after((first) => rowsOf(first, "SELECT pg_advisory_lock(7)"));
    using other = await logIn(pgpool);
    expect(await valueOf(other, "SELECT pg_try_advisory_lock(7)")).toBe("t");
    await leave(next);
  });

  it("gets no notifications", async () => {
    using next = await after((first) => rowsOf(first, "LISTEN gossip"));
    await cluster.query("NOTIFY gossip");
    expect(await rowsOf(next, "SELECT * FROM pg_listening_channels()")).toEqual([]);
    expect(next.received.filter(({ type }) => type === "A")).toEqual([]);
  });

  it("may use names of prepared statements, of both kinds, anew", async () => {
    using next = await after(async (first) => {
      await rowsOf(first, "PREPARE s AS SELECT 1");
      await first.exchange(frontend.parse("SELECT 1", "p"), frontend.sync);
    });
    expect(await failureOf(next, "PREPARE s AS SELECT 2")).toBe("");
    expect(await next.exchange(frontend.parse("SELECT 2", "p"), frontend.sync)).toEqual([
      "ParseComplete",
      "ReadyForQuery(I)",
    ]);
  });

  it("finds no cursors", async () => {
    using next = await after(async (first) => {
      await rowsOf(first, "BEGIN");
      await rowsOf(first, "DECLARE held CURSOR WITH HOLD FOR SELECT 1");
      await rowsOf(first, "COMMIT");
    });
    expect(await rowsOf(next, "SELECT name FROM pg_cursors WHERE name = 'held'")).toEqual([]);
  });

  it("is in no transaction, and what was not committed is gone", async () => {
    using next = await after(async (first) => {
      await rowsOf(first, "BEGIN");
      await rowsOf(first, "INSERT INTO t VALUES (1)");
    });
    expect(await valueOf(next, "SELECT count(*) FROM t")).toBe("0");
    expect(await failureOf(next, "VACUUM t")).toBe("");
  });

  it("is in no failed transaction either", async () => {
    using next = await after(async (first) => {
      await rowsOf(first, "BEGIN");
      await failureOf(first, "SELECT 1/0");
    });
    expect(await valueOf(next, "SELECT 1")).toBe("1");
  });

  it("has its own application_name", async () => {
    const first = await logIn(pgpool, { parameters: { application_name: "first's" } });
    const pid = await valueOf(first, PID);
    await leave(first);
    using next = await logIn(pgpool, { parameters: { application_name: "next 'n \\ all" } });
    expect(await valueOf(next, PID)).toBe(pid);
    expect(await valueOf(next, "SHOW application_name")).toBe("next 'n \\ all");
    await leave(next);
    using nameless = await logIn(pgpool);
    expect(await valueOf(nameless, PID)).toBe(pid);
    expect(await valueOf(nameless, "SHOW application_name")).toBe("");
    const told = nameless.received.filter(({ type }) => type === "S").map(({ body }) =>
      String(body)
    );
    expect(told).toContain("application_name\0\0");
  });
});

describe("who shares a connection", () => {
  it("clients of the same user and database, one after the other", async () => {
    const pids = new Set<string | null>();
    for (let turn = 0; turn < 10; turn++) {
      const client = await logIn(pgpool);
      pids.add(await valueOf(client, PID));
      await leave(client);
    }
    expect(pids.size).toBe(1);
  });

  it("not clients of another user, another database or with other start-up options", async () => {
    const pids = new Set<string | null>();
    for (
      const options of [
        {},
        { user: "guest" },
        { database: "template1" },
        { parameters: { options: "-c work_mem=5MB" } },
        { parameters: { client_encoding: "LATIN1" } },
      ]
    ) {
      const client = await logIn(pgpool, options);
      pids.add(await valueOf(client, PID));
      await leave(client);
    }
    expect(pids.size).toBe(5);
  });

  it("nobody in template1: its connections are closed", async () => {
    const client = await logIn(pgpool, { database: "template1" });
    const pid = await valueOf(client, PID);
    await leave(client);
    await waitFor(async () => !await lives(pid), { what: "the connection to be closed" });
  });

  it("clients that left in the middle of a query leave nothing to anybody", async () => {
    const client = await logIn(pgpool);
    const pid = await valueOf(client, PID);
    client.send(frontend.query("SELECT pg_sleep(60)"));
    client.close();
    using next = await logIn(pgpool);
    expect(await valueOf(next, PID)).not.toBe(pid);
    await cluster.query("SELECT pg_terminate_backend($1::int)", [String(pid)]);
  });

  it("no connection that the server has ended is handed out", async () => {
    const client = await logIn(pgpool);
    const pid = await valueOf(client, PID);
    await leave(client);
    await cluster.query("SELECT pg_terminate_backend($1::int, 5000)", [String(pid)]);
    using next = await logIn(pgpool);
    expect(await valueOf(next, PID)).not.toBe(pid);
    expect(await rowsOf(next, "SHOW pool_nodes")).toEqual([
      expect.arrayContaining(["0", "up", "primary"]),
    ]);
  });
});

describe("many clients", () => {
  it("that only connect do not exhaust the server", async () => {
    await cluster.query("CREATE ROLE limited LOGIN CONNECTION LIMIT 3");
    const clients: RawClient[] = [];
    for (let n = 0; n < 10; n++) clients.push(await logIn(pgpool, { user: "limited" }));
    for (const client of clients) {
      expect(await valueOf(client, "SELECT current_user")).toBe("limited");
      await leave(client);
    }
  });

  it("create and drop databases and roles at once", async () => {
    await Promise.all(Array.from({ length: 20 }, async (_, n) => {
      using client = await logIn(pgpool);
      await rowsOf(client, `CREATE ROLE owner${n} LOGIN`);
      await rowsOf(client, `CREATE DATABASE db${n} OWNER owner${n} STRATEGY wal_log`);
      using own = await logIn(pgpool, { user: `owner${n}`, database: `db${n}` });
      expect(await valueOf(own, "SELECT current_database()")).toBe(`db${n}`);
      await leave(own);
      await rowsOf(client, `DROP DATABASE db${n}`);
      await rowsOf(client, `DROP ROLE owner${n}`);
    }));
    expect(await cluster.query("SELECT datname FROM pg_database WHERE datname ~ '^db'")).toEqual(
      [],
    );
  }, 60_000);

  it("may drop a database that pooled connections are in", async () => {
    using client = await logIn(pgpool);
    await rowsOf(client, "CREATE DATABASE short_lived");
    for (let n = 0; n < 3; n++) {
      const inside = await logIn(pgpool, { database: "short_lived" });
      await valueOf(inside, "SELECT 1");
      await leave(inside);
    }
    expect(await failureOf(client, "DROP DATABASE short_lived")).toBe("");
  });
});
