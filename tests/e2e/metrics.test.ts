/** What pgpool tells those who watch over it: /metrics, /healthz and /readyz. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import * as frontend from "../support/frontend.ts";
import { parseExposition, samplesOf, sumOf } from "../support/exposition.ts";
import { freePort, isListening } from "../support/ports.ts";
import { waitFor } from "../support/wait.ts";
import { sendSignal } from "../support/server-process.ts";
import { failureOf, logIn, rowsOf, valueOf } from "./support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

let pool: ReplicatedPool;
let port: number;

beforeAll(async () => {
  port = await freePort();
  pool = await startReplicatedPool({
    worker_processes: 2,
    num_init_children: 4,
    metrics_port: port,
    metrics_listen_addresses: "127.0.0.1",
    auto_failback: true,
    auto_failback_interval: 0,
  });
  await pool.cluster.query("CREATE TABLE t (id int)");
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

async function get(path: string, accept = "*/*"): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { accept } });
  return { status: response.status, text: await response.text() };
}

/** The figures of this moment. */
async function scrape() {
  const { status, text } = await get("/metrics");
  expect(status).toBe(200);
  return parseExposition(text);
}

describe("/metrics", () => {
  it("counts every statement, over all workers, by node and kind", async () => {
    const before = await scrape();
    const loginsOf = async (worker: number) =>
      sumOf(await scrape(), "pgpool_logins_total", { worker }) -
      sumOf(before, "pgpool_logins_total", { worker });
    let clients = 0;
    // The kernel hands clients to either worker.
    await waitFor(async () => {
      using client = await logIn(pool.pgpool);
      clients++;
      for (let i = 0; i < 10; i++) await valueOf(client, `SELECT id FROM t WHERE id = ${i}`);
      await rowsOf(client, `INSERT INTO t VALUES (${clients})`);
      expect(await failureOf(client, "SELECT 1/0")).toBe("22012");
      return clients >= 4 && await loginsOf(1) > 0 && await loginsOf(2) > 0;
    }, { what: "clients of both workers" });
    const after = await scrape();
    const grown = (name: string, labels: Record<string, string | number>) =>
      sumOf(after, name, labels) - sumOf(before, name, labels);
    expect(grown("pgpool_statements_total", { node: 1, kind: "select" })).toBe(11 * clients);
    expect(grown("pgpool_statements_total", { node: 0, kind: "insert" })).toBe(clients);
    expect(grown("pgpool_statements_total", { node: 0, kind: "select" })).toBe(0);
    expect(grown("pgpool_errors_total", { node: 1, severity: "error" })).toBe(clients);
    expect(grown("pgpool_statement_duration_seconds_count", { node: 1 })).toBe(11 * clients);
    expect(grown("pgpool_statement_duration_seconds_count", { node: 0 })).toBe(clients);
    expect(grown("pgpool_logins_total", {})).toBe(clients);
    expect(grown("pgpool_client_slot_wait_seconds_count", {})).toBe(clients);
    const lent = grown("pgpool_pool_hits_total", { node: 0 }) +
      grown("pgpool_pool_misses_total", { node: 0 });
    expect(lent).toBe(clients);
  });

  it("tells how long statements take", async () => {
    using client = await logIn(pool.pgpool);
    const slow = async () => {
      const families = await scrape();
      const upTo = (le: string) =>
        sumOf(families, "pgpool_statement_duration_seconds_bucket", { node: 0, le });
      return upTo("1") - upTo("0.1");
    };
    const before = await slow();
    await valueOf(client, "SELECT pg_sleep(0.15)");
    await rowsOf(client, "INSERT INTO t VALUES (1)");
    expect(await slow()).toBe(before + 1);
  });

  it("shows what clients do and who waits for a slot", async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => logIn(pool.pgpool)));
    const [idle, inTransaction, sleeping, another] = clients;
    if (another === undefined || sleeping === undefined || inTransaction === undefined) {
      throw new Error("unreachable: there are four clients");
    }
    await rowsOf(inTransaction, "BEGIN");
    sleeping.send(frontend.query("SELECT pg_sleep(30)"));
    const late = logIn(pool.pgpool);
    const sessions = async (state: string) => sumOf(await scrape(), "pgpool_sessions", { state });
    await waitFor(
      async () =>
        await sessions("active") === 1 && await sessions("idle_in_transaction") === 1 &&
        await sessions("idle") === 2 && sumOf(await scrape(), "pgpool_waiting_clients") === 1,
      {
        what: "the sessions to be told",
      },
    );
    const families = await scrape();
    expect(sumOf(families, "pgpool_clients")).toBe(4);
    expect(sumOf(families, "pgpool_client_slots")).toBe(4);
    expect(sumOf(families, "pgpool_server_connections", { state: "used" })).toBeGreaterThan(3);
    idle?.close();
    (await late).close();
    const waits = await scrape();
    const all = sumOf(waits, "pgpool_client_slot_wait_seconds_count");
    const quick = sumOf(waits, "pgpool_client_slot_wait_seconds_bucket", { le: "0.0001" });
    expect(all - quick).toBeGreaterThan(0);
    for (const client of clients) client.close();
  });

  it("counts clients that are refused", async () => {
    const refused = async () =>
      sumOf(await scrape(), "pgpool_login_failures_total", { reason: "authentication" });
    const before = await refused();
    await expect(logIn(pool.pgpool, { user: "nobody_there" })).rejects.toThrow();
    expect(await refused()).toBe(before + 1);
  });

  it("tells of the processes, of which a dead worker's figures stay", async () => {
    const before = await scrape();
    expect(samplesOf(before, "pgpool_worker_up").map(({ value }) => value)).toEqual([1, 1]);
    for (const { value } of samplesOf(before, "pgpool_process_resident_memory_bytes")) {
      expect(value).toBeGreaterThan(10 << 20);
    }
    const victim = pool.pgpool.pids()[1] ?? 0;
    sendSignal(victim, "SIGKILL");
    await waitFor(
      async () =>
        !pool.pgpool.pids().includes(victim) &&
        sumOf(await scrape(), "pgpool_worker_up") === 2,
      { what: "a new worker" },
    );
    expect(sumOf(await scrape(), "pgpool_statements_total")).toBe(
      sumOf(before, "pgpool_statements_total"),
    );
  });
});

