/** pgpool's processes with clients and a server: starting, stopping, dying, being full. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestCluster } from "../support/cluster.ts";
import type { Settings } from "../support/config-file.ts";
import * as frontend from "../support/frontend.ts";
import { type Pgpool, startPgpool } from "../support/pgpool.ts";
import { SUPERUSER } from "../support/postgres.ts";
import { ConnectionClosed, LoginRefused, RawClient } from "../support/raw-client.ts";
import { commandLine, sendSignal } from "../support/server-process.ts";
import { errorFields } from "../support/transcript.ts";
import { waitFor, within } from "../support/wait.ts";
import { logIn, rowsOf, valueOf } from "./support/nodes.ts";

let cluster: TestCluster;
const running: Pgpool[] = [];

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
}, 60_000);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  for (const pgpool of running.splice(0)) await pgpool[Symbol.asyncDispose]();
});

async function start(config: Settings = {}, args: readonly string[] = []): Promise<Pgpool> {
  const pgpool = await startPgpool({ cluster, config: { worker_processes: 1, ...config }, args });
  running.push(pgpool);
  return pgpool;
}

/** Process id of the worker that serves a client. */
async function workerOf(client: RawClient): Promise<number> {
  const rows = await rowsOf(client, "SHOW POOL_PROCESSES");
  return Number(rows.find((row) => row.at(-1) === "Execute command")?.[0]);
}

/** Whether the promise has no result for that long. */
async function isPending(promise: Promise<unknown>, milliseconds = 300): Promise<boolean> {
  const late = Symbol("late");
  const settled = promise.catch(() => undefined);
  return await Promise.race([settled, Bun.sleep(milliseconds).then(() => late)]) === late;
}

describe("workers", () => {
  it("one that is killed takes its own clients along, nobody else's, and comes back", async () => {
    const pgpool = await start({ worker_processes: 2 });
    const clients = new Map<RawClient, number>();
    await waitFor(async () => {
      const client = await logIn(pgpool);
      clients.set(client, await workerOf(client));
      return new Set(clients.values()).size === 2;
    }, { what: "clients of both workers" });
    const [victim = 0] = clients.values();
    sendSignal(victim, "SIGKILL");
    for (const [client, worker] of clients) {
      if (worker === victim) await client.readToEnd();
      else expect(await valueOf(client, "SELECT 2")).toBe("2");
    }
    const served = () => new Set(pgpool.pids().slice(1));
    await waitFor(() => served().size === 2 && !served().has(victim), { what: "a new worker" });
    await waitFor(async () => {
      const client = await logIn(pgpool);
      const worker = await workerOf(client);
      client.close();
      return worker !== victim && ![...clients.values()].includes(worker);
    }, { what: "a client of the new worker" });
    for (const client of clients.keys()) client.close();
  });

  it("one that is killed gives the places of its clients to others", async () => {
    const pgpool = await start({ num_init_children: 2 });
    using first = await logIn(pgpool);
    using second = await logIn(pgpool);
    sendSignal(pgpool.pids()[1] ?? 0, "SIGKILL");
    await Promise.all([first.readToEnd(), second.readToEnd()]);
    const next = await waitFor(() => logIn(pgpool), { what: "a client to be served" });
    using another = await logIn(pgpool);
    expect(await valueOf(next, "SELECT 1")).toBe("1");
    expect(await valueOf(another, "SELECT 1")).toBe("1");
    next.close();
  });

  it("have titles that tell what they are", async () => {
    const pgpool = await start({ worker_processes: 2 });
    const titles = () => pgpool.pids().slice(1).map((pid) => commandLine(pid)[0]).sort();
    await waitFor(() => titles().join() === "pgpool: worker 1,pgpool: worker 2", {
      what: "both titles",
    });
  });
});

describe("the pid file", () => {
  it("names the process as long as it runs", async () => {
    const pgpool = await start();
    const file = join(pgpool.dir, "pgpool.pid");
    expect(readFileSync(file, "utf8").replaceAll("\0", "").trim()).toBe(String(pgpool.process.pid));
    expect(await pgpool.stop()).toBe(0);
    expect(existsSync(file)).toBe(false);
    expect(existsSync(pgpool.socketPath)).toBe(false);
  });

  it("that a dead process has left does not prevent a start", async () => {
    const stale = join(cluster.dir, "stale.pid");
    writeFileSync(stale, "999999\0", { mode: 0o666 });
    const { account } = cluster;
    if (account !== null) Bun.spawnSync(["chown", `${account.uid}:${account.gid}`, stale]);
    const pgpool = await start({ pid_file_name: stale });
    expect(readFileSync(stale, "utf8")).toStartWith(String(pgpool.process.pid));
  });

  it("of a running one refuses a second start", async () => {
    const pgpool = await start();
    const again = startPgpool({
      cluster,
      config: { pid_file_name: join(pgpool.dir, "pgpool.pid") },
    });
    expect(again).rejects.toThrow(/did not start/);
    await again.catch(() => {});
    using client = await logIn(pgpool);
    expect(await valueOf(client, "SELECT 1")).toBe("1");
  });
});

