/** Large values, large results, slow readers, and pipelines of any depth. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { readFileSync } from "node:fs";
import * as frontend from "../../support/frontend.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { transcript } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { logIn, valueOf } from "../support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "../support/replicated-pool.ts";

const MB = 1024 * 1024;
const DEADLINE = 60_000;

let pool: ReplicatedPool;

beforeAll(async () => {
  pool = await startReplicatedPool({ worker_processes: 1 });
  await pool.cluster.query("CREATE TABLE big (id int, t text)");
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

/** Resident memory of all of pgpool's processes, in bytes. */
function memory(): number {
  return pool.pgpool.pids().reduce((sum, pid) => {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return sum + 1024 * Number(kilobytes);
  }, 0);
}

/** Runs a query and gives its messages. */
async function run(client: RawClient, ...parts: readonly Uint8Array[]) {
  client.send(...parts);
  return await client.readUntil("Z", DEADLINE);
}

// First: what large values leave in the heap would hide what slow readers cost.
describe("clients that read slowly", () => {
  const rows = 250_000;
  const query = `SELECT repeat('x', 1000) FROM generate_series(1, ${rows})`;

  it.each([
    ["a simple query", [frontend.query(query)]],
    ["the extended protocol", [
      ...[frontend.parse(query), frontend.bind(), frontend.execute(), frontend.sync],
    ]],
    ["COPY", [frontend.query(`COPY (${query}) TO STDOUT`)]],
    ["one row of 200 MB", [frontend.query(`SELECT repeat('x', ${200 * MB})`)]],
  ])("cost pgpool no memory: %s", async (_what, parts) => {
    using client = await logIn(pool.pgpool);
    await valueOf(client, "SELECT 1");
    const before = memory();
    client.pause();
    client.send(...parts);
    await waitFor(async () => await blockedBackends() === 1, { what: "the server to wait" });
    const most = await highest(20);
    expect((most - before) / MB).toBeLessThan(16);
    client.resume();
    const messages = await client.readUntil("Z", DEADLINE);
    expect(messages.at(-1)?.type).toBe("Z");
    const bytes = messages.reduce((sum, { body }) => sum + body.length, 0);
    expect(bytes).toBeGreaterThan(200 * MB);
  }, 120_000);

  it("that never read again hold up nobody, and can be got rid of", async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => logIn(pool.pgpool)));
    for (const client of clients) {
      client.pause();
      client.send(frontend.query(query));
    }
    await waitFor(async () => await blockedBackends() === 5, { what: "the server to wait" });
    using other = await logIn(pool.pgpool);
    const started = Date.now();
    expect(await valueOf(other, "SELECT 'quick'")).toBe("quick");
    expect(Date.now() - started).toBeLessThan(2000);
    for (const client of clients) client.close();
    await waitFor(async () => await blockedBackends() === 0, { what: "the backends to end" });
  }, 60_000);

  it("hold back nobody who sends: a server that does not read pauses its client", async () => {
    using client = await logIn(pool.pgpool);
    const before = memory();
    client.send(frontend.query("BEGIN; LOCK TABLE big IN ACCESS EXCLUSIVE MODE"));
    await client.readUntil("Z");
    using blocked = await logIn(pool.pgpool);
    const copy = frontend.copyData("1\tx\n".repeat(100_000));
    blocked.send(frontend.query("COPY big FROM STDIN"));
    for (let i = 0; i < 200; i++) blocked.send(copy);
    const most = await highest(20);
    expect((most - before) / MB).toBeLessThan(16);
    blocked.close();
    await client.query("ROLLBACK");
  }, 60_000);
});

describe("large values", () => {
  const size = 50 * MB;

  it("go both ways in a simple query", async () => {
    using client = await logIn(pool.pgpool);
    await run(client, frontend.query(`INSERT INTO big VALUES (1, '${"s".repeat(size)}')`));
    const messages = await run(client, frontend.query("SELECT t FROM big WHERE id = 1"));
    expect(messages.map(({ type }) => type).join("")).toBe("TDCZ");
    expect(messages[1]?.body.length).toBe(size + 6);
    expect(messages[1]?.body.subarray(6).every((byte) => byte === 0x73)).toBe(true);
  }, 120_000);

  it("go both ways as a parameter", async () => {
    using client = await logIn(pool.pgpool);
    const insert = [
      frontend.parse("INSERT INTO big VALUES (2, $1)"),
      frontend.bind({ values: ["p".repeat(size)] }),
      frontend.execute(),
    ];
    await run(client, ...insert, frontend.sync);
    const select = [
      frontend.parse("SELECT t FROM big WHERE id = $1::int"),
      frontend.bind({ values: ["2"], resultFormats: [1] }),
      frontend.execute(),
    ];
    const messages = await run(client, ...select, frontend.sync);
    expect(messages.map(({ type }) => type).join("")).toBe("12DCZ");
    expect(messages[2]?.body.length).toBe(size + 6);
  }, 120_000);

  it("go through a prepared statement whose text is large", async () => {
    using client = await logIn(pool.pgpool);
    const text = `SELECT length('${"x".repeat(5 * MB)}') + $1::int`;
    for (let i = 0; i < 2; i++) {
      const name = `large${i}`;
      const parts = [frontend.parse(text, name), frontend.bind({ statement: name, values: ["1"] })];
      const messages = await run(client, ...parts, frontend.execute(), frontend.sync);
      expect(transcript(messages)[2]).toBe(`DataRow(${5 * MB + 1})`);
    }
    const again = [frontend.bind({ statement: "large0", values: ["2"] }), frontend.execute()];
    expect(transcript(await run(client, ...again, frontend.sync))[1]).toBe(
      `DataRow(${5 * MB + 2})`,
    );
  }, 120_000);

  it("in an error are shown whole", async () => {
    using client = await logIn(pool.pgpool);
    const sql = `DO $$ BEGIN RAISE EXCEPTION '%', repeat('e', ${MB}); END $$`;
    const [error] = await run(client, frontend.query(sql));
    expect(error?.type).toBe("E");
    expect(error?.body.length).toBeGreaterThan(MB);
    expect(await valueOf(client, "SELECT 1")).toBe("1");
  }, 60_000);

  it("above the limit of the server are refused by it", async () => {
    using client = await logIn(pool.pgpool);
    const messages = await run(client, frontend.query("SELECT repeat('x', 1100000000)"));
    expect(transcript(messages).join()).toContain("C 54000");
    expect(await valueOf(client, "SELECT 1")).toBe("1");
  }, 60_000);
});

