/** What clients see when a server fails, whatever they are doing at that moment. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import { serverAccount } from "../../support/account.ts";
import type { Settings } from "../../support/config-file.ts";
import * as frontend from "../../support/frontend.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { postgresBin } from "../../support/programs.ts";
import { RawClient } from "../../support/raw-client.ts";
import { errorFields } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { failureOf, logIn, rowsOf, valueOf } from "../support/nodes.ts";
import { Roles } from "./roles.ts";

const WHERE = "SELECT current_setting('port')";
const LONG = "SELECT count(*) FROM t, generate_series(1, 100000000)";

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
  await roles.heal();
}, 60_000);

async function start(config: Settings = {}): Promise<void> {
  pgpool = await startPgpool({
    cluster: roles.cluster,
    config: { ...roles.readsOnStandby, worker_processes: 2, ...config },
  });
}

/** SQLSTATEs of all errors that a session gets before its connection ends. */
async function lastErrors(client: RawClient): Promise<string[]> {
  const messages = await client.readToEnd(15_000);
  return messages.filter(({ type }) => type === "E").map((each) => errorFields(each).C ?? "");
}

/** A session that has read on the standby. */
async function reader(): Promise<RawClient> {
  const client = await logIn(pgpool);
  expect(await valueOf(client, WHERE)).toBe(String(roles.standby.port));
  return client;
}

async function waitForQuery(text: string): Promise<void> {
  await waitFor(
    async () =>
      (await roles.standby.query(
        "SELECT FROM pg_stat_activity WHERE state = 'active' AND query = $1",
        [text],
      )).length === 1,
    { what: "the query to run" },
  );
}

describe("when a standby dies", () => {
  it("only those end that wait for it or read from a cursor there", async () => {
    await start();
    using writer = await logIn(pgpool);
    await rowsOf(writer, "BEGIN");
    await rowsOf(writer, "INSERT INTO t VALUES (1)");
    using idle = await reader();
    using prepared = await reader();
    await prepared.exchange(frontend.parse(WHERE, "s"), frontend.sync);
    using inTransaction = await reader();
    await rowsOf(inTransaction, "BEGIN");
    expect(await valueOf(inTransaction, WHERE)).toBe(String(roles.standby.port));
    using portal = await reader();
    await rowsOf(portal, "BEGIN");
    portal.send(
      frontend.parse("SELECT generate_series(1, 10)"),
      frontend.bind({ portal: "p" }),
      frontend.execute("p", 1),
      frontend.sync,
    );
    await portal.readUntil("Z");
    using copying = await reader();
    copying.send(frontend.query(`COPY (${LONG}) TO STDOUT`));
    using running = await reader();
    running.send(frontend.query(LONG));
    await waitForQuery(LONG);

    await roles.standby.kill();
    for (const client of [portal, copying, running]) {
      expect(await lastErrors(client)).toEqual([expect.stringMatching(/^(08006|57P0[12])$/)]);
    }
    for (const client of [idle, inTransaction]) {
      expect(await valueOf(client, WHERE)).toBe(String(roles.primary.port));
    }
    expect(await failureOf(inTransaction, "COMMIT")).toBe("");
    const bound = await prepared.exchange(
      frontend.bind({ statement: "s" }),
      frontend.execute(),
      frontend.sync,
    );
    expect(bound.filter((line) => line.startsWith("DataRow"))).toHaveLength(1);
    expect(await failureOf(writer, "COMMIT")).toBe("");
    expect(await valueOf(writer, "SELECT count(*) FROM t")).toBe("1");
  });
});