describe("stopping", () => {
  it("smart waits until the last client has left, and takes no new one", async () => {
    const pgpool = await start();
    using client = await logIn(pgpool);
    const ended = pgpool.stop("smart");
    await waitFor(async () => await refuses(pgpool), { what: "new clients to be refused" });
    expect(await valueOf(client, "SELECT 1")).toBe("1");
    expect(await isPending(ended)).toBe(true);
    client.send(frontend.terminate);
    expect(await ended).toBe(0);
  });

  it("fast tells the clients and ends", async () => {
    const pgpool = await start();
    using idle = await logIn(pgpool);
    using busy = await logIn(pgpool);
    busy.send(frontend.query("SELECT pg_sleep(60)"));
    await waitFor(
      async () =>
        (await cluster.query("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length >
          0,
      { what: "the query to run" },
    );
    const ended = pgpool.stop("fast");
    for (const client of [idle, busy]) {
      const [error] = (await client.readToEnd()).filter(({ type }) => type === "E");
      expect(error && errorFields(error).C).toBe("57P01");
    }
    expect(await ended).toBe(0);
  });

  it("a fast one hastens a smart one, an immediate one cuts everybody off", async () => {
    const pgpool = await start();
    using client = await logIn(pgpool);
    pgpool.process.signal("SIGTERM");
    await waitFor(async () => await refuses(pgpool), { what: "new clients to be refused" });
    expect(await pgpool.stop("fast")).toBe(0);
    await client.readToEnd();

    const other = await start();
    using cut = await logIn(other);
    expect(await other.stop("immediate")).toBe(0);
    expect((await cut.readToEnd()).filter(({ type }) => type === "E")).toEqual([]);
  });
});

describe("stopping during the start", () => {
  it.each(["smart", "fast", "immediate"] as const)("%s ends it as well", async (mode) => {
    for (const config of [{}, { worker_processes: 4 }]) {
      const pgpool = await start(config);
      expect(await pgpool.stop(mode, 5000)).toBe(0);
    }
  });
});

describe("a reload", () => {
  it("changes what may change for clients that are there, and keeps the rest", async () => {
    const pgpool = await start();
    using client = await logIn(pgpool);
    pgpool.reload({ client_idle_limit: 77, num_init_children: 3 });
    await waitFor(async () => await valueOf(client, "PGPOOL SHOW client_idle_limit") === "77s", {
      what: "the new value",
    });
    expect(await valueOf(client, "PGPOOL SHOW num_init_children")).toBe("32");
  });
});

describe("sockets", () => {
  it("Unix sockets are in every directory, with their permissions", async () => {
    const second = cluster.dir;
    const directory = await start();
    const unix_socket_directories = `${directory.dir},${second}`;
    const pgpool = await start({ unix_socket_directories, unix_socket_permissions: "0770" });
    for (const dir of [directory.dir, second]) {
      const path = join(dir, `.s.PGSQL.${pgpool.port}`);
      expect(statSync(path).mode & 0o777).toBe(0o770);
      using client = await RawClient.login({ path, user: SUPERUSER });
      expect(await valueOf(client, "SELECT 1")).toBe("1");
      const [row] = await rowsOf(client, "SHOW POOL_POOLS");
      expect(row?.slice(18, 20)).toEqual(["[local]", ""]);
    }
  });

  it("listen_addresses * takes IPv4 and IPv6 clients", async () => {
    const pgpool = await start({ listen_addresses: "*" });
    for (const host of ["127.0.0.1", "::1"]) {
      using client = await RawClient.login({ host, port: pgpool.port, user: SUPERUSER });
      expect(await valueOf(client, "SELECT 1")).toBe("1");
      const hosts = (await rowsOf(client, "SHOW POOL_POOLS")).map((row) => row[18]);
      expect(hosts).toContain(host);
    }
  });
});

/** Whether a new client is refused. */
async function refuses(pgpool: Pgpool): Promise<boolean> {
  try {
    const client = await within(logIn(pgpool), { what: "an answer", deadlineMs: 500 });
    client.close();
    return false;
  } catch (error) {
    return error instanceof ConnectionClosed || error instanceof LoginRefused ||
      (error instanceof Error && "code" in error && error.code === "ECONNREFUSED");
  }
}
