/** The administration of a pool by functions of a server: the extension pgpool_adm over dblink. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { md5Hex } from "../../../lib/auth/md5.ts";
import { runPgpool } from "../../process/support.ts";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { type Row, SUPERUSER } from "../../support/postgres.ts";
import { tempDir } from "../../support/temp.ts";
import { waitFor } from "../../support/wait.ts";

const PASSWORD = `it's a "secret" \\ password`;
const share = tempDir();

let cluster: TestCluster;
let pgpool: Pgpool;
/** Arguments of the form with an address, as SQL. */
let address: string;

beforeAll(async () => {
  mkdirSync(join(share, "extension"));
  cluster = await TestCluster.start({
    settings: { extension_control_path: `${share}:$system` },
  });
  pgpool = await startPgpool({ cluster, pcp: `admin:${md5Hex(PASSWORD)}\n` });
  address = `'127.0.0.1', ${pgpool.pcpPort}, 'admin', '${PASSWORD.replaceAll("'", "''")}'`;
  const { status } = await runPgpool(["extension", "install", "pgpool_adm", "--sharedir", share]);
  expect(status).toBe(0);
  await cluster.query("CREATE EXTENSION pgpool_adm CASCADE");
  await cluster.query("CREATE FOREIGN DATA WRAPPER pools");
  await cluster.query(
    `CREATE SERVER pool FOREIGN DATA WRAPPER pools
     OPTIONS (host '127.0.0.1', port '${pgpool.pcpPort}')`,
  );
  const quoted = PASSWORD.replaceAll("'", "''");
  await cluster.query(
    `CREATE USER MAPPING FOR ${SUPERUSER} SERVER pool OPTIONS (user 'admin', password '${quoted}')`,
  );
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** The only row of a statement. */
async function rowOf(statement: string, user = SUPERUSER): Promise<Row> {
  const rows = await cluster.primary.query(statement, [], { user });
  expect(rows).toHaveLength(1);
  return rows[0] ?? {};
}

/** What the client is told of a statement that fails. */
async function failureOf(statement: string) {
  try {
    await cluster.query(statement);
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error;
    const { code, message, detail, where } = error;
    return { code, message, detail, where };
  }
  throw new Error(`nothing went wrong with ${statement}`);
}

/** Columns of a function's result and their types, in order. */
async function resultOf(arguments_: string): Promise<string[]> {
  const { columns } = await rowOf(
    `SELECT array_agg(name || ' ' || format_type(type, NULL) ORDER BY n) AS columns
     FROM pg_proc, unnest(proargnames, proargmodes, proallargtypes) WITH ORDINALITY
       AS each (name, mode, type, n)
     WHERE oid = '${arguments_}'::regprocedure AND mode = 'o' AND provolatile = 'v' AND proisstrict`,
  );
  return Array.isArray(columns) ? columns : [];
}

const ADDRESS_TYPES = "text, integer, text, text";

describe("the extension pgpool_adm", () => {
  it("is installed by CREATE EXTENSION from the files that were written", async () => {
    expect(readdirSync(join(share, "extension")).sort()).toEqual([
      "pgpool_adm--1.6.sql",
      "pgpool_adm.control",
    ]);
    expect(await rowOf("SELECT extversion FROM pg_extension WHERE extname = 'pgpool_adm'"))
      .toEqual({ extversion: "1.6" });
  });

  it("has the arguments and columns of Pgpool-II's", async () => {
    const node = [
      "host text",
      "port integer",
      "status text",
      "pg_status text",
      "weight real",
      "role text",
      "pg_role text",
      "replication_delay bigint",
      "replication_state text",
      "replication_sync_state text",
      "last_status_change timestamp without time zone",
    ];
    expect(await resultOf(`pcp_node_info(integer, ${ADDRESS_TYPES})`)).toEqual(node);
    expect(await resultOf("pcp_node_info(integer, text)")).toEqual(node);
    expect(await resultOf(`pcp_node_count(${ADDRESS_TYPES})`)).toEqual(["node_count integer"]);
    expect(await resultOf("pcp_attach_node(integer, text)")).toEqual(["node_attached boolean"]);
    expect(await resultOf(`pcp_detach_node(integer, boolean, ${ADDRESS_TYPES})`))
      .toEqual(["node_detached boolean"]);
    expect(await resultOf("pcp_pool_status(text)"))
      .toEqual(["item text", "value text", "description text"]);
    const stats = await resultOf(`pcp_health_check_stats(integer, ${ADDRESS_TYPES})`);
    expect(stats).toHaveLength(20);
    expect(stats.slice(10, 14)).toEqual([
      "retry_count bigint",
      "average_retry_count real",
      "max_retry_count bigint",
      "max_health_check_duration bigint",
    ]);
    const processes = await resultOf("pcp_proc_info(text)");
    expect(processes.map((each) => each.split(" ")[0])).toEqual(
      ("database username start_time client_connection_count major minor " +
        "backend_connection_time client_connection_time client_idle_duration " +
        "client_disconnection_time pool_counter backend_pid connected pid backend_id status " +
        "load_balance_node client_host client_port statement").split(" "),
    );
    expect(new Set(processes.map((each) => each.split(" ")[1]))).toEqual(new Set(["text"]));
  });

  it("joins the pool's processes with pg_stat_activity by the server's process id", async () => {
    const client = pgpool.connect();
    try {
      const running = client.unsafe("/*NO LOAD BALANCE*/ SELECT 'find me', pg_sleep(60)");
      running.catch(() => {});
      const joined = await waitFor(async () => {
        const rows = await cluster.query(
          `SELECT a.pid, p.username, p.database, p.status, p.client_host, p.statement, a.query, a.state
           FROM pcp_proc_info(${address}) p JOIN pg_stat_activity a ON a.pid = p.backend_pid::int
           WHERE p.connected = '1'`,
        );
        const found = rows.filter(({ query }) => String(query).includes("find me"));
        return found.length > 0 ? found : undefined;
      }, { what: "the running query" });
      const query = "/*NO LOAD BALANCE*/ SELECT 'find me', pg_sleep(60)";
      expect(joined).toEqual([{
        pid: expect.any(Number),
        username: SUPERUSER,
        database: "postgres",
        status: "Execute command",
        client_host: "127.0.0.1",
        statement: query,
        query,
        state: "active",
      }]);
      await cluster.query(`SELECT pg_cancel_backend(${joined?.[0]?.["pid"]})`);
    } finally {
      await client.end({ timeout: 5 });
    }
  });

  it("tells of nodes, by an address and by a foreign server", async () => {
    const node = await rowOf(`SELECT * FROM pcp_node_info(1, ${address})`);
    expect(node).toMatchObject({
      host: "127.0.0.1",
      port: cluster.server(1).port,
      weight: 0.5,
      role: "Standby",
      replication_state: "streaming",
      last_status_change: expect.any(Date),
    });
    expect(await rowOf("SELECT * FROM pcp_node_info(1, 'pool')")).toEqual(node);
    expect(await rowOf(`SELECT pcp_node_count(${address}) AS n`)).toEqual({ n: 2 });
    expect(await rowOf("SELECT * FROM pcp_health_check_stats(1, 'pool')"))
      .toMatchObject({ node_id: 1, role: "standby", total_count: "0", last_health_check: null });
    expect(await rowOf("SELECT * FROM pcp_pool_status('pool') WHERE item = 'pcp_port'"))
      .toMatchObject({ value: String(pgpool.pcpPort) });
  });

  it("takes nodes out and puts them back", async () => {
    const status = async () =>
      (await rowOf("SELECT status FROM pcp_node_info(1, 'pool')"))["status"];
    expect(await rowOf("SELECT pcp_detach_node(1, false, 'pool')"))
      .toEqual({ pcp_detach_node: true });
    expect(await status()).toBe("Disconnected");
    expect(await rowOf(`SELECT pcp_attach_node(1, ${address})`)).toEqual({ pcp_attach_node: true });
    expect(await status()).toMatch(/^(Connection in use|Waiting for connection to start)$/);
  });

  it("gives nothing for NULL, and works for users without privileges", async () => {
    expect(await rowOf("SELECT pcp_node_count(NULL)")).toEqual({ pcp_node_count: null });
    await cluster.query("CREATE ROLE plain LOGIN");
    expect(await rowOf(`SELECT pcp_node_count(${address}) AS n`, "plain")).toEqual({ n: 2 });
  });

  it("says what went wrong in the words of Pgpool-II's", async () => {
    expect(await failureOf("SELECT pcp_node_info(128, 'pool')"))
      .toMatchObject({ message: "NodeID is out of range." });
    expect(await failureOf("SELECT pcp_node_info(9, 'pool')")).toMatchObject({
      message: "failed to get node information",
      detail: "informing node info failed: invalid node ID : 9",
    });
    expect(await failureOf("SELECT pcp_detach_node(9, false, 'pool')"))
      .toMatchObject({ message: "failed to detach node" });
    expect(await failureOf("SELECT pcp_node_count('nobody')"))
      .toMatchObject({ code: "42704", message: 'server "nobody" does not exist' });
    const wrong = `'127.0.0.1', ${pgpool.pcpPort}, 'admin', 'wrong'`;
    expect(await failureOf(`SELECT pcp_node_count(${wrong})`)).toMatchObject({
      code: "08001",
      message: "connection to PCP server failed.",
      detail: expect.stringContaining('password authentication failed for user "admin"'),
    });
  });

  it("lets no value bring options of its own, and shows no password", async () => {
    const user = "x'' port=''1'' dbname=''y";
    const failure = await failureOf(
      `SELECT pcp_node_count('127.0.0.1', ${pgpool.pcpPort}, '${user}', 'top secret')`,
    );
    expect(failure.detail).toContain(`for user "x' port='1' dbname='y"`);
    expect(JSON.stringify(failure)).not.toContain("top secret");
  });

  it("keeps the password of a user mapping out of the server's log", async () => {
    await cluster.query(`ALTER ROLE ${SUPERUSER} SET log_statement = 'all'`);
    const from = cluster.primary.log().length;
    await cluster.query("SELECT pcp_node_count('pool')");
    const failed = "SET log_error_verbosity = verbose; SELECT pcp_node_info(9, 'pool')";
    expect(await failureOf(failed)).toMatchObject({ code: "XX000" });
    await cluster.query(`ALTER ROLE ${SUPERUSER} RESET log_statement`);
    const log = cluster.primary.log().slice(from);
    expect(log).toContain("SELECT pcp_node_count('pool')");
    expect(log).toContain("invalid node ID : 9");
    expect(log).not.toContain("secret");
  });

  it("does not take one of the session's own connections for the foreign server", async () => {
    const own = `host=127.0.0.1 port=${cluster.primary.port} user=${SUPERUSER} dbname=postgres`;
    expect(
      await failureOf(`SELECT dblink_connect('pool', '${own}'); SELECT pcp_node_count('pool')`),
    ).toMatchObject({ message: 'this session has a dblink connection named "pool"' });
  });
});

describe("pgpool extension install --connect", () => {
  const url = () => `postgres://${SUPERUSER}@127.0.0.1:${cluster.primary.port}/plain`;
  const install = (...args: string[]) =>
    runPgpool(["extension", "install", "pgpool_adm", "--connect", url(), ...args]);

  it("makes the same functions in a schema, again and again", async () => {
    await cluster.query("CREATE DATABASE plain");
    expect(await install()).toMatchObject({
      status: 1,
      stderr: "pgpool: the server refuses to install pgpool_adm: pgpool_adm needs the extension " +
        "dblink\nHINT:  CREATE EXTENSION dblink;\n",
    });
    const inDatabase = { database: "plain" };
    await cluster.primary.query("CREATE SCHEMA ops; CREATE EXTENSION dblink", [], inDatabase);
    for (let times = 0; times < 2; times++) {
      expect(await install("--schema", "ops", "--json")).toEqual({
        status: 0,
        stdout: expect.stringContaining('"schema": "ops"'),
        stderr: "",
      });
    }
    const [row] = await cluster.primary.query(
      `SELECT ops.pcp_node_count(${address}) AS n`,
      [],
      inDatabase,
    );
    expect(row).toEqual({ n: 2 });
    expect((await install("--schema", "nowhere")).stderr).toContain(
      'schema "nowhere" does not exist',
    );
  });

  it("leaves an extension alone that CREATE EXTENSION has made", async () => {
    const { status, stderr } = await runPgpool([
      ...["extension", "install", "pgpool_adm"],
      ...["--connect", url().replace("/plain", "/postgres")],
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain("pgpool_adm has been installed by CREATE EXTENSION");
  });
});
