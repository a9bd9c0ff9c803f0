/** What applications use works through the pool: `postgres` (porsager) and `pg` (node-postgres). */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { Readable } from "node:stream";
import { pipeline as pipe } from "node:stream/promises";
import pg from "pg";
import postgres from "postgres";
import { SUPERUSER } from "../support/postgres.ts";
import { waitFor } from "../support/wait.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

let pool: ReplicatedPool;

beforeAll(async () => {
  pool = await startReplicatedPool();
  await pool.cluster.query(
    `CREATE TABLE person (id int PRIMARY KEY, name text, born date, tags text[], doc jsonb);
     INSERT INTO person SELECT i, 'person ' || i, '2000-01-01'::date + i, ARRAY['t' || i], '{"n": 1}'
       FROM generate_series(1, 500) i`,
  );
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

/** Where both drivers connect to. */
function address() {
  return { host: "127.0.0.1", port: pool.pgpool.port, user: SUPERUSER, database: "postgres" };
}

/** The error that the promise ends with. */
async function failure(promise: Promise<unknown>): Promise<Error> {
  const error = await promise.then(() => null, (reason: unknown) => reason);
  if (error instanceof Error) return error;
  throw new Error("nothing went wrong");
}

describe("postgres (porsager)", () => {
  const open: postgres.Sql[] = [];

  function connect(max = 1): postgres.Sql {
    const sql = postgres({ ...address(), max, connect_timeout: 10, onnotice: () => {} });
    open.push(sql);
    return sql;
  }

  afterAll(async () => {
    await Promise.all(open.map((sql) => sql.end({ timeout: 5 })));
  });

  it("reads and writes values of all kinds", async () => {
    const sql = connect();
    const when = new Date("2024-03-01T12:00:00Z");
    const [row] = await sql`
      SELECT ${7}::int AS i, ${"ü🐘"}::text AS t, ${when}::timestamptz AS w, ${[1, 2]}::int[] AS a,
        ${sql.json({ a: [1] })}::jsonb AS j, ${null}::int AS n, ${
      Buffer.from([0, 255])
    }::bytea AS b,
        ${true}::bool AS yes`;
    expect(row).toEqual({
      ...{ i: 7, t: "ü🐘", w: when, a: [1, 2], j: { a: [1] }, n: null, yes: true },
      b: Buffer.from([0, 255]),
    });
    await sql`CREATE TABLE porsager_kinds (id int, name text)`;
    const rows = [{ id: 1, name: "one" }, { id: 2, name: "two" }];
    await sql`INSERT INTO porsager_kinds ${sql(rows)}`;
    expect([...await sql`SELECT * FROM porsager_kinds ORDER BY id`]).toEqual(rows);
    await sql`UPDATE porsager_kinds SET ${sql({ name: "uno" })} WHERE id = 1`;
    expect((await sql`SELECT name FROM porsager_kinds WHERE id IN ${sql([1])}`)[0]?.["name"])
      .toBe("uno");
    await sql`DROP TABLE porsager_kinds`;
  });

  it("reuses its prepared statements before and after writes", async () => {
    const sql = connect();
    const count = async () =>
      Number((await sql`SELECT count(*) FROM person WHERE id > ${10_000}`)[0]?.["count"]);
    for (let round = 1; round <= 5; round++) {
      expect(await count()).toBe(round - 1);
      await sql`INSERT INTO person (id) VALUES (${10_000 + round})`;
      expect(await count()).toBe(round);
    }
    await sql.begin(async (tx) => {
      await tx`DELETE FROM person WHERE id > ${10_000}`;
      expect(await tx`SELECT id FROM person WHERE id > ${10_000}`).toHaveLength(0);
    });
    expect(await count()).toBe(0);
  });

  it("rolls back transactions and savepoints when their function throws", async () => {
    const sql = connect();
    const result = await sql.begin(async (tx) => {
      await tx`INSERT INTO person (id) VALUES (20001)`;
      const inner = await failure(tx.savepoint(async (sp) => {
        await sp`INSERT INTO person (id) VALUES (20002)`;
        await sp`SELECT 1 / 0`;
      }));
      expect(inner.message).toContain("division by zero");
      return await tx`SELECT id FROM person WHERE id > 20000`;
    });
    expect([...result]).toEqual([{ id: 20001 }]);
    await failure(sql.begin(async (tx) => {
      await tx`DELETE FROM person`;
      throw new Error("changed my mind");
    }));
    expect((await sql`SELECT count(*)::int AS n FROM person WHERE id <= 500`)[0]?.["n"]).toBe(500);
    await sql`DELETE FROM person WHERE id > 20000`;
  });

  it("reads through cursors, also leaving early", async () => {
    const sql = connect();
    const sizes: number[] = [];
    for await (const rows of sql`SELECT * FROM person ORDER BY id LIMIT 25`.cursor(10)) {
      sizes.push(rows.length);
    }
    expect(sizes).toEqual([10, 10, 5]);
    let first: unknown;
    await sql`SELECT id FROM person ORDER BY id`.cursor(3, (rows) => {
      first = rows.map(({ id }) => id);
      return sql.CLOSE;
    });
    expect(first).toEqual([1, 2, 3]);
    expect((await sql`SELECT 1 AS after`)[0]?.["after"]).toBe(1);
  });

  it("copies in and out with streams", async () => {
    const sql = connect();
    await sql`CREATE TABLE porsager_copy (id int, name text)`;
    const lines = Array.from({ length: 20_000 }, (_, id) => `${id}\tname ${id}\n`);
    await pipe(
      Readable.from(lines),
      await sql`COPY porsager_copy FROM STDIN`.writable(),
    );
    expect((await sql`SELECT count(*)::int AS n, max(id) AS max FROM porsager_copy`)[0]).toEqual({
      n: 20_000,
      max: 19_999,
    });
    // Little enough for the stream's buffer: with more the driver may leave its socket paused.
    const chunks: Buffer[] = [];
    const readable = await sql`
      COPY (SELECT * FROM porsager_copy ORDER BY id LIMIT 400) TO STDOUT`.readable();
    for await (const chunk of readable) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(lines.slice(0, 400).join(""));
    await sql`DROP TABLE porsager_copy`;
  });

  it("listens and notifies", async () => {
    const [listener, sender] = [connect(), connect()];
    const heard: string[] = [];
    const { unlisten } = await listener.listen("porsager", (payload) => heard.push(payload));
    await sender.notify("porsager", "one");
    await sender`SELECT pg_notify('porsager', 'two')`;
    await waitFor(() => heard.length === 2, { what: "two notifications" });
    expect(heard).toEqual(["one", "two"]);
    await unlisten();
  });

  it("pipelines hundreds of queries, with failures among them", async () => {
    const sql = connect();
    const answers = await Promise.allSettled(
      Array.from(
        { length: 300 },
        (_, at) =>
          at % 10 === 3
            ? sql`SELECT ${at}::int / 0 AS n`.then(() => -1)
            : at % 10 === 7
            ? sql`UPDATE person SET name = ${`n${at}`} WHERE id = ${at} RETURNING id`.then((
              [row],
            ) => Number(row?.["id"]))
            : sql`SELECT ${at}::int AS n`.then(([row]) => Number(row?.["n"])),
      ),
    );
    for (const [at, answer] of answers.entries()) {
      if (at % 10 === 3) expect(answer.status).toBe("rejected");
      else expect(answer).toEqual({ status: "fulfilled", value: at });
    }
  });

  it("serves many connections at once", async () => {
    const sql = connect(16);
    const ids = await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        const id = 1 + at;
        const [row] = await sql`SELECT id, pg_sleep(0.002)::text FROM person WHERE id = ${id}`;
        return row?.["id"] === id;
      }),
    );
    expect(ids.every(Boolean)).toBe(true);
  });

  it("tells errors with all their fields and goes on", async () => {
    const sql = connect();
    const missing = await failure(sql`SELECT * FROM no_such_table`);
    expect(missing).toMatchObject({ code: "42P01", position: "15", severity: "ERROR" });
    const duplicate = await failure(sql`INSERT INTO person (id) VALUES (1)`);
    expect(duplicate).toMatchObject({
      code: "23505",
      table_name: "person",
      constraint_name: "person_pkey",
    });
    expect(await failure(sql`SELECT ${"x"}::int`)).toMatchObject({ code: "22P02" });
    expect((await sql`SELECT 1 AS one`)[0]?.["one"]).toBe(1);
  });

  it("cancels a query", async () => {
    const sql = connect();
    const query = sql`SELECT pg_sleep(60)`;
    const cancelled = failure(query.execute());
    await waitFor(async () => {
      const rows = await pool.cluster.server(1).query(
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'",
      );
      const onPrimary = await pool.cluster.query(
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'",
      );
      return rows.length + onPrimary.length > 0;
    }, { what: "the query to run" });
    query.cancel();
    expect(await cancelled).toMatchObject({ code: "57014" });
    expect((await sql`SELECT 1 AS one`)[0]?.["one"]).toBe(1);
  });

  it("describes, runs several statements, and reads raw values", async () => {
    const sql = connect();
    const described = await sql`SELECT id, name FROM person WHERE id = ${1}`.describe();
    expect(described.types).toEqual([23]);
    expect(described.columns.map(({ name }) => name)).toEqual(["id", "name"]);
    const results = await sql.unsafe("SELECT 1 AS a; SELECT 2 AS b").simple();
    expect(results).toHaveLength(2);
    const [values] = await sql`SELECT 1, 'x'`.raw();
    expect(values?.map(String)).toEqual(["1", "x"]);
  });
});

