/** Which node a statement goes to inside of transactions, and who is told of their ends. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { type Pgpool, startPgpool } from "../support/pgpool.ts";
import * as frontend from "../support/frontend.ts";
import type { RawClient } from "../support/raw-client.ts";
import { failureOf, logIn, nodesOf, notedNodes, rowsOf, sentTo, valueOf } from "./support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

const WRITE = "INSERT INTO t VALUES (1)";

let pool: ReplicatedPool;
let client: RawClient;
const others: Pgpool[] = [];

beforeAll(async () => {
  pool = await startReplicatedPool({ notice_per_node_statement: true });
  await pool.cluster.query(
    `CREATE TABLE t (id int);
     CREATE FUNCTION volatile_one() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'`,
  );
}, 90_000);

afterAll(async () => {
  for (const other of others) await other[Symbol.asyncDispose]();
  await pool?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  client?.close();
  client = await logIn(pool.pgpool);
});

/** A client of another pgpool before the same servers. */
async function clientOf(config: Record<string, string | boolean>): Promise<RawClient> {
  const pgpool = await startPgpool({
    cluster: pool.cluster,
    config: {
      notice_per_node_statement: true,
      backend_weight0: 0,
      backend_weight1: 1,
      ...config,
    },
  });
  others.push(pgpool);
  return await logIn(pgpool);
}

describe("a transaction", () => {
  it("begins on the primary first and ends on the standby first", async () => {
    expect(await sentTo(client, "BEGIN")).toEqual(["0", "1"]);
    expect(await sentTo(client, "SELECT 1")).toEqual(["1"]);
    expect(await sentTo(client, "COMMIT")).toEqual(["1", "0"]);
    expect(await sentTo(client, "START TRANSACTION")).toEqual(["0", "1"]);
    expect(await sentTo(client, "ROLLBACK")).toEqual(["1", "0"]);
    expect(await sentTo(client, "BEGIN")).toEqual(["0", "1"]);
    expect(await sentTo(client, "END")).toEqual(["1", "0"]);
  });

  it("keeps savepoints on both nodes; they and SET count as writes, SET READ ONLY does not", async () => {
    expect(await nodesOf(client, "BEGIN", "SET LOCAL work_mem = '5MB'", "SELECT 1", "COMMIT"))
      .toEqual(["01", "01", "0", "10"]);
    expect(await nodesOf(client, "BEGIN", "SET TRANSACTION READ ONLY", "SELECT 1", "COMMIT"))
      .toEqual(["01", "01", "1", "10"]);
    const nodes = await nodesOf(
      client,
      "BEGIN",
      "SELECT 1",
      "SAVEPOINT s",
      "SELECT 1",
      "ROLLBACK TO s",
      "RELEASE s",
      "ROLLBACK",
    );
    expect(nodes).toEqual(["01", "1", "01", "0", "01", "01", "10"]);
  });

  it("reads on the standby until it writes, then on the primary to its end", async () => {
    const nodes = await nodesOf(
      client,
      "BEGIN",
      "SELECT * FROM t",
      WRITE,
      "SELECT * FROM t",
      "ROLLBACK",
      "SELECT * FROM t",
    );
    expect(nodes).toEqual(["01", "1", "0", "0", "10", "1"]);
  });

  it("sees its own writes", async () => {
    await rowsOf(client, "BEGIN");
    await rowsOf(client, WRITE);
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("1");
    await rowsOf(client, "ROLLBACK");
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("0");
  });

  it("writes by calling a volatile function", async () => {
    const nodes = await nodesOf(client, "BEGIN", "SELECT volatile_one()", "SELECT 1", "COMMIT");
    expect(nodes).toEqual(["01", "0", "0", "10"]);
  });

  it("that is READ ONLY reads on the standby all along", async () => {
    const nodes = await nodesOf(client, "BEGIN READ ONLY", "SELECT 1", "COMMIT");
    expect(nodes).toEqual(["01", "1", "10"]);
  });

  it("that is READ WRITE begins as a plain one on the standby", async () => {
    expect(await sentTo(client, "BEGIN READ WRITE")).toEqual(["0", "1: BEGIN"]);
    expect(await sentTo(client, "SELECT 1")).toEqual(["1"]);
    expect(await failureOf(client, WRITE)).toBe("");
    expect(await failureOf(client, "ROLLBACK")).toBe("");
  });

  it("that has failed takes nothing until its end, on no node", async () => {
    await rowsOf(client, "BEGIN");
    expect(await failureOf(client, "SELECT * FROM no_such_table")).toBe("42P01");
    expect(await failureOf(client, "SELECT 1")).toBe("25P02");
    expect(await failureOf(client, "ROLLBACK")).toBe("");
    expect(await nodesOf(client, "BEGIN", "SELECT 1", "COMMIT")).toEqual(["01", "1", "10"]);
  });

  it("that failed on the standby is rolled back on the primary by COMMIT", async () => {
    await rowsOf(client, "BEGIN");
    await rowsOf(client, "SELECT 1");
    expect(await failureOf(client, "SELECT 1/0")).toBe("22012");
    expect(await client.query("COMMIT")).toContain("CommandComplete(ROLLBACK)");
    expect(await failureOf(client, WRITE)).toBe("");
    await rowsOf(client, "DELETE FROM t");
  });

  it("goes on after an error that a savepoint took back", async () => {
    await rowsOf(client, "BEGIN");
    await rowsOf(client, "SAVEPOINT s");
    expect(await failureOf(client, "SELECT 1/0")).toBe("22012");
    await rowsOf(client, "ROLLBACK TO s");
    expect(await valueOf(client, "SELECT 7")).toBe("7");
    expect(await client.query("COMMIT")).toContain("CommandComplete(COMMIT)");
  });

  it("begun among several statements stays on the primary", async () => {
    const nodes = await nodesOf(client, "BEGIN; SELECT 1", "SELECT 1", "COMMIT", "SELECT 1");
    expect(nodes).toEqual(["0", "0", "0", "1"]);
  });

  it("reads through a cursor on the primary", async () => {
    const nodes = await nodesOf(
      client,
      "BEGIN",
      "DECLARE c CURSOR FOR SELECT 1",
      "FETCH c",
      "CLOSE c",
      "COMMIT",
    );
    expect(nodes).toEqual(["01", "0", "0", "0", "10"]);
  });

  it("leaves a cursor WITH HOLD on the primary", async () => {
    await rowsOf(client, "BEGIN");
    await rowsOf(client, "DECLARE held CURSOR WITH HOLD FOR SELECT 42");
    await rowsOf(client, "COMMIT");
    expect(await sentTo(client, "FETCH held")).toEqual(["0"]);
    expect(await valueOf(client, "SELECT 1")).toBe("1");
    await rowsOf(client, "CLOSE held");
  });
});