describe("/healthz and /readyz", () => {
  it("say yes while clients are served", async () => {
    expect(await get("/healthz")).toEqual({ status: 200, text: "alive\n" });
    expect(await get("/readyz")).toEqual({ status: 200, text: "ready\n" });
    const { status, text } = await get("/readyz", "application/json");
    expect([status, JSON.parse(text)]).toEqual([200, { ready: true, reasons: [] }]);
  });

  it("/readyz says no while no server is there, and yes when one is back", async () => {
    const { cluster } = pool;
    await cluster.server(1).stop();
    await cluster.primary.stop();
    await waitFor(async () => {
      // Whoever connects finds out that the servers are gone.
      await logIn(pool.pgpool).catch(() => {});
      return (await get("/readyz")).status === 503;
    }, { what: "/readyz to say no" });
    expect(await get("/readyz")).toEqual({ status: 503, text: "all backend nodes are down\n" });
    const { text } = await get("/readyz", "application/json");
    expect(JSON.parse(text)).toEqual({ ready: false, reasons: ["all backend nodes are down"] });
    expect((await get("/healthz")).status).toBe(200);
    const families = await scrape();
    expect(sumOf(families, "pgpool_ready")).toBe(0);
    expect(sumOf(families, "pgpool_node_up")).toBe(0);
    expect(sumOf(families, "pgpool_node_changes_total", { kind: "failover" })).toBe(2);

    await cluster.primary.start();
    await cluster.server(1).start();
    await waitFor(async () => (await get("/readyz")).status === 200, {
      what: "/readyz to say yes",
      deadlineMs: 20_000,
    });
    await waitFor(
      async () => sumOf(await scrape(), "pgpool_node_changes_total", { kind: "failback" }) === 2,
      { what: "both nodes to be back", deadlineMs: 20_000 },
    );
  }, 60_000);

  it("move to another port, and are switched off, by a reload", async () => {
    const old = port;
    port = await freePort();
    pool.pgpool.reload({ metrics_port: port });
    await waitFor(async () => (await get("/healthz")).status === 200, { what: "the new port" });
    expect(await isListening(old)).toBe(false);
    pool.pgpool.reload({ metrics_port: 0 });
    await waitFor(async () => !await isListening(port), { what: "the port to be closed" });
  });
});
