/** Prepared statements, by SQL and by the extended protocol, run where their reads belong. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import * as frontend from "../support/frontend.ts";
import type { RawClient } from "../support/raw-client.ts";
import { errorFields, rowValues, transcript } from "../support/transcript.ts";
import { failureOf, logIn, nodesOf, rowsOf, sentTo, valueOf } from "./support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

const WHERE = "SELECT current_setting('port')";
const WRITE = "INSERT INTO t VALUES (1)";

let pool: ReplicatedPool;
let client: RawClient;

beforeAll(async () => {
  pool = await startReplicatedPool({ notice_per_node_statement: true });
  await pool.cluster.query("CREATE TABLE t (id int)");
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  client?.close();
  client = await logIn(pool.pgpool);
});

/** Port of the primary or the standby, as WHERE gives it. */
function portOf(id: number): string {
  return String(pool.cluster.server(id).port);
}

/** Prepares and runs in one go, up to Sync. */
function run(sql: string): Buffer {
  return Buffer.concat([frontend.parse(sql), frontend.bind(), frontend.execute()]);
}

/** Sends messages with a Sync behind them and gives the first column of all rows. */
async function values(...parts: readonly Uint8Array[]): Promise<(string | null)[]> {
  client.send(...parts, frontend.sync);
  const messages = await client.readUntil("Z");
  const error = messages.find(({ type }) => type === "E");
  if (error !== undefined) throw new Error(errorFields(error).M);
  return messages.filter(({ type }) => type === "D").map((row) => rowValues(row)[0] ?? null);
}

describe("PREPARE, EXECUTE and DEALLOCATE", () => {
  it("follow the statement they name", async () => {
    expect(await nodesOf(client, "PREPARE r AS SELECT 1", "EXECUTE r", "DEALLOCATE r")).toEqual(
      ["1", "1", "1"],
    );
    expect(await nodesOf(client, `PREPARE w AS ${WRITE}`, "EXECUTE w", "DEALLOCATE w")).toEqual(
      ["0", "0", "0"],
    );
    await rowsOf(client, "TRUNCATE t");
  });

  it("DEALLOCATE ALL goes to both nodes", async () => {
    await nodesOf(client, "PREPARE r AS SELECT 1");
    expect(await sentTo(client, "DEALLOCATE ALL")).toEqual(["0", "1"]);
    expect(await failureOf(client, "EXECUTE r")).toBe("26000");
  });

  it("a read prepared before a write is read on the primary after it", async () => {
    await nodesOf(client, "PREPARE c AS SELECT count(*) FROM t", "BEGIN");
    expect(await valueOf(client, "EXECUTE c")).toBe("0");
    await rowsOf(client, WRITE);
    expect(await valueOf(client, "EXECUTE c")).toBe("1");
    expect(await sentTo(client, "EXECUTE c")).toEqual(["0"]);
    await rowsOf(client, "ROLLBACK");
    expect(await valueOf(client, "EXECUTE c")).toBe("0");
    expect(await sentTo(client, "EXECUTE c")).toEqual(["1"]);
  });

  it("executing a read is no write", async () => {
    await nodesOf(client, "PREPARE r AS SELECT 1");
    expect(await nodesOf(client, "BEGIN", "EXECUTE r", "SELECT 1", "COMMIT")).toEqual(
      ["01", "1", "1", "10"],
    );
  });

  it("a name that is taken stays what it was", async () => {
    await nodesOf(client, "PREPARE r AS SELECT 1");
    expect(await failureOf(client, `PREPARE r AS ${WRITE}`)).toBe("42P05");
    expect(await valueOf(client, "EXECUTE r")).toBe("1");
  });

  it("a PREPARE that failed leaves its name free", async () => {
    expect(await failureOf(client, "PREPARE r AS SELECT * FROM no_such_table")).toBe("42P01");
    expect(await failureOf(client, `PREPARE r AS ${WRITE}`)).toBe("");
    expect(await sentTo(client, "EXECUTE r")).toEqual(["0"]);
    await rowsOf(client, "TRUNCATE t");
  });

  it("find each other across protocols", async () => {
    await nodesOf(client, `PREPARE r AS ${WHERE}`);
    expect(await values(run("EXECUTE r"))).toEqual([portOf(1)]);
    await values(run("PREPARE x AS SELECT 'x'"));
    expect(await valueOf(client, "EXECUTE x")).toBe("x");
    expect(await values(run("EXECUTE x"))).toEqual(["x"]);
    await values(run("DEALLOCATE x"));
    expect(await failureOf(client, "EXECUTE x")).toBe("26000");
  });
});

