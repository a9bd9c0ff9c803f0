/** The commands that pgpool itself answers. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import reference from "../data/parameters.json" with { type: "json" };
import * as frontend from "../support/frontend.ts";
import { SUPERUSER } from "../support/postgres.ts";
import type { RawClient } from "../support/raw-client.ts";
import { errorFields, rowValues, transcript } from "../support/transcript.ts";
import { waitFor } from "../support/wait.ts";
import { failureOf, logIn, rowsOf, valueOf } from "./support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

const CLIENTS = 6;
const MAX_POOL = 2;

let pool: ReplicatedPool;
let client: RawClient;

beforeAll(async () => {
  pool = await startReplicatedPool({
    num_init_children: CLIENTS,
    max_pool: MAX_POOL,
    worker_processes: 2,
    health_check_period: 30,
  });
  await pool.cluster.query("CREATE TABLE t (id int)");
  // A client's arrival is told between the processes, so nodes are up a moment later.
  client = await logIn(pool.pgpool);
  const statuses = async () => (await show("SHOW POOL_NODES")).map(({ status }) => status);
  await waitFor(async () => (await statuses()).join() === "up,up", { what: "both nodes to be up" });
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  client?.close();
  client = await logIn(pool.pgpool);
});

/** The rows of a SHOW command by the names of their columns. */
async function show(command: string, on = client): Promise<Record<string, string>[]> {
  on.send(frontend.query(command));
  const messages = await on.readUntil("Z");
  const described = transcript(messages).find((line) => line.startsWith("RowDescription("));
  const columns = [...described?.matchAll(/(\w+) 0\.\d+ type/g) ?? []].map(([, name]) => name);
  return messages.filter(({ type }) => type === "D").map((row) =>
    Object.fromEntries(rowValues(row).map((value, at) => [columns[at], value ?? "NULL"]))
  );
}

/** A number of each node, by its id. */
async function counts(command: string, column: string): Promise<number[]> {
  return (await show(command)).map((row) => Number(row[column]));
}

describe("SHOW POOL_NODES", () => {
  it("describes every node", async () => {
    await valueOf(client, "SELECT 1");
    const [primary, standby] = await show("SHOW POOL_NODES");
    const { cluster } = pool;
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect(primary).toEqual({
      node_id: "0",
      hostname: cluster.primary.host,
      port: String(cluster.primary.port),
      status: "up",
      pg_status: "up",
      lb_weight: "0.000000",
      role: "primary",
      pg_role: "primary",
      select_cnt: "0",
      load_balance_node: "false",
      replication_delay: "0",
      replication_state: "",
      replication_sync_state: "",
      last_status_change: time,
    });
    expect(standby).toEqual({
      node_id: "1",
      hostname: cluster.server(1).host,
      port: String(cluster.server(1).port),
      status: "up",
      pg_status: "up",
      lb_weight: "1.000000",
      role: "standby",
      pg_role: "standby",
      select_cnt: expect.stringMatching(/^\d+$/),
      load_balance_node: "true",
      replication_delay: expect.stringMatching(/^\d+$/),
      replication_state: "streaming",
      replication_sync_state: "sync",
      last_status_change: time,
    });
  });

  it("counts SELECTs of all workers exactly, and itself not", async () => {
    const before = await counts("SHOW POOL_NODES", "select_cnt");
    const clients = await Promise.all([1, 2, 3, 4].map(() => logIn(pool.pgpool)));
    await Promise.all(clients.map(async (each) => {
      for (let n = 0; n < 5; n++) await valueOf(each, "SELECT 1");
      await rowsOf(each, "SELECT random()");
      each.close();
    }));
    await show("SHOW POOL_NODES");
    const after = await counts("show pool_nodes", "select_cnt");
    expect(after.map((count, node) => count - (before[node] ?? 0))).toEqual([4, 20]);
  });

  it("looks the same in any case and with a semicolon", async () => {
    const tags = (lines: string[]) => lines.filter((line) => line.startsWith("CommandComplete"));
    expect(tags(await client.query("show POOL_nodes ;"))).toEqual(["CommandComplete(SELECT 2)"]);
  });
});

