/** Which node a statement of the simple protocol goes to, by its text and by the catalog. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import * as frontend from "../support/frontend.ts";
import type { RawClient } from "../support/raw-client.ts";
import { failureOf, logIn, nodesOf, notedNodes, rowsOf, sentTo, valueOf } from "./support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

const PRIMARY = ["0"];
const STANDBY = ["1"];

let pool: ReplicatedPool;
let client: RawClient;

beforeAll(async () => {
  pool = await startReplicatedPool({ notice_per_node_statement: true });
  await pool.cluster.query(
    `CREATE TABLE t (id int PRIMARY KEY, name text);
     INSERT INTO t SELECT i, 'name ' || i FROM generate_series(1, 10) i;
     CREATE UNLOGGED TABLE u (id int);
     CREATE SEQUENCE seq;
     CREATE VIEW plain_view AS SELECT * FROM t;
     CREATE VIEW catalog_view AS SELECT relname FROM pg_class;
     CREATE VIEW view_of_catalog_view AS SELECT * FROM catalog_view;
     CREATE FUNCTION volatile_one() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
     CREATE FUNCTION stable_one() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
     CREATE FUNCTION immutable_one() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
     CREATE SCHEMA other;
     CREATE FUNCTION other.volatile_two() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 2';
     CREATE FUNCTION other.mixed() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 2';
     CREATE FUNCTION public.mixed() RETURNS int LANGUAGE sql STABLE AS 'SELECT 2'`,
  );
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  client?.close();
  client = await logIn(pool.pgpool);
});

describe("reads", () => {
  it.each([
    "SELECT 1",
    "select * from t",
    "  SELECT count(*) FROM t WHERE id > 1",
    "(SELECT 1)",
    "TABLE t",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "SHOW work_mem",
    "COPY t TO STDOUT",
    "COPY (SELECT * FROM t) TO STDOUT",
    "SELECT now(), lower('A'), count(*) FROM t",
    "SELECT stable_one(), immutable_one()",
    "SELECT * FROM plain_view",
    "SELECT other.stable_one() /* no such function */",
    "SELECT public.mixed()",
  ])("go to the standby: %s", async (sql) => {
    expect(await sentTo(client, sql)).toEqual(STANDBY);
  });

  it("really run there", async () => {
    expect(await valueOf(client, "SHOW port")).toBe(String(pool.cluster.server(1).port));
  });
});

describe("what may change something", () => {
  it.each([
    "INSERT INTO t VALUES (100, 'x')",
    "UPDATE t SET name = 'y' WHERE id = 100",
    "DELETE FROM t WHERE id = 100",
    "MERGE INTO t USING (VALUES (1)) v(i) ON t.id = v.i WHEN MATCHED THEN DO NOTHING",
    "SELECT * FROM t FOR UPDATE",
    "SELECT * FROM t WHERE id = 1 FOR KEY SHARE",
    "WITH x AS (DELETE FROM t WHERE id = 0 RETURNING 1) SELECT * FROM x",
    "SELECT 1 AS one INTO made_by_select",
    "DROP TABLE made_by_select",
    "CREATE TABLE made (i int)",
    "TRUNCATE made",
    "DROP TABLE made",
    "VACUUM t",
    "CALL no_such_procedure()",
    "DO 'BEGIN END'",
    "EXPLAIN SELECT * FROM t",
    "LOCK TABLE t IN ACCESS EXCLUSIVE MODE",
    "COPY t TO '/nonexistent/file'",
    "LISTEN channel",
    "NOTIFY channel",
    "UNLISTEN channel",
    "VALUES (1)",
    "this is no SQL",
  ])("goes to the primary: %s", async (sql) => {
    expect(await sentTo(client, sql)).toEqual(PRIMARY);
  });

  it.each([
    "SELECT volatile_one()",
    "SELECT other.volatile_two()",
    "SELECT mixed()",
    "SELECT 1 WHERE volatile_one() = 1",
    "SELECT * FROM t WHERE id = (SELECT volatile_one())",
    "SELECT nextval('seq')",
    "SELECT setval('seq', 10)",
    "SELECT random()",
    "SELECT pg_advisory_lock(1)",
    "COPY (SELECT volatile_one()) TO STDOUT",
  ])("goes to the primary for its functions: %s", async (sql) => {
    expect(await sentTo(client, sql)).toEqual(PRIMARY);
  });

  it("COPY FROM goes to the primary", async () => {
    client.send(frontend.query("COPY t FROM STDIN"));
    expect(notedNodes(await client.readUntil("G"), "COPY t FROM STDIN")).toEqual(PRIMARY);
    await client.exchange(frontend.copyDone);
    expect(await sentTo(client, "SELECT 1")).toEqual(STANDBY);
  });
});