describe("the extended protocol", () => {
  it("reads on the standby and writes on the primary", async () => {
    expect(await values(run(WHERE))).toEqual([portOf(1)]);
    expect(await values(run(`${WRITE} RETURNING current_setting('port')`))).toEqual([portOf(0)]);
    await rowsOf(client, "TRUNCATE t");
  });

  it("tells every message's node", async () => {
    client.send(run("SELECT 1"), frontend.sync);
    const notes = (await client.readUntil("Z")).filter(({ type }) => type === "N").map((note) =>
      errorFields(note).M
    );
    expect(notes).toEqual([
      "DB node id: 1 statement: Parse: SELECT 1",
      "DB node id: 1 statement: Bind: SELECT 1",
      "DB node id: 1 statement: Execute: SELECT 1",
    ]);
  });

  it("sends a Parse again to the primary after a write", async () => {
    await values(frontend.parse(WHERE, "where"));
    const where = Buffer.concat([frontend.bind({ statement: "where" }), frontend.execute()]);
    expect(await values(where)).toEqual([portOf(1)]);
    await values(run("BEGIN"));
    expect(await values(where)).toEqual([portOf(1)]);
    await values(run(WRITE));
    expect(await values(where)).toEqual([portOf(0)]);
    await values(run("ROLLBACK"));
    expect(await values(where)).toEqual([portOf(1)]);
  });

  it("reads in one pipeline what it wrote before", async () => {
    expect(await values(run(WRITE), run("SELECT count(*) FROM t"))).toEqual(["1"]);
    await rowsOf(client, "TRUNCATE t");
    expect(await values(run("SELECT count(*) FROM t"))).toEqual(["0"]);
  });

  it("begins and ends transactions on both nodes", async () => {
    await values(run("BEGIN"));
    expect(await values(run(WHERE))).toEqual([portOf(1)]);
    expect(await values(run("COMMIT"))).toEqual([]);
    expect(await values(run("BEGIN ISOLATION LEVEL SERIALIZABLE"), run(WHERE))).toEqual([
      portOf(0),
    ]);
    await values(run("COMMIT"));
    expect(await values(run(WHERE))).toEqual([portOf(1)]);
  });

  it("sets on both nodes", async () => {
    await values(run("SET work_mem = '7MB'"));
    expect(await valueOf(client, "SHOW work_mem")).toBe("7MB");
    expect(await values(run("/**/ SHOW work_mem"))).toEqual(["7MB"]);
  });

  it("keeps the order of answers when a pipeline goes to both nodes", async () => {
    const place = "RETURNING current_setting('port')";
    expect(await values(run(WHERE), run(`${WRITE} ${place}`), run("SELECT 3"), run("SELECT 4")))
      .toEqual([portOf(1), portOf(0), "3", "4"]);
    await rowsOf(client, "TRUNCATE t");
  });

  it("skips to Sync after an error on the standby, and goes on", async () => {
    client.send(run("SELECT 1/0"), run(WRITE), frontend.sync, run("SELECT 5"), frontend.sync);
    const first = transcript(await client.readUntil("Z")).filter((line) => !/^Notice/.test(line));
    expect(first.at(-2)).toMatch(/^ErrorResponse\(.*22012/);
    const second = transcript(await client.readUntil("Z"));
    expect(second).toContain("DataRow(5)");
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("0");
  });

  it("rereads with Flush instead of Sync what it asked for", async () => {
    client.send(run(WHERE), frontend.flush);
    expect(rowValues((await client.readUntil("D")).at(-1) ?? { type: "", body: Buffer.alloc(2) }))
      .toEqual([portOf(1)]);
    expect(await values()).toEqual([]);
  });

  it("fetches from a portal in pieces on the standby", async () => {
    const sql = "SELECT i || ' ' || current_setting('port') FROM generate_series(1, 3) i";
    client.send(frontend.parse(sql), frontend.bind({ portal: "p" }), frontend.execute("p", 2));
    client.send(frontend.execute("p", 2), frontend.sync);
    const messages = await client.readUntil("Z");
    const rows = messages.filter(({ type }) => type === "D").map((row) => rowValues(row)[0]);
    expect(rows).toEqual([1, 2, 3].map((i) => `${i} ${portOf(1)}`));
    expect(messages.map(({ type }) => type)).toContain("s");
  });
});
