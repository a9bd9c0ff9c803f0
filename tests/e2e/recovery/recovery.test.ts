/** Online recovery of a standby whose data are lost, as an administrator asks for it over PCP. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { waitFor } from "../../support/wait.ts";
import { addScript, Recoverable } from "./recoverable.ts";

let pool: Recoverable;

beforeAll(async () => {
  pool = await Recoverable.start();
  await pool.cluster.query("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
}, 60_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

describe("online recovery", () => {
  beforeEach(async () => {
    await pool.loseStandby();
  }, 20_000);

  it("makes the standby anew and uses it again, and tells each step", async () => {
    const told = await pool.recover(1);
    expect(await pool.statuses()).toMatch(/^up (up|waiting)$/);
    const standby = pool.cluster.server(1);
    expect(await standby.isStandby()).toBe(true);
    expect(await standby.query("SELECT id FROM t")).toEqual([{ id: 1 }]);
    await pool.cluster.query("INSERT INTO t VALUES (2)");
    await waitFor(async () => (await standby.query("SELECT FROM t WHERE id = 2")).length === 1, {
      what: "the standby to stream",
    });
    const { host, port } = pool.cluster.primary;
    expect(told).toEqual([
      `from node 0 (${host}:${port})`,
      '1st stage: running "recovery_by_server.sql" on node 0',
      `recovery_by_server: copying ${host}:${port} to node 1 (${host}:${standby.port})`,
      "recovery_by_server: node 1 is ready to be started",
      'running "pgpool_remote_start" on node 0',
      `pgpool_remote_start: starting the server in ${standby.dataDir} on ${host}`,
      "server starting",
      `waiting for the server on ${host}:${standby.port}`,
      "attaching the node",
    ]);
    for (const line of told) {
      expect(pool.pgpool.log()).toContain(`LOG:  online recovery of node 1: ${line}`);
    }
    expect(pool.pgpool.log()).toContain("LOG:  recovery done");
  }, 30_000);

  it("brings the words of a script that fails back, and leaves the node down", async () => {
    addScript(pool.cluster.primary, "broken", "#!/bin/sh\necho no space left >&2\nexit 3\n");
    await pool.reload({ recovery_1st_stage_command: "broken" });
    const error = await pool.failure(1);
    expect(error.message).toBe(
      'executing recovery, execution of command failed at "1st stage"',
    );
    expect(error.detail).toBe(
      'command:"broken"\npgpool_recovery failed\n' +
        'Script "broken" exited with status 3.\nno space left',
    );
    expect(pool.pgpool.log()).toContain(`ERROR:  ${error.message}`);
    expect(pool.pgpool.log()).toContain(
      `DETAIL:  ${error.detail.replaceAll("\n", "\n\t")}. PCP client`,
    );
    expect(await pool.statuses()).toBe("up down");
  });

  it("ends a script that hangs, and refuses another recovery meanwhile", async () => {
    addScript(pool.cluster.primary, "hanging", "#!/bin/sh\necho begun\nsleep 60\n");
    await pool.reload({ recovery_1st_stage_command: "hanging", recovery_command_timeout: 2 });
    const first = pool.failure(1);
    await pool.pgpool.waitForLog(/running "hanging" on node 0/);
    const second = await pool.failure(1);
    expect(second.severity).toBe("FATAL");
    expect(second.detail).toBe("pgpool-II is already processing another recovery request.");
    expect((await first).detail).toContain('Script "hanging" did not end within 2 seconds.\nbegun');
  }, 20_000);

  it("says that recovery_user is not let in", async () => {
    await pool.cluster.query("ALTER USER rescuer PASSWORD 'other'");
    const error = await pool.failure(1);
    await pool.cluster.query("ALTER USER rescuer PASSWORD 'hello'");
    expect(error.message).toBe("node recovery failed, unable to connect to main node: 0 ");
    expect(error.detail).toBe('password authentication failed for user "rescuer"');
  });

  it("does not keep pgpool from being stopped", async () => {
    await pool.reload({ recovery_1st_stage_command: "hanging", recovery_command_timeout: 10 });
    const from = pool.pgpool.logEnd();
    const told = pool.failure(1);
    await pool.pgpool.waitForLog(/running "hanging" on node 0/, 10_000, from);
    expect(await pool.pgpool.stop("fast", 4000)).toBe(0);
    expect(await told).toMatchObject({ kind: "protocol" });
  });
});
