/** Planned switchovers under load: no error for anybody, nothing lost, nothing twice. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import type { Settings } from "../../support/config-file.ts";
import * as frontend from "../../support/frontend.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { serverAccount } from "../../support/account.ts";
import { pgpoolBinary, postgresBin } from "../../support/programs.ts";
import { errorFields } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { runProgram } from "../support/client-programs.ts";
import { failureOf, logIn, rowsOf, valueOf } from "../support/nodes.ts";
import { PCP_CONF, pcpFailure, pcpPassFile, withPcp } from "../support/pcp.ts";
import { Roles } from "./roles.ts";

const OPTIONS = { drainTimeout: 10_000, force: false };
/** Longest time that transactions may wait, in milliseconds. */
const LONGEST_PAUSE = 10_000;

let roles: Roles;
let pgpool: Pgpool;

beforeAll(async () => {
  roles = await Roles.start();
}, 60_000);

afterAll(async () => {
  await roles?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await roles.settle();
}, 60_000);

async function start(config: Settings = {}): Promise<void> {
  pgpool = await startPgpool({
    cluster: roles.cluster,
    pcp: PCP_CONF,
    config: { ...roles.readsOnStandby, worker_processes: 2, num_init_children: 40, ...config },
  });
  await pgpool.waitForLog(/successfully started/);
}

/** Statuses and roles as an administrator sees them: `up primary, down standby`. */
async function nodes(): Promise<string> {
  const infos = await withPcp(pgpool, (pcp) => pcp.nodeInfo("all"));
  return infos.map(({ status, role }) => `${status} ${role}`).join(", ");
}

/**
 * Runs pgbench for some seconds; gives how many transactions it has committed.
 *
 * @param first number of the first of its clients.
 */
