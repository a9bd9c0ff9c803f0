/** The administration of a pool with psql and drivers, on the PCP port. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import pg from "pg";
import postgres from "postgres";
import { md5Hex } from "../../../lib/auth/md5.ts";
import { buildVerifier, formatVerifier } from "../../../lib/auth/scram-verifier.ts";
import { clientProgram } from "../../support/clients.ts";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { cancel, RawClient } from "../../support/raw-client.ts";
import { psql } from "../support/client-programs.ts";
import { TLS_SETTINGS, tlsFiles } from "../tls/certificates.ts";

const PASSWORD = "the password";
const VERIFIER = formatVerifier(buildVerifier(PASSWORD, Buffer.from("0123456789abcdef"), 4096));

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  cluster = await TestCluster.start();
  pgpool = await startPgpool({
    cluster,
    config: { ...TLS_SETTINGS, backend_weight1: 3, health_check_period: 30 },
    files: tlsFiles(),
    pcp: `admin:${md5Hex(PASSWORD)}\nscram:${VERIFIER}\n`,
  });
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** psql on the PCP port; with more of a connection string. */
function ask(input: string, connection = "user=admin", ...args: string[]) {
  const target = `host=127.0.0.1 password='${PASSWORD}' dbname=pgpool ${connection}`;
  return psql(input, { port: pgpool.pcpPort }, ["-d", target, ...args]);
}

describe.skipIf(clientProgram("psql") === null)("psql on the PCP port", () => {
  it("connects with every kind of password, and over TLS bound to the connection", async () => {
    for (
      const connection of [
        "user=admin sslmode=disable",
        "user=admin sslmode=require",
        "user=scram sslmode=disable",
        "user=scram sslmode=require channel_binding=require",
        `user=scram host=${pgpool.socketDir}`,
      ]
    ) {
      const { status, stdout, stderr } = await ask(
        "\\conninfo\nSELECT 1 AS one",
        connection,
        "-At",
      );
      expect({ connection, status, stderr }).toEqual({ connection, status: 0, stderr: "" });
      expect(stdout).toEndWith("1\n");
    }
    const { status, stderr } = await ask("SELECT 1", "user=nobody");
    expect(status).toBe(2);
    expect(stderr).toContain('password authentication failed for user "nobody"');
  });

  it("shows the nodes as the pool's own port does, with types", async () => {
    const { stdout } = await ask("SHOW POOL_NODES;", undefined, "-At");
    expect(stdout.split("\n")[0]).toMatch(
      new RegExp(
        `^0\\|127.0.0.1\\|${cluster.primary.port}\\|\\w+\\|up\\|0.25\\|primary\\|primary\\|` +
          `\\d+\\|f\\|0\\|\\|\\|\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d[+-]\\d\\d$`,
      ),
    );
  });

  it("takes a node out and puts it back, which the log tells with who asked", async () => {
    const from = pgpool.logEnd();
    const { stdout, stderr } = await ask(
      `SELECT pcp_detach_node(1);
       SELECT status FROM pool_nodes WHERE node_id = 1;
       SELECT pcp_attach_node(1);
       SELECT status IN ('up', 'waiting') FROM pcp_node_info(1);`,
      "user=scram",
      "-At",
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("t\ndown\nt\nt\n");
    await pgpool.waitForLog(
      /LOG: +PCP: statement of user "scram" from 127\.0\.0\.1:\d+: SELECT pcp_detach_node\(1\)/,
      10_000,
      from,
    );
    expect(pgpool.log()).not.toContain(PASSWORD);
  });

  it("says what there is when something is not", async () => {
    const { status, stderr } = await ask("SELECT pcp_detach(1)");
    expect(status).toBe(3);
    expect(stderr).toContain("ERROR:  function pcp_detach() does not exist");
    expect(stderr).toContain("pcp_detach_node(node_id int4, gracefully bool DEFAULT false)");
  });

  it("finds no tables, and reloads the configuration", async () => {
    const { stdout, stderr } = await ask("\\dt\nSELECT pcp_reload_config();", undefined, "-At");
    expect(stderr + stdout).toContain("Did not find any relations.");
    expect(stdout).toEndWith("t\n");
  });
});

describe("pg (node-postgres) on the PCP port", () => {
  async function withClient<T>(act: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: pgpool.pcpPort,
      user: "scram",
      password: PASSWORD,
      database: "pgpool",
    });
    await client.connect();
    try {
      return await act(client);
    } finally {
      await client.end();
    }
  }

  it("gets values of their types, with and without parameters", async () => {
    await withClient(async (client) => {
      const { rows } = await client.query("SHOW POOL_NODES");
      expect(rows[1]).toMatchObject({
        node_id: 1,
        lb_weight: 0.75,
        load_balance_node: false,
        select_cnt: expect.stringMatching(/^\d+$/),
        last_status_change: expect.any(Date),
      });
      const one = await client.query(
        "SELECT node_id, role FROM pool_nodes WHERE port = $1 AND status <> $2",
        [cluster.server(1).port, "down"],
      );
      expect(one.rows).toEqual([{ node_id: 1, role: "standby" }]);
      const named = { name: "n", text: "SELECT pcp_node_count() AS n" };
      for (let times = 0; times < 2; times++) {
        expect((await client.query(named)).rows).toEqual([{ n: 2 }]);
      }
    });
  });

  it("is told errors with their fields, and goes on", async () => {
    await withClient(async (client) => {
      const error = await client.query("SELECT * FROM pcp_node_info($1)", [9]).catch((e) => e);
      expect(error).toMatchObject({ code: "XX000", detail: "invalid node ID : 9" });
      expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    });
  });
});

describe("postgres (porsager) on the PCP port", () => {
  it("asks with parameters, in transactions and for portions", async () => {
    const sql = postgres({
      host: "127.0.0.1",
      port: pgpool.pcpPort,
      user: "admin",
      password: PASSWORD,
      database: "pgpool",
      max: 1,
    });
    try {
      const [node] = await sql`SELECT * FROM pcp_node_info(${1})`;
      expect(node).toMatchObject({
        node_id: 1,
        weight: 0.75,
        last_status_change: expect.any(Date),
      });
      const ids = await sql.begin((transaction) =>
        transaction`SELECT node_id FROM pool_nodes WHERE role = ${"primary"}`
      );
      expect([...ids]).toEqual([{ node_id: 0 }]);
      let count = 0;
      await sql`SELECT item FROM pool_status`.cursor(50, (rows) => void (count += rows.length));
      expect(count).toBeGreaterThan(100);
      await expect(sql`SELECT pcp_detach_node(${9})`.execute()).rejects.toThrow(
        "invalid degenerate backend request",
      );
    } finally {
      await sql.end({ timeout: 5 });
    }
  });
});

describe("other clients on the PCP port", () => {
  it("may cancel, which does nothing, and may not replicate", async () => {
    const address = { host: "127.0.0.1", port: pgpool.pcpPort };
    using client = await RawClient.login({
      ...address,
      user: "admin",
      password: PASSWORD,
      minor: 2,
    });
    await cancel(address, client.backendKey());
    expect(await client.query("SELECT 1")).toContain("CommandComplete(SELECT 1)");
    const replicating = RawClient.login({
      ...address,
      user: "admin",
      password: PASSWORD,
      parameters: { replication: "true" },
    });
    await expect(replicating).rejects.toThrow("does not support replication connections");
  });
});