describe("SHOW POOL_PROCESSES and SHOW POOL_POOLS", () => {
  it("have a row for every place for a client", async () => {
    const rows = await show("SHOW POOL_PROCESSES");
    expect(rows).toHaveLength(CLIENTS);
    expect(rows.filter(({ status }) => status === "Execute command")).toEqual([
      expect.objectContaining({ database: "postgres", username: SUPERUSER }),
    ]);
    const workers = new Set(rows.map(({ pool_pid: pid }) => Number(pid)));
    expect(workers.size).toBe(2);
    for (const pid of workers) expect(pool.pgpool.pids()).toContain(pid);
  });

  it("tell what others do", async () => {
    using idle = await logIn(pool.pgpool);
    await valueOf(idle, "SELECT 1");
    using inTransaction = await logIn(pool.pgpool);
    await rowsOf(inTransaction, "BEGIN");
    const statuses = (await show("SHOW POOL_PROCESSES")).map(({ status }) => status).sort();
    expect(statuses).toEqual(
      ["Execute command", "Idle", "Idle in transaction", ...Array(3).fill("Wait for connection")],
    );
  });

  it("have a row for every place, pool and node", async () => {
    const rows = await show("SHOW POOL_POOLS");
    expect(rows).toHaveLength(CLIENTS * MAX_POOL * 2);
    expect(Object.keys(rows[0] ?? {})).toHaveLength(21);
  });

  it("tell the address and the statement of a client", async () => {
    using other = await logIn(pool.pgpool);
    await valueOf(other, "SELECT 'find me'");
    const address = other.socket.address();
    const port = "port" in address ? String(address.port) : "";
    const rows = (await show("SHOW POOL_POOLS")).filter((row) => row["client_port"] === port);
    expect(rows).toHaveLength(MAX_POOL * 2);
    for (const row of rows) expect(row["client_host"]).toBe("127.0.0.1");
    expect(rows.filter(({ statement }) => statement === "SELECT 'find me'")).toEqual([
      expect.objectContaining({
        pool_id: "0",
        backend_id: "1",
        pool_connected: "1",
        load_balance_node: "1",
        majorversion: "3",
        status: "Idle",
      }),
      ...Array(MAX_POOL - 1).fill(
        expect.objectContaining({ backend_id: "1", pool_connected: "0" }),
      ),
    ]);
  });

  it("tell the statement that a prepared one stands for", async () => {
    using other = await logIn(pool.pgpool);
    await other.exchange(frontend.parse("SELECT 'prepared'", "p"), frontend.sync);
    await other.exchange(frontend.parse("SELECT 'another'"), frontend.sync);
    await other.exchange(frontend.bind({ statement: "p" }), frontend.execute(), frontend.sync);
    const statements = (await show("SHOW POOL_POOLS")).map(({ statement }) => statement);
    expect(statements).toContain("SELECT 'prepared'");
  });
});

describe("other SHOW commands", () => {
  it("SHOW POOL_VERSION tells the version", async () => {
    expect(await rowsOf(client, "SHOW POOL_VERSION")).toEqual([["4.7.2 (tasukiboshi)"]]);
  });

  it("SHOW POOL_STATUS lists the parameters", async () => {
    const items = new Map((await rowsOf(client, "SHOW POOL_STATUS")).map(([item, value]) => [
      item,
      value,
    ]));
    expect(items.get("num_init_children")).toBe(String(CLIENTS));
    expect(items.get("backend_port1")).toBe(String(pool.cluster.server(1).port));
    expect(items.get("backend_status1")).toBe("up");
    expect([...items.keys()].filter((item) => item?.includes("backend_data"))).toHaveLength(2);
  });

  it("SHOW POOL_BACKEND_STATS counts by kind of statement", async () => {
    const before = await show("SHOW POOL_BACKEND_STATS");
    await rowsOf(client, "INSERT INTO t VALUES (1)");
    await rowsOf(client, "UPDATE t SET id = 2");
    await rowsOf(client, "DELETE FROM t");
    await rowsOf(client, "CREATE TABLE gone ()");
    await rowsOf(client, "DROP TABLE gone");
    await rowsOf(client, "SELECT 1");
    await failureOf(client, "SELECT 1/0");
    const after = await show("SHOW POOL_BACKEND_STATS");
    const grown = (node: number, column: string) =>
      Number(after[node]?.[column]) - Number(before[node]?.[column]);
    const columns = ["insert_cnt", "update_cnt", "delete_cnt", "ddl_cnt"];
    expect(columns.map((column) => grown(0, column))).toEqual([1, 1, 1, 2]);
    expect([grown(1, "select_cnt"), grown(1, "error_cnt"), grown(0, "select_cnt")]).toEqual(
      [2, 1, 0],
    );
  });

  it("SHOW POOL_CACHE and SHOW POOL_HEALTH_CHECK_STATS have their columns", async () => {
    expect(Object.keys((await show("SHOW POOL_CACHE"))[0] ?? {})).toContain("cache_hit_ratio");
    const stats = await show("SHOW POOL_HEALTH_CHECK_STATS");
    expect(stats.map(({ node_id: id, role }) => [id, role])).toEqual([
      ["0", "primary"],
      ["1", "standby"],
    ]);
  });

  it("an unknown one is the server's to refuse", async () => {
    expect(await failureOf(client, "SHOW pool_foo")).toBe("42704");
  });
});