describe("pipelines", () => {
  it("of 1000 statements with an error in the middle", async () => {
    using client = await logIn(pool.pgpool);
    const parts: Buffer[] = [];
    for (let i = 1; i <= 1000; i++) {
      const sql = i === 500 ? "SELECT 1 / ($1::int - 500)" : "SELECT $1::int";
      parts.push(frontend.parse(sql), frontend.bind({ values: [String(i)] }), frontend.execute());
    }
    const lines = await client.exchange(...parts, frontend.sync);
    const values = lines.filter((line) => line.startsWith("DataRow"));
    expect(values).toEqual(Array.from({ length: 499 }, (_, i) => `DataRow(${i + 1})`));
    expect(lines.at(-2)).toContain("C 22012");
    expect(lines.at(-1)).toBe("ReadyForQuery(I)");
    expect(await valueOf(client, "SELECT 'goes on'")).toBe("goes on");
  });

  it("of 1000 statements, each with its Sync, reads and writes in turn", async () => {
    using client = await logIn(pool.pgpool);
    await client.query("CREATE TABLE IF NOT EXISTS turn (i int)");
    const parts: Buffer[] = [];
    for (let i = 0; i < 500; i++) {
      parts.push(
        ...[frontend.parse("INSERT INTO turn VALUES ($1)"), frontend.bind({ values: [`${i}`] })],
        ...[frontend.execute(), frontend.sync],
        ...[frontend.parse("SELECT count(*) FROM turn"), frontend.bind(), frontend.execute()],
        frontend.sync,
      );
    }
    client.send(...parts);
    const values: string[] = [];
    for (let i = 0; i < 1000; i++) {
      const lines = transcript(await client.readUntil("Z", DEADLINE));
      values.push(...lines.filter((line) => /^(DataRow|Error)/.test(line)));
    }
    expect(values).toEqual(Array.from({ length: 500 }, (_, i) => `DataRow(${i + 1})`));
  }, 90_000);

  it("of 1000 simple queries in one write, with errors in between", async () => {
    using client = await logIn(pool.pgpool);
    const parts = Array.from(
      { length: 1000 },
      (_, i) => frontend.query(i % 7 === 3 ? "SELECT nothing" : `SELECT ${i}`),
    );
    client.send(...parts);
    for (let i = 0; i < 1000; i++) {
      const lines = transcript(await client.readUntil("Z", DEADLINE));
      expect(lines.at(-1)).toBe("ReadyForQuery(I)");
      if (i % 7 === 3) expect(lines[0]).toContain("C 42703");
      else expect(lines[1]).toBe(`DataRow(${i})`);
    }
  }, 60_000);

  it("with portals of a few rows at a time", async () => {
    using client = await logIn(pool.pgpool);
    const lines = await client.exchange(
      frontend.parse("SELECT generate_series(1, 10)"),
      frontend.bind({ portal: "p" }),
      frontend.execute("p", 4),
      frontend.execute("p", 4),
      frontend.execute("p", 4),
      frontend.closePortal("p"),
      frontend.sync,
    );
    const shape = lines.map((line) => /^\w+/.exec(line)?.[0]);
    expect(shape.filter((word) => word === "DataRow")).toHaveLength(10);
    expect(shape.filter((word) => word === "PortalSuspended")).toHaveLength(2);
    expect(lines.slice(-3)).toEqual([
      "CommandComplete(SELECT 2)",
      "CloseComplete",
      "ReadyForQuery(I)",
    ]);
  });
});

/** Backends of both servers that wait for their client to read. */
async function blockedBackends(): Promise<number> {
  let count = 0;
  for (const server of pool.cluster.servers) {
    const [row] = await server.query(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event = 'ClientWrite'",
    );
    count += Number(row?.["n"]);
  }
  return count;
}

/** The most memory seen while looking so many times, for a second or two. */
async function highest(looks: number): Promise<number> {
  let most = 0;
  for (let i = 0; i < looks; i++) {
    most = Math.max(most, memory());
    await Bun.sleep(50);
  }
  return most;
}
