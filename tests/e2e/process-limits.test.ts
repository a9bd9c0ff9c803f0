/** What bounds clients and connections: places, queues, idle and life times. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { TestCluster } from "../support/cluster.ts";
import type { Settings } from "../support/config-file.ts";
import * as frontend from "../support/frontend.ts";
import { type Pgpool, startPgpool } from "../support/pgpool.ts";
import { LoginRefused, RawClient } from "../support/raw-client.ts";
import { errorFields } from "../support/transcript.ts";
import { waitFor } from "../support/wait.ts";
import { logIn, rowsOf, valueOf } from "./support/nodes.ts";

const PID = "SELECT pg_backend_pid()";

let cluster: TestCluster;
let pgpool: Pgpool | undefined;

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
  for (const name of ["one", "two", "three"]) await cluster.query(`CREATE DATABASE ${name}`);
}, 60_000);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  pgpool = undefined;
});

async function start(config: Settings): Promise<Pgpool> {
  pgpool = await startPgpool({ cluster, config: { worker_processes: 1, ...config } });
  return pgpool;
}

/** Server processes of pgpool's clients, without its own checks. */
async function serverPids(): Promise<number[]> {
  const rows = await cluster.query(
    `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'limits%' ORDER BY pid`,
  );
  return rows.map((row) => Number(row["pid"]));
}

async function logInTo(database: string): Promise<RawClient> {
  if (pgpool === undefined) throw new Error("no pgpool");
  return await logIn(pgpool, { database, parameters: { application_name: "limits" } });
}

/** The refusal of a login. */
async function refusal(login: Promise<RawClient>): Promise<LoginRefused> {
  const result = await login.catch((error: unknown) => error);
  if (result instanceof LoginRefused) return result;
  throw new Error("the client was not refused", { cause: result });
}

describe("num_init_children", () => {
  it.each([1, 2])("further clients wait for their turn, with %i workers", async (workers) => {
    const own = await start({ num_init_children: 2, worker_processes: workers });
    using first = await logIn(own);
    using second = await logIn(own);
    const third = logIn(own);
    const fourth = logIn(own);
    let served = 0;
    for (const waiting of [third, fourth]) void waiting.then(() => served++);
    // Whoever is served goes on meanwhile.
    expect(await valueOf(second, "SELECT 2 FROM pg_sleep(0.2)")).toBe("2");
    expect(served).toBe(0);
    first.close();
    const next = await Promise.race([third, fourth]);
    expect(await valueOf(next, "SELECT 3")).toBe("3");
    second.send(frontend.terminate);
    for (const client of await Promise.all([third, fourth])) {
      expect(await valueOf(client, "SELECT 4")).toBe("4");
      client.close();
    }
  });

  it("a client that gives up while it waits takes nobody's place", async () => {
    const own = await start({ num_init_children: 1 });
    using first = await logIn(own);
    for (let n = 0; n < 3; n++) {
      const impatient = await RawClient.connect({ port: own.port });
      impatient.send(frontend.startup({ user: "postgres" }));
      await valueOf(first, "SELECT pg_sleep(0.02)");
      impatient.close();
    }
    first.send(frontend.terminate);
    using next = await logIn(own);
    expect(await valueOf(next, "SELECT 1")).toBe("1");
  });

  it("client_queue_timeout: nobody waits for longer", async () => {
    const own = await start({ num_init_children: 1, client_queue_timeout: 1 });
    using first = await logIn(own);
    expect((await refusal(logIn(own))).sqlState).toBe("53300");
    expect(await valueOf(first, "SELECT 1")).toBe("1");
  });

  it("reserved_connections: further clients are refused at once", async () => {
    const own = await start({ num_init_children: 3, reserved_connections: 1 });
    using first = await logIn(own);
    using second = await logIn(own);
    const error = await refusal(logIn(own));
    expect(error.sqlState).toBe("53300");
    expect(error.message).toBe("Sorry, too many clients already");
    second.send(frontend.terminate);
    using next = await waitFor(() => logIn(own), { what: "a free place" });
    expect(await valueOf(next, "SELECT 1")).toBe("1");
    expect(await valueOf(first, "SELECT 1")).toBe("1");
  });
});

describe("clients that say nothing, or slowly", () => {
  it("hold up nobody, and take no place before they have logged in", async () => {
    const own = await start({ num_init_children: 2, authentication_timeout: 2 });
    const silent = await Promise.all(
      Array.from({ length: 20 }, () => RawClient.connect({ port: own.port })),
    );
    const packet = frontend.startup({ user: "postgres" });
    for (const [at, client] of silent.entries()) {
      if (at % 2 === 0) client.send(packet.subarray(0, 1 + at % 9));
    }
    using client = await logIn(own);
    expect(await valueOf(client, "SELECT 1")).toBe("1");
    await Promise.all(silent.map((each) => each.readToEnd()));
    expect(await valueOf(client, "SELECT 2")).toBe("2");
  });

  it("client_idle_limit ends a session that asks for nothing", async () => {
    const own = await start({ client_idle_limit: 1 });
    using idle = await logIn(own);
    using busy = await logIn(own);
    const query = busy.query("SELECT pg_sleep(3)");
    const [error] = (await idle.readToEnd()).filter(({ type }) => type === "E");
    expect(error && errorFields(error).C).toBe("57P05");
    expect(await query).toContain("CommandComplete(SELECT 1)");
  });
});

describe("server connections", () => {
  it("connection_life_time ends those that nobody uses, not those in use", async () => {
    await start({ connection_life_time: 1 });
    using inUse = await logInTo("one");
    await valueOf(inUse, "SELECT 1");
    const left = await logInTo("two");
    await valueOf(left, "SELECT 1");
    left.send(frontend.terminate);
    const pid = Number(await valueOf(inUse, PID));
    await waitFor(async () => String(await serverPids()) === String(pid), {
      what: "the idle connection to end",
    });
    expect(await valueOf(inUse, PID)).toBe(String(pid));
  });

  it("max_pool bounds how many are kept; the one idle for longest goes", async () => {
    await start({ num_init_children: 1, max_pool: 2 });
    for (const database of ["one", "two", "three"]) {
      const client = await logInTo(database);
      await valueOf(client, "SELECT 1");
      client.send(frontend.terminate);
      await client.readToEnd();
    }
    await waitFor(async () => (await serverPids()).length <= 2, { what: "one to be closed" });
    const rows = await cluster.query(
      "SELECT datname FROM pg_stat_activity WHERE application_name LIKE 'limits%' ORDER BY 1",
    );
    expect(rows.map((row) => row["datname"])).toEqual(["three", "two"]);
  });

  it("connection_cache off: none is kept", async () => {
    await start({ connection_cache: false });
    const client = await logInTo("one");
    await valueOf(client, "SELECT 1");
    client.send(frontend.terminate);
    await client.readToEnd();
    await waitFor(async () => (await serverPids()).length === 0, { what: "it to be closed" });
  });

  it("child_life_time and child_max_connections are accepted; nobody is cut off", async () => {
    const own = await start({ child_life_time: 1, child_max_connections: 1 });
    using client = await logIn(own);
    for (let n = 0; n < 3; n++) {
      using other = await logIn(own);
      expect(await valueOf(other, "SELECT 1")).toBe("1");
    }
    expect(await rowsOf(client, "PGPOOL SHOW child_max_connections")).toEqual([["1"]]);
  });
});