describe("PGPOOL SHOW, SET and RESET", () => {
  it("show a parameter, a group and all", async () => {
    expect(await rowsOf(client, "PGPOOL SHOW num_init_children")).toEqual([[String(CLIENTS)]]);
    expect(await rowsOf(client, "PGPOOL SHOW backend_port1")).toEqual([
      [String(pool.cluster.server(1).port)],
    ]);
    expect((await rowsOf(client, "pgpool show backend")).length).toBeGreaterThan(10);
    expect((await rowsOf(client, "PGPOOL SHOW ALL")).length).toBeGreaterThan(190);
  });

  it("show every parameter of Pgpool-II", async () => {
    for (const { name, indexed } of reference.parameters) {
      const asked = indexed !== null && !indexed.bare_name_allowed ? `${name}0` : name;
      const rows = await rowsOf(client, `PGPOOL SHOW "${asked}"`);
      // Those of every server have a row for all, and one for each of the two servers.
      expect([asked, rows.length]).toEqual([asked, indexed?.bare_name_allowed ? 3 : 1]);
    }
  });

  it("set a parameter for the session and set it back", async () => {
    const limit = "PGPOOL SHOW client_idle_limit";
    expect(await client.query("PGPOOL SET client_idle_limit = 30")).toEqual([
      "CommandComplete(SET)",
      "ReadyForQuery(I)",
    ]);
    expect(await valueOf(client, limit)).toBe("30s");
    using other = await logIn(pool.pgpool);
    expect(await valueOf(other, limit)).toBe("0");
    expect(await client.query("PGPOOL RESET client_idle_limit")).toContain("CommandComplete(SET)");
    expect(await valueOf(client, limit)).toBe("0");
    await rowsOf(client, "PGPOOL SET client_idle_limit TO 40");
    expect(await client.query("PGPOOL RESET ALL")).toContain("CommandComplete(RESET)");
    expect(await valueOf(client, limit)).toBe("0");
  });

  it("say what is wrong, and the session goes on", async () => {
    const complaint = async (sql: string) => {
      client.send(frontend.query(sql));
      const error = (await client.readUntil("Z")).find(({ type }) => type === "E");
      return error === undefined ? "" : errorFields(error).M;
    };
    expect(await complaint("PGPOOL SHOW nothing")).toBe('config variable "nothing" not found');
    expect(await complaint("PGPOOL SET nothing = 1")).toBe(
      'unrecognized configuration parameter "nothing"',
    );
    expect(await complaint("PGPOOL SET port = 1")).toBe(
      'invalid Context, value for parameter "port" cannot be changed',
    );
    expect(await valueOf(client, "SELECT 1")).toBe("1");
  });
});

describe("in a transaction", () => {
  it("that has failed they are refused", async () => {
    await rowsOf(client, "BEGIN");
    await failureOf(client, "SELECT 1/0");
    for (const command of ["SHOW POOL_NODES", "PGPOOL SHOW port"]) {
      expect((await client.query(command)).at(-1)).toBe("ReadyForQuery(E)");
      expect(await failureOf(client, command)).toBe("25P02");
    }
    expect(await failureOf(client, "ROLLBACK")).toBe("");
  });

  it("that is open they leave it open", async () => {
    await rowsOf(client, "BEGIN");
    await show("SHOW POOL_NODES");
    expect(await client.query("COMMIT")).toContain("CommandComplete(COMMIT)");
  });
});

it("clients that have left are gone from the lists", async () => {
  const left = await logIn(pool.pgpool);
  await valueOf(left, "SELECT 1");
  left.close();
  await waitFor(
    async () => (await show("SHOW POOL_PROCESSES")).filter(({ username }) => username).length === 1,
    { what: "the client to be forgotten" },
  );
});