describe("serializable transactions", () => {
  it.each([
    ["BEGIN ISOLATION LEVEL SERIALIZABLE", "SELECT 1"],
    ["START TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT 1"],
  ])("read on the primary: %s", async (begin, read) => {
    expect(await sentTo(client, begin)).toEqual(["0", "1: BEGIN"]);
    expect(await sentTo(client, read)).toEqual(["0"]);
    expect(await failureOf(client, "COMMIT")).toBe("");
    expect(await sentTo(client, "SELECT 1")).toEqual(["1"]);
  });

  it.each([
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET transaction_isolation TO 'serializable'",
  ])("read on the primary: %s", async (set) => {
    expect(await nodesOf(client, "BEGIN", set, "SELECT 1")).toEqual(["01", "0", "0"]);
    expect(await failureOf(client, "COMMIT")).toBe("");
    expect(await sentTo(client, "SELECT 1")).toEqual(["1"]);
  });

  it.each([
    "SET default_transaction_isolation TO 'serializable'",
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
  ])("read on the primary: %s", async (set) => {
    expect(await sentTo(client, set)).toEqual(["0"]);
    expect(await nodesOf(client, "SELECT 1", "BEGIN", "SELECT 1")).toEqual(["0", "01", "0"]);
    expect(await failureOf(client, "COMMIT")).toBe("");
    expect(await failureOf(client, "RESET default_transaction_isolation")).toBe("");
    expect(await sentTo(client, "SELECT 1")).toEqual(["1"]);
  });

  it("that are the default of a role read on the primary", async () => {
    await pool.cluster.query(
      `CREATE ROLE strict LOGIN; ALTER ROLE strict SET default_transaction_isolation = 'serializable'`,
    );
    using strict = await logIn(pool.pgpool, { user: "strict" });
    expect(await sentTo(strict, "SELECT 1")).toEqual(["0"]);
    expect(await sentTo(client, "SELECT 1")).toEqual(["1"]);
  });

  it("do not take repeatable read along", async () => {
    expect(await nodesOf(client, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1", "COMMIT"))
      .toEqual(["01", "1", "10"]);
  });
});

describe("disable_load_balance_on_write", () => {
  it("off: reads on the standby even after a write in the transaction", async () => {
    using own = await clientOf({ disable_load_balance_on_write: "off" });
    expect(await nodesOf(own, "BEGIN", WRITE, "SELECT 1", "ROLLBACK", "SELECT 1")).toEqual(
      ["01", "0", "1", "10", "1"],
    );
  });

  it("trans_transaction: transactions after one that wrote read on the primary", async () => {
    using own = await clientOf({ disable_load_balance_on_write: "trans_transaction" });
    expect(await nodesOf(own, "BEGIN", "SELECT 1", WRITE, "SELECT 1", "ROLLBACK")).toEqual(
      ["01", "1", "0", "0", "10"],
    );
    expect(await nodesOf(own, "SELECT 1", "BEGIN", "SELECT 1", "COMMIT")).toEqual(
      ["1", "01", "0", "10"],
    );
  });

  it("always: nothing is read on the standby after a write", async () => {
    using own = await clientOf({ disable_load_balance_on_write: "always" });
    expect(await nodesOf(own, "SELECT 1", "BEGIN", WRITE, "ROLLBACK", "SELECT 1")).toEqual(
      ["1", "01", "0", "10", "0"],
    );
  });

  it("always: a write outside of transactions counts, for its session alone", async () => {
    using own = await clientOf({ disable_load_balance_on_write: "always" });
    expect(await nodesOf(own, "SELECT 1", "DELETE FROM t", "SELECT 1")).toEqual(["1", "0", "0"]);
    const pgpool = others.at(-1);
    if (pgpool === undefined) throw new Error("there is no other pgpool");
    using next = await logIn(pgpool);
    expect(await sentTo(next, "SELECT 1")).toEqual(["1"]);
  });

  it("load_balance_mode off: the standby is left alone", async () => {
    using own = await clientOf({ load_balance_mode: false });
    expect(await nodesOf(own, "SELECT 1", "BEGIN", "SELECT 1", "COMMIT", "SET work_mem = '5MB'"))
      .toEqual(["0", "0", "0", "0", "0"]);
  });
});

describe("COPY in a transaction", () => {
  it("FROM counts as a write", async () => {
    await rowsOf(client, "BEGIN");
    client.send(frontend.query("COPY t FROM STDIN"));
    expect(notedNodes(await client.readUntil("G"), "COPY t FROM STDIN")).toEqual(["0"]);
    await client.exchange(frontend.copyData("1\n"), frontend.copyDone);
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("1");
    await rowsOf(client, "ROLLBACK");
  });
});
