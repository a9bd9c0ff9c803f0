/** What goes on in a pool just now: over PCP, and as `pgpool top` shows it. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { connectPcp, type PcpConnection } from "../../lib/pcp/client.ts";
import { md5Hex } from "../../lib/auth/md5.ts";
import * as frontend from "../support/frontend.ts";
import { SUPERUSER } from "../support/postgres.ts";
import { waitFor } from "../support/wait.ts";
import { logIn, rowsOf, valueOf } from "./support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

const PASSWORD = "secret";

let pool: ReplicatedPool;
let connection: PcpConnection;

beforeAll(async () => {
  pool = await startReplicatedPool(
    { worker_processes: 2, num_init_children: 6 },
    { pcp: `admin:${md5Hex(PASSWORD)}\n` },
  );
  const { host, pcpPort: port } = pool.pgpool;
  connection = await waitFor(
    () => connectPcp({ host, port, user: "admin", password: PASSWORD }),
    { what: "the PCP port" },
  );
}, 90_000);

afterAll(async () => {
  await connection?.close();
  await pool?.[Symbol.asyncDispose]();
});

/** Starts a statement that takes long, and waits until a server runs it. */
async function startSlow(statement: string) {
  const client = await logIn(pool.pgpool, { parameters: { application_name: "slow" } });
  client.send(frontend.query(statement));
  await waitFor(async () => {
    const [row] = await pool.cluster.query(
      "SELECT FROM pg_stat_activity WHERE query = $1 AND state = 'active'",
      [statement],
    );
    return row !== undefined;
  }, { what: "the statement to run" });
  return client;
}

describe("the activity of a pool", () => {
  it("names who runs what for how long, longest first, and the server processes", async () => {
    const first = await startSlow("SELECT pg_sleep(30), 'first'");
    const second = await startSlow("SELECT pg_sleep(30), 'second'");
    using idle = await logIn(pool.pgpool);
    await valueOf(idle, "SELECT 1");
    using inTransaction = await logIn(pool.pgpool);
    await rowsOf(inTransaction, "BEGIN");
    try {
      const { statistics, sessions } = await waitFor(async () => {
        const activity = await connection.activity();
        return activity.sessions.length === 3 && activity;
      }, { what: "three busy sessions" }) || await connection.activity();
      expect(statistics.nodes.map(({ role }) => role)).toEqual(["primary", "standby"]);
      const sleeping = sessions.filter(({ state }) => state === "active");
      expect(sleeping.map(({ statement }) => statement)).toEqual([
        "SELECT pg_sleep(30), 'first'",
        "SELECT pg_sleep(30), 'second'",
      ]);
      expect(sessions.map(({ state }) => state)).toContain("idleInTransaction");
      for (const { seconds, node, user, database, clientHost, applicationName } of sleeping) {
        expect(seconds).toBeWithin(0, 20);
        expect({ node, user, database, clientHost, applicationName }).toEqual({
          node: 0,
          user: SUPERUSER,
          database: "postgres",
          clientHost: "127.0.0.1",
          applicationName: "slow",
        });
      }
      const [server] = await pool.cluster.query(
        "SELECT pid FROM pg_stat_activity WHERE query = $1",
        [sleeping[0]?.statement ?? ""],
      );
      expect(sleeping[0]?.backendPid).toBe(Number(server?.["pid"]));
      expect(pool.pgpool.pids()).toContain(sleeping[0]?.poolPid ?? 0);
    } finally {
      first.close();
      second.close();
    }
  });

  it("is limited to as many sessions as are asked for", async () => {
    const clients = await Promise.all([1, 2, 3].map(() => logIn(pool.pgpool)));
    for (const client of clients) await rowsOf(client, "BEGIN");
    expect((await connection.activity(2)).sessions).toHaveLength(2);
    expect((await connection.activity(0)).sessions).toEqual([]);
    for (const client of clients) client.close();
  });
});