describe("when the primary dies", () => {
  it(
    "those end that have something unfinished there; the others wait for the next one",
    async () => {
      await start();
      using idle = await logIn(pgpool);
      await rowsOf(idle, "SET application_name = 'kept'");
      await rowsOf(idle, "SET work_mem = '12MB'");
      using prepared = await logIn(pgpool);
      await prepared.exchange(frontend.parse("INSERT INTO t VALUES (2)", "s"), frontend.sync);
      using inTransaction = await logIn(pgpool);
      await rowsOf(inTransaction, "BEGIN");
      await rowsOf(inTransaction, "INSERT INTO t VALUES (100)");
      using pipeline = await logIn(pgpool);
      pipeline.send(
        frontend.parse("INSERT INTO t VALUES (101)"),
        frontend.bind(),
        frontend.execute(),
        frontend.flush,
      );
      await pipeline.readUntil("C");
      using copying = await logIn(pgpool);
      copying.send(frontend.query("COPY t FROM STDIN"));
      await copying.readUntil("G");
      copying.send(frontend.copyData("102\n"));
      using temporary = await logIn(pgpool);
      await rowsOf(temporary, "CREATE TEMP TABLE mine (id int)");
      using running = await logIn(pgpool);
      running.send(frontend.query("/* here */ SELECT pg_sleep(60)"));
      using readsOnly = await reader();

      await roles.primary.kill();
      for (const client of [inTransaction, pipeline, copying, temporary, running]) {
        expect(await lastErrors(client)).toEqual([expect.stringMatching(/^(08006|57P0[12])$/)]);
      }
      expect(await valueOf(readsOnly, WHERE)).toBe(String(roles.standby.port));

      const fresh = logIn(pgpool).then(async (client) => {
        await rowsOf(client, "INSERT INTO t VALUES (3)");
        return client;
      });
      await pgpool.waitForLog(/Failover done/);
      expect(idle.unread()).toEqual([]);
      idle.send(frontend.query("INSERT INTO t VALUES (1)"));
      prepared.send(frontend.bind({ statement: "s" }), frontend.execute(), frontend.sync);
      await roles.promote();
      for (const client of [idle, prepared]) {
        expect((await client.readUntil("Z", 15_000)).map(({ type }) => type)).not.toContain("E");
      }
      using newcomer = await fresh;
      expect(await valueOf(newcomer, WHERE)).toBe(String(roles.primary.port));
      expect(await valueOf(idle, "SELECT current_setting('application_name')")).toBe("kept");
      expect(await valueOf(idle, "SELECT current_setting('work_mem')")).toBe("12MB");
      expect(await rowsOf(idle, "SELECT id FROM t ORDER BY id")).toEqual([["1"], ["2"], ["3"]]);
    },
    40_000,
  );

  it("by an orderly shutdown: idle sessions are not told, and go on when it is back", async () => {
    // What one session has been told, the one worker has heard for all.
    await start({ auto_failback: true, worker_processes: 1 });
    using idle = await logIn(pgpool);
    await rowsOf(idle, "INSERT INTO t VALUES (1)");
    using inTransaction = await logIn(pgpool);
    await rowsOf(inTransaction, "BEGIN");
    await rowsOf(inTransaction, "INSERT INTO t VALUES (2)");
    await roles.primary.stop();
    expect(await lastErrors(inTransaction)).toEqual(["57P01"]);
    expect(idle.unread()).toEqual([]);
    idle.send(frontend.query("INSERT INTO t VALUES (3)"));
    await roles.primary.start();
    expect((await idle.readUntil("Z", 15_000)).map(({ type }) => type)).not.toContain("E");
    expect(await rowsOf(idle, "/* there */ SELECT id FROM t")).toEqual([["1"], ["3"]]);
  }, 30_000);

  it("those that want to write are told after failover_wait_timeout, and go on", async () => {
    await start({ failover_wait_timeout: 2 });
    using client = await logIn(pgpool);
    await rowsOf(client, "INSERT INTO t VALUES (1)");
    await roles.waitForReplay();
    await roles.primary.kill();
    await pgpool.waitForLog(/Failover done/);
    expect(await failureOf(client, "INSERT INTO t VALUES (2)")).toBe("25006");
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("1");
    using next = await logIn(pgpool);
    expect(await failureOf(next, "DELETE FROM t")).toBe("25006");
    await rowsOf(next, "BEGIN");
    expect(await valueOf(next, "SELECT count(*) FROM t")).toBe("1");
  }, 30_000);

  it("a statement that waits can be canceled, and its client can leave", async () => {
    await start();
    using client = await logIn(pgpool);
    const leaving = await logIn(pgpool);
    await roles.primary.kill();
    await pgpool.waitForLog(/Failover done/);
    leaving.send(frontend.query("INSERT INTO t VALUES (1)"));
    leaving.close();
    client.send(frontend.query("INSERT INTO t VALUES (2)"));
    const { pid, key } = client.backendKey();
    await waitFor(async () => {
      using canceler = await RawClient.connect({ port: pgpool.port });
      canceler.send(frontend.cancelRequest(pid, key));
      await canceler.readToEnd();
      return client.unread().length > 0;
    }, { what: "the statement to be canceled" });
    const [error] = await client.readUntil("Z");
    expect(error && errorFields(error).C).toBe("57014");
    await roles.promote();
    await waitFor(async () => await failureOf(client, "INSERT INTO t VALUES (3)") === "", {
      what: "writes on the new primary",
    });
    expect(await rowsOf(client, "SELECT id FROM t")).toEqual([["3"]]);
  }, 30_000);
});

describe("new clients during a failover", () => {
  const pgCtl = join(postgresBin(serverAccount()), "pg_ctl");

  it("wait until it is over, and write on the new primary", async () => {
    await start({ failover_command: `sleep 1; ${pgCtl} -D %R promote` });
    await pgpool.waitForLog(/successfully started/);
    await roles.primary.kill();
    using first = await logIn(pgpool);
    roles.switched();
    expect(await failureOf(first, "INSERT INTO t VALUES (1)")).toBe("");
    expect(pgpool.log()).toContain("Failover done");
  }, 30_000);

  it("are told when it takes too long", async () => {
    await start({ failover_command: `sleep 3; ${pgCtl} -D %R promote`, failover_wait_timeout: 1 });
    await pgpool.waitForLog(/successfully started/);
    await roles.primary.kill();
    const refused = await logIn(pgpool).catch((error: unknown) => error);
    expect(refused).toMatchObject({ sqlState: "57P03" });
    await pgpool.waitForLog(/Failover done/, 15_000);
    roles.switched();
    using next = await logIn(pgpool);
    expect(await failureOf(next, "INSERT INTO t VALUES (1)")).toBe("");
  }, 30_000);
});