describe("pg (node-postgres)", () => {
  async function withClient<T>(use: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client(address());
    await client.connect();
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  }

  it("runs queries with and without parameters", async () => {
    await withClient(async (client) => {
      const results: unknown = await client.query("SELECT 1 AS one; SELECT 2 AS two");
      expect(results).toMatchObject([{ rows: [{ one: 1 }] }, { rows: [{ two: 2 }] }]);
      const { rows, fields, command, rowCount } = await client.query(
        "SELECT $1::int AS i, $2::text AS t, $3::jsonb AS j, $4::int[] AS a, $5::bytea AS b",
        [5, "ü", { a: 1 }, [1, null], Buffer.from([0, 1])],
      );
      expect(rows).toEqual([{ i: 5, t: "ü", j: { a: 1 }, a: [1, null], b: Buffer.from([0, 1]) }]);
      expect([command, rowCount, fields[0]?.dataTypeID]).toEqual(["SELECT", 1, 23]);
      const array = await client.query({ text: "SELECT 1, 'x'", rowMode: "array" });
      expect(array.rows).toEqual([[1, "x"]]);
      expect((await client.query("")).rows).toEqual([]);
    });
  });

  it("reuses named statements before, inside of and after transactions", async () => {
    await withClient(async (client) => {
      const count = async () => {
        const { rows } = await client.query({
          name: "count",
          text: "SELECT count(*)::int AS n FROM person WHERE id > $1",
          values: [30_000],
        });
        return rows[0].n;
      };
      expect(await count()).toBe(0);
      await client.query("BEGIN");
      expect(await count()).toBe(0);
      await client.query("INSERT INTO person (id) VALUES ($1)", [30_001]);
      expect(await count()).toBe(1);
      await client.query("ROLLBACK");
      expect(await count()).toBe(0);
      await client.query("INSERT INTO person (id) VALUES ($1)", [30_001]);
      expect(await count()).toBe(1);
      await client.query("DELETE FROM person WHERE id > 30000");
      expect(await count()).toBe(0);
    });
  });

  it("fetches in portions", async () => {
    await withClient(async (client) => {
      // A setting of the driver that its types do not list.
      const paged = {
        text: "SELECT id FROM person WHERE id <= $1 ORDER BY id",
        values: [95],
        rows: 10,
      };
      const { rows } = await client.query(paged);
      expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 95 }, (_, at) => at + 1));
    });
  });

  it("listens and notifies", async () => {
    await withClient(async (listener) => {
      const heard: string[] = [];
      listener.on("notification", ({ channel, payload }) => heard.push(`${channel} ${payload}`));
      await listener.query("LISTEN node_postgres");
      await withClient((sender) => sender.query("NOTIFY node_postgres, 'from another'"));
      await listener.query("SELECT pg_notify('node_postgres', $1)", ["from itself"]);
      await waitFor(() => heard.length === 2, { what: "two notifications" });
      expect(heard).toEqual(["node_postgres from another", "node_postgres from itself"]);
    });
  });

  it("passes on notices", async () => {
    await withClient(async (client) => {
      const notices: (string | undefined)[] = [];
      client.on("notice", ({ message }) => notices.push(message));
      await client.query("DO $$ BEGIN RAISE NOTICE 'look'; END $$");
      expect(notices).toEqual(["look"]);
    });
  });

  it("tells errors and goes on", async () => {
    await withClient(async (client) => {
      expect(await failure(client.query("SELEC"))).toMatchObject({ code: "42601", position: "1" });
      expect(await failure(client.query("SELECT $1::int", ["x"]))).toMatchObject({ code: "22P02" });
      const named = { name: "fails", text: "SELECT 1 / $1::int" };
      expect(await failure(client.query({ ...named, values: [0] }))).toMatchObject({
        code: "22012",
      });
      expect((await client.query({ ...named, values: [1] })).rowCount).toBe(1);
    });
  });

  it("shares a pool among many", async () => {
    const clients = new pg.Pool({ ...address(), max: 16 });
    try {
      await clients.query("CREATE TABLE counter AS SELECT 0 AS n");
      await Promise.all(Array.from({ length: 100 }, async () => {
        const client = await clients.connect();
        try {
          await client.query("BEGIN");
          await client.query("UPDATE counter SET n = n + $1", [1]);
          await client.query("COMMIT");
        } finally {
          client.release();
        }
      }));
      expect((await clients.query("SELECT n FROM counter")).rows).toEqual([{ n: 100 }]);
      await clients.query("DROP TABLE counter");
    } finally {
      await clients.end();
    }
  });

  it("runs a large result and a large parameter", async () => {
    await withClient(async (client) => {
      const { rows } = await client.query(
        "SELECT repeat('x', 1000) AS t FROM generate_series(1, 5000)",
      );
      expect(rows).toHaveLength(5000);
      const text = "p".repeat(3_000_000);
      const answer = await client.query("SELECT length($1::text) AS n, $1::text AS t", [text]);
      expect(answer.rows[0]).toEqual({ n: 3_000_000, t: text });
    });
  });
});