describe("tables that a standby does not have, or has in another state", () => {
  it.each([
    "SELECT * FROM u",
    "SELECT relname FROM pg_class LIMIT 1",
    "SELECT * FROM pg_catalog.pg_tables LIMIT 1",
    "SELECT * FROM catalog_view LIMIT 1",
    "SELECT * FROM view_of_catalog_view LIMIT 1",
    "SELECT * FROM t WHERE id IN (SELECT oid::int FROM pg_class)",
    "COPY u TO STDOUT",
  ])("are read on the primary: %s", async (sql) => {
    expect(await sentTo(client, sql)).toEqual(PRIMARY);
  });

  it("temporary tables are read on the primary", async () => {
    expect(await nodesOf(client, "CREATE TEMP TABLE own (i int)", "SELECT * FROM own")).toEqual([
      "0",
      "0",
    ]);
  });

  it("a temporary table hides the permanent one of its name until it is dropped", async () => {
    expect(await sentTo(client, "SELECT count(*) FROM t")).toEqual(STANDBY);
    await rowsOf(client, "CREATE TEMP TABLE t (id int)");
    expect(await sentTo(client, "SELECT count(*) FROM t")).toEqual(PRIMARY);
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("0");
    await rowsOf(client, "DROP TABLE t");
    expect(await sentTo(client, "SELECT count(*) FROM t")).toEqual(STANDBY);
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("10");
  });

  it("a temporary table of one client hides nothing from another", async () => {
    using other = await logIn(pool.pgpool);
    await rowsOf(client, "CREATE TEMP TABLE t (id int)");
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("0");
    expect(await valueOf(other, "SELECT count(*) FROM t")).toBe("10");
    expect(await sentTo(other, "SELECT count(*) FROM t")).toEqual(STANDBY);
  });

  it("a search_path from the start-up packet counts", async () => {
    await pool.cluster.query("CREATE UNLOGGED TABLE other.t (id int)");
    expect(await sentTo(client, "SELECT id FROM t WHERE id = 1")).toEqual(STANDBY);
    using elsewhere = await logIn(pool.pgpool, {
      parameters: { options: "-c search_path=other" },
    });
    expect(await sentTo(elsewhere, "SELECT id FROM t WHERE id = 1")).toEqual(PRIMARY);
    using here = await logIn(pool.pgpool);
    expect(await sentTo(here, "SELECT id FROM t WHERE id = 1")).toEqual(STANDBY);
    await pool.cluster.query("DROP TABLE other.t");
  });

  it("tables in another place of search_path are looked up anew", async () => {
    await pool.cluster.query("CREATE UNLOGGED TABLE other.t (id int)");
    expect(await sentTo(client, "SELECT id FROM t")).toEqual(STANDBY);
    await rowsOf(client, "SET search_path TO other, public");
    expect(await sentTo(client, "SELECT id FROM t")).toEqual(PRIMARY);
    await rowsOf(client, "RESET search_path");
    expect(await sentTo(client, "SELECT id FROM t")).toEqual(STANDBY);
    await pool.cluster.query("DROP TABLE other.t");
  });
});

describe("comments and several statements", () => {
  it("a leading comment sends a read to the primary", async () => {
    expect(await sentTo(client, "/*NO LOAD BALANCE*/ SELECT 1")).toEqual(PRIMARY);
    expect(await sentTo(client, "-- why\nSELECT 1")).toEqual(PRIMARY);
    expect(await sentTo(client, "SELECT /* what */ 1")).toEqual(STANDBY);
  });

  it("allow_sql_comments makes leading comments meaningless", async () => {
    await rowsOf(client, "PGPOOL SET allow_sql_comments = on");
    expect(await sentTo(client, "/*NO LOAD BALANCE*/ SELECT 1")).toEqual(STANDBY);
    expect(await sentTo(client, "VALUES (1)")).toEqual(STANDBY);
    await rowsOf(client, "PGPOOL RESET allow_sql_comments");
    expect(await sentTo(client, "/*NO LOAD BALANCE*/ SELECT 1")).toEqual(PRIMARY);
  });

  it("several statements in one text go to the primary", async () => {
    expect(await sentTo(client, "SELECT 1; SELECT 2")).toEqual(PRIMARY);
    expect(await sentTo(client, "SELECT 1;")).toEqual(STANDBY);
  });

  it("an empty query is answered", async () => {
    expect(await client.query("")).toContain("EmptyQueryResponse");
    expect(await client.query(";")).toContain("EmptyQueryResponse");
  });

  it("a statement that can not be parsed gets the server's own complaint", async () => {
    expect(await failureOf(client, "SELEC 1")).toBe("42601");
    expect(await sentTo(client, "SELECT 1")).toEqual(STANDBY);
  });
});

describe("settings", () => {
  it("are made on both nodes, so that they hold for every read", async () => {
    expect(await sentTo(client, "SET work_mem = '5MB'")).toEqual(["0", "1"]);
    expect(await valueOf(client, "SHOW work_mem")).toBe("5MB");
    expect(await valueOf(client, "/**/ SELECT current_setting('work_mem')")).toBe("5MB");
    expect(await sentTo(client, "RESET work_mem")).toEqual(["0", "1"]);
    expect(await sentTo(client, "DISCARD ALL")).toEqual(["0", "1"]);
  });

  it("hold on a standby that is used later", async () => {
    await rowsOf(client, "SET search_path TO other");
    expect(await valueOf(client, "SHOW search_path")).toBe("other");
  });

  it("that only a primary can have are made there alone", async () => {
    expect(await sentTo(client, "SET transaction_read_only TO off")).toEqual(PRIMARY);
    expect(await sentTo(client, "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")).toEqual(
      PRIMARY,
    );
  });
});