async function pgbench(mode: string, clients: number, first: number): Promise<number> {
  const { status, stdout, stderr } = await runProgram(
    "pgbench",
    ["-n", "-c", String(clients), "-T", "6", "-M", mode, "-D", `first=${first}`, "-f", "-"],
    { port: pgpool.port, input: SCRIPT, deadlineMs: 60_000 },
  );
  expect(stderr.replace(/^pgbench \(.*\n/, "")).toBe("");
  expect(status).toBe(0);
  expect(stdout).toContain("number of failed transactions: 0 (0.000%)");
  return Number(/number of transactions actually processed: (\d+)/.exec(stdout)?.[1]);
}

/** Each transaction writes one row and reads outside of it. */
const SCRIPT = `
\\set id random(1, 1000000000)
\\set me :first + :client_id
BEGIN;
INSERT INTO t VALUES (:id);
SELECT count(*) FROM t WHERE id = :id;
COMMIT;
SELECT count(*) FROM t WHERE id = 0;
INSERT INTO once VALUES (:me);
`;

describe("a switchover under pgbench with 20 clients", () => {
  it("makes nobody see an error, and loses and repeats no write", async () => {
    await start();
    await roles.primary.query("CREATE TABLE once (client int)");
    await roles.waitForReplay();
    const load = Promise.all([
      pgbench("simple", 8, 0),
      pgbench("extended", 6, 8),
      pgbench("prepared", 6, 14),
    ]);
    // While one of its clients prepares a statement, pgbench lets the others stand in transactions.
    const clients = "SELECT count(DISTINCT client)::int AS n FROM once";
    await waitFor(async () => (await roles.primary.query(clients))[0]?.["n"] === 20, {
      what: "all clients to be at work",
    });
    const told: string[] = [];
    const from = roles.primaryId;
    const report = await withPcp(pgpool, (pcp) => pcp.switchOver(roles.standbyId, OPTIONS), told);
    roles.switched();
    expect(report).toMatchObject({ node: roles.primaryId, oldPrimary: from, isFenced: true });
    expect(report.pause).toBeLessThan(LONGEST_PAUSE);
    expect(told.length).toBeGreaterThanOrEqual(5);
    const transactions = (await load).reduce((sum, count) => sum + count, 0);
    const [row] = await roles.primary.query(
      "SELECT (SELECT count(*) FROM t) AS rows, (SELECT count(*) FROM once) AS once",
    );
    expect(row).toEqual({ rows: String(transactions), once: String(transactions) });
    await roles.primary.query("DROP TABLE once");
  }, 60_000);
});

describe("a switchover", () => {
  it("by the command line: progress on standard error, JSON on standard output", async () => {
    await start();
    const child = Bun.spawn([
      pgpoolBinary(null),
      ...["switchover", String(roles.standbyId), "--yes", "--json", "-w"],
      ...["-h", pgpool.host, "-p", String(pgpool.pcpPort), "-U", "admin"],
    ], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PCPPASSFILE: pcpPassFile() },
    });
    const [stdout, stderr, status] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    expect(stderr).toContain("NOTICE:  new transactions wait");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      node: roles.standbyId,
      oldPrimary: roles.primaryId,
    });
    roles.switched();
    using client = await logIn(pgpool);
    expect(await failureOf(client, "INSERT INTO t VALUES (1)")).toBe("");
  }, 30_000);

  it("lets failover_command promote where there is one", async () => {
    const pgCtl = join(postgresBin(serverAccount()), "pg_ctl");
    await start({ failover_command: `${pgCtl} -D %R promote` });
    using client = await logIn(pgpool);
    await rowsOf(client, "INSERT INTO t VALUES (1)");
    await withPcp(pgpool, (pcp) => pcp.switchOver(roles.standbyId, OPTIONS));
    roles.switched();
    expect(pgpool.log()).toMatch(/execute command: \S+pg_ctl -D \S+ promote/);
    await rowsOf(client, "INSERT INTO t VALUES (2)");
    expect(await roles.primary.query("SELECT id FROM t ORDER BY id")).toHaveLength(2);
  }, 30_000);

  it(
    "is called off when failover_command does not promote: the old primary is used again",
    async () => {
      await start({ failover_command: "exit 1", search_primary_node_timeout: 2 });
      using client = await logIn(pgpool);
      await rowsOf(client, "INSERT INTO t VALUES (1)");
      const failure = pcpFailure(pgpool, (pcp) => pcp.switchOver(roles.standbyId, OPTIONS));
      await pgpool.waitForLog(/promoting it/);
      await rowsOf(client, "INSERT INTO t VALUES (2)");
      expect((await failure).detail).toContain("was not promoted");
      expect(await roles.primary.query("SELECT id FROM t ORDER BY id")).toHaveLength(2);
      expect(await nodes()).not.toContain("down");
    },
    30_000,
  );

  it("keeps clients off the old primary, also those that do not come through pgpool", async () => {
    await start();
    const direct = roles.primary.connect();
    try {
      await direct`SELECT 1`;
      await withPcp(pgpool, (pcp) => pcp.switchOver(roles.standbyId, OPTIONS));
      roles.switched();
      const refused = await direct`INSERT INTO t VALUES (1)`.catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(Error);
      const again = await roles.standby.query("INSERT INTO t VALUES (1)").catch((error) => error);
      expect(again).toMatchObject({ code: "25006" });
    } finally {
      await direct.end({ timeout: 1 });
    }
    const [setting] = await roles.standby.query(
      "SELECT count(*)::int AS n FROM pg_file_settings WHERE name = 'default_transaction_read_only'",
    );
    expect(setting).toEqual({ n: 0 });
    const seen = (await nodes()).split(", ");
    expect(seen[roles.standbyId]).toBe("down standby");
    expect(seen[roles.primaryId]).toMatch(/^(up|waiting) primary$/);
  }, 30_000);

  it(
    "takes along what can be moved, and tells sessions that have left something else",
    async () => {
      await start();
      await roles.primary.query(
        "CREATE OR REPLACE FUNCTION twice(n int) RETURNS int LANGUAGE plpgsql AS " +
          "'BEGIN RETURN 2 * n; END'",
      );
      using moved = await logIn(pgpool);
      await rowsOf(moved, "SET work_mem = '12MB'");
      await rowsOf(moved, "PREPARE p AS INSERT INTO t SELECT twice(21)");
      await rowsOf(moved, "EXECUTE p");
      await rowsOf(moved, "SELECT pg_advisory_lock(1), pg_advisory_unlock(1)");
      using listening = await logIn(pgpool);
      await rowsOf(listening, "LISTEN something");
      using temporary = await logIn(pgpool);
      await rowsOf(temporary, "CREATE TEMP TABLE mine (id int)");
      using setting = await logIn(pgpool);
      await rowsOf(setting, "SELECT set_config('work_mem', '13MB', false)");
      await withPcp(pgpool, (pcp) => pcp.switchOver(roles.standbyId, OPTIONS));
      roles.switched();
      for (const client of [listening, temporary, setting]) {
        const errors = (await client.readToEnd()).filter(({ type }) => type === "E");
        expect(errors.map((error) => errorFields(error).C)).toEqual(["57P01"]);
      }
      await rowsOf(moved, "EXECUTE p");
      expect(await valueOf(moved, "SELECT current_setting('work_mem')")).toBe("12MB");
      expect(await roles.primary.query("SELECT id FROM t")).toEqual([{ id: 42 }, { id: 42 }]);
    },
    30_000,
  );

  it("gives up when a transaction does not end, and nothing has changed", async () => {
    await start();
    using client = await logIn(pgpool);
    await rowsOf(client, "BEGIN");
    await rowsOf(client, "INSERT INTO t VALUES (1)");
    using waiting = await logIn(pgpool);
    const failure = pcpFailure(
      pgpool,
      (pcp) => pcp.switchOver(roles.standbyId, { drainTimeout: 1000, force: false }),
    );
    await pgpool.waitForLog(/new transactions wait/);
    waiting.send(frontend.query("INSERT INTO t VALUES (2)"));
    expect((await failure).detail).toBe("transactions still run");
    expect((await waiting.readUntil("Z")).map(({ type }) => type)).not.toContain("E");
    expect(await failureOf(client, "COMMIT")).toBe("");
    expect(await rowsOf(client, "/* here */ SELECT id FROM t ORDER BY id")).toEqual([["1"], ["2"]]);
    expect(await nodes()).not.toContain("down");
  }, 30_000);

  it("ends transactions that do not end with --force", async () => {
    await start();
    using client = await logIn(pgpool);
    await rowsOf(client, "BEGIN");
    await rowsOf(client, "INSERT INTO t VALUES (1)");
    await withPcp(
      pgpool,
      (pcp) => pcp.switchOver(roles.standbyId, { drainTimeout: 500, force: true }),
    );
    roles.switched();
    const [error] = await client.readToEnd();
    expect(error && errorFields(error).C).toBe("57P01");
    using next = await logIn(pgpool);
    expect(await valueOf(next, "SELECT count(*) FROM t")).toBe("0");
  }, 30_000);

  it("is called off when the standby dies in the middle", async () => {
    await start();
    using client = await logIn(pgpool);
    await rowsOf(client, "BEGIN");
    await rowsOf(client, "INSERT INTO t VALUES (1)");
    const failure = pcpFailure(pgpool, (pcp) => pcp.switchOver(roles.standbyId, OPTIONS));
    await pgpool.waitForLog(/new transactions wait/);
    await roles.standby.kill();
    expect(await failureOf(client, "COMMIT")).toBe("");
    expect((await failure).message).toBe("switchover failed");
    expect(await failureOf(client, "INSERT INTO t VALUES (2)")).toBe("");
    using next = await logIn(pgpool);
    expect(await failureOf(next, "INSERT INTO t VALUES (3)")).toBe("");
    expect(await roles.primary.query("SELECT FROM t")).toHaveLength(3);
  }, 30_000);

  it(
    "is called off when the primary dies in the middle, and the failover goes its way",
    async () => {
      await start();
      using client = await logIn(pgpool);
      await rowsOf(client, "BEGIN");
      await rowsOf(client, "INSERT INTO t VALUES (1)");
      using waiting = await logIn(pgpool);
      const failure = pcpFailure(pgpool, (pcp) => pcp.switchOver(roles.standbyId, OPTIONS));
      await pgpool.waitForLog(/new transactions wait/);
      waiting.send(frontend.query("INSERT INTO t VALUES (2)"));
      await roles.primary.kill();
      expect((await failure).message).toBe("switchover failed");
      await roles.promote();
      expect((await waiting.readUntil("Z", 15_000)).map(({ type }) => type)).not.toContain("E");
      expect(await roles.primary.query("SELECT id FROM t")).toEqual([{ id: 2 }]);
    },
    40_000,
  );

  it("goes on when a worker dies in the middle", async () => {
    await start();
    using client = await logIn(pgpool);
    await rowsOf(client, "BEGIN");
    const report = withPcp(pgpool, (pcp) => pcp.switchOver(roles.standbyId, OPTIONS));
    await pgpool.waitForLog(/new transactions wait/);
    for (const pid of pgpool.pids().slice(1)) process.kill(pid, "SIGKILL");
    expect((await report).oldPrimary).toBe(roles.primaryId);
    roles.switched();
    using next = await logIn(pgpool);
    expect(await failureOf(next, "INSERT INTO t VALUES (1)")).toBe("");
  }, 40_000);

  it("refuses nodes that can not be the primary", async () => {
    await start();
    for (const [node, kind] of [[roles.primaryId, "refused"], [7, "unknown"]] as const) {
      const error = await pcpFailure(pgpool, (pcp) => pcp.switchOver(node, OPTIONS));
      expect(error.kind).toBe(kind);
    }
  });
});
