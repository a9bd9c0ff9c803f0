/** psql and pgbench work through the pool as they do directly. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { clientProgram } from "../support/clients.ts";
import { psql, runProgram } from "./support/client-programs.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

let pool: ReplicatedPool;

beforeAll(async () => {
  pool = await startReplicatedPool();
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

/** Statements and psql's own commands; \copy uses files in a directory of its own. */
const SCRIPT = `
CREATE TABLE city (id serial PRIMARY KEY, name text NOT NULL, people int CHECK (people > 0));
CREATE INDEX city_people ON city (people);
\\copy city (name, people) from stdin
Berlin	3700000
Köln, "am Rhein"	1080000
東京	14000000
\\.
SELECT * FROM city ORDER BY id;
\\copy (SELECT * FROM city ORDER BY id) to 'cities.csv' with (format csv, header)
\\! cat cities.csv
CREATE TABLE again (LIKE city);
\\copy again from 'cities.csv' with (format csv, header)
SELECT count(*) FROM again;
\\d city
\\d+ again
\\dt
\\di city*
\\df no_such_function
\\dn
\\x on
SELECT * FROM city WHERE id = 1;
\\x off
SELECT max(people) AS most FROM city \\gset
\\echo :most
SELECT name FROM city WHERE people = :most;
\\set limit 2
SELECT id FROM city ORDER BY id LIMIT :limit;
SELECT 'DROP TABLE again' \\gexec
SELECT 1 AS a \\; SELECT 2 AS b;
SELECT name, people FROM city ORDER BY 1 \\gdesc
SELECT id, name, people FROM city \\crosstabview id name people
BEGIN;
INSERT INTO city (name, people) VALUES ('Nowhere', 1);
ROLLBACK;
\\set AUTOCOMMIT off
INSERT INTO city (name, people) VALUES ('Somewhere', 2);
SELECT count(*) FROM city;
COMMIT;
\\set AUTOCOMMIT on
\\set FETCH_COUNT 2
SELECT name FROM city ORDER BY id;
\\unset FETCH_COUNT
\\set ON_ERROR_ROLLBACK on
\\set ON_ERROR_STOP off
BEGIN;
INSERT INTO city (name) VALUES ('half');
SELECT 1 / 0;
SELECT name FROM city WHERE people IS NULL;
COMMIT;
\\encoding
\\sf lower(text)
SET client_encoding = 'LATIN1';
\\encoding
RESET client_encoding;
LISTEN news;
NOTIFY news, 'heard';
UNLISTEN news;
PREPARE q AS SELECT name FROM city WHERE id = $1;
EXECUTE q (1);
\\lo_import cities.csv
SELECT count(*) FROM pg_largeobject_metadata;
\\du
DROP TABLE city;
`;

describe.skipIf(clientProgram("psql") === null)("psql", () => {
  it("prints the same for a long script", async () => {
    for (const database of ["psql_direct", "psql_pooled"]) {
      await pool.cluster.query(`CREATE DATABASE ${database} STRATEGY FILE_COPY`);
    }
    const direct = await psql(SCRIPT, {
      port: pool.cluster.primary.port,
      database: "psql_direct",
    });
    const pooled = await psql(SCRIPT, { port: pool.pgpool.port, database: "psql_pooled" });
    // Process ids and object ids differ between any two runs.
    const normal = (text: string) => text.replace(/(PID|lo_import) \d+/g, "$1 N");
    expect(normal(pooled.stdout)).toBe(normal(direct.stdout));
    expect(normal(pooled.stderr)).toBe(normal(direct.stderr));
    expect(pooled.status).toBe(direct.status);
    expect(direct.stdout).toContain("東京");
  });

  it("takes settings from the connection string", async () => {
    const { port } = pool.pgpool;
    for (
      const conninfo of [
        "options='-c work_mem=5MB'",
        "application_name=other options='-c work_mem=5MB'",
      ]
    ) {
      const { stdout, stderr } = await psql("SHOW work_mem;", { port }, ["-At", conninfo]);
      expect([stdout, stderr]).toEqual(["5MB\n", ""]);
    }
  });

  it("creates and drops databases and roles, 20 at once", async () => {
    const { port } = pool.pgpool;
    const results = await Promise.all(Array.from({ length: 20 }, (_, at) =>
      psql(
        `CREATE ROLE crowd_${at} LOGIN;
         CREATE DATABASE crowd_${at} OWNER crowd_${at} STRATEGY FILE_COPY;
         ALTER DATABASE crowd_${at} SET work_mem = '6MB';
         SELECT datname FROM pg_database WHERE datname = 'crowd_${at}';
         DROP DATABASE crowd_${at};
         DROP ROLE crowd_${at};
         SELECT count(*) FROM pg_roles WHERE rolname = 'crowd_${at}';`,
        { port },
        ["-At"],
      )));
    const done = ["CREATE ROLE", "CREATE DATABASE", "ALTER DATABASE"];
    const undone = ["DROP DATABASE", "DROP ROLE"];
    for (const [at, { stdout, stderr }] of results.entries()) {
      expect(stderr).toBe("");
      expect(stdout.trim().split("\n")).toEqual([...done, `crowd_${at}`, ...undone, "0"]);
    }
  }, 90_000);

  it("works in a database, leaves it and drops it, 20 at once", async () => {
    const { port } = pool.pgpool;
    const results = await Promise.all(Array.from({ length: 20 }, (_, at) =>
      psql(
        `CREATE DATABASE visited_${at} STRATEGY FILE_COPY;
         \\connect visited_${at}
         CREATE TABLE t AS SELECT ${at} AS a;
         SELECT a FROM t;
         \\connect postgres
         DROP DATABASE visited_${at};`,
        { port },
        ["-Atq"],
      )));
    for (const [at, { stdout, stderr }] of results.entries()) {
      expect([stdout, stderr]).toEqual([`${at}\n`, ""]);
    }
  }, 90_000);
});

describe.skipIf(clientProgram("pgbench") === null)("pgbench", () => {
  const port = () => pool.pgpool.port;

  beforeAll(async () => {
    const { status, stderr } = await runProgram("pgbench", ["-i", "-s", "1", "-q"], {
      port: port(),
    });
    expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
  }, 60_000);

  for (const mode of ["simple", "extended", "prepared"]) {
    for (const [what, args] of [["reads", ["-S"]], ["TPC-B", []]] as const) {
      it(`runs ${what} with -M ${mode}`, async () => {
        await bench(["-M", mode, ...args, "-c", "8", "-j", "2", "-t", "25"], 200);
      });

      it(`runs ${what} with -M ${mode} and a connection per transaction`, async () => {
        await bench(["-M", mode, ...args, "-C", "-c", "4", "-t", "10"], 40);
      });
    }
  }

  it("keeps the books: all balances agree after TPC-B", async () => {
    const [row] = await pool.cluster.query(
      `SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)
         AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)
         AND (SELECT sum(tbalance) FROM pgbench_tellers) = (SELECT sum(delta) FROM pgbench_history)
         AS agree, (SELECT count(*)::int FROM pgbench_history) AS transactions`,
    );
    expect(row).toEqual({ agree: true, transactions: 3 * (200 + 40) });
  });

  async function bench(args: readonly string[], transactions: number): Promise<void> {
    const { status, stdout, stderr } = await runProgram("pgbench", ["-n", ...args], {
      port: port(),
    });
    expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`actually processed: ${transactions}/${transactions}`);
  }
});
