/** The PCP library against a pool with two servers: what is told, and what is done. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { md5Hex } from "../../../lib/auth/md5.ts";
import { buildVerifier, formatVerifier } from "../../../lib/auth/scram.ts";
import {
  connectPcp,
  type PcpConnection,
  type PcpConnectOptions,
  type ProcessInfo,
} from "../../../mod.ts";
import { TestCluster } from "../../support/cluster.ts";
import * as frontend from "../../support/frontend.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { ROOT } from "../../support/programs.ts";
import { RawClient } from "../../support/raw-client.ts";
import { rowValues } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { logIn, rowsOf, valueOf } from "../support/nodes.ts";
import { certificates, TLS_SETTINGS, tlsFiles } from "../tls/certificates.ts";

const CLIENTS = 8;

let cluster: TestCluster;
let pgpool: Pgpool;
let pcp: PcpConnection;

beforeAll(async () => {
  cluster = await TestCluster.start({
    settings: { synchronous_commit: "remote_apply", synchronous_standby_names: "server1" },
  });
  const verifier = formatVerifier(buildVerifier("secret", Buffer.alloc(16, 1)));
  pgpool = await startPgpool({
    cluster,
    pcp: `admin:${md5Hex("secret")}\nscram:${verifier}\n`,
    files: tlsFiles(),
    config: {
      backend_weight0: 0,
      num_init_children: CLIENTS,
      max_pool: 2,
      worker_processes: 2,
      health_check_period: 30,
      ...TLS_SETTINGS,
    },
  });
  pcp = await connectPcp(options());
  // Nodes are up with the first client, which is told between the processes.
  using client = await logIn(pgpool);
  await valueOf(client, "SELECT 1");
  await waitFor(async () => (await pcp.nodeInfo("all")).every(({ status }) => status === "up"), {
    what: "both nodes to be up",
  });
}, 90_000);

afterAll(async () => {
  await pcp?.close();
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

function options(more: Partial<PcpConnectOptions> = {}): PcpConnectOptions {
  return { host: "127.0.0.1", port: pgpool.pcpPort, user: "admin", password: "secret", ...more };
}

/** What SHOW says, in a session of its own. */
async function show(command: string): Promise<string[][]> {
  using client = await logIn(pgpool);
  return (await rowsOf(client, command)).map((row) => row.map((value) => value ?? ""));
}

describe("the PCP library", () => {
  it("tells of the nodes what SHOW POOL_NODES tells", async () => {
    const nodes = await pcp.nodeInfo("all");
    expect(await pcp.nodeCount()).toBe(2);
    const told = nodes.map((node) => [
      ...[String(node.nodeId), node.hostname, String(node.port), node.status],
      ...[node.backendStatus, node.weight.toFixed(6), node.role, node.backendRole],
    ]);
    expect(told).toEqual((await show("SHOW POOL_NODES")).map((row) => row.slice(0, 8)));
    expect(nodes[1]).toMatchObject({
      delayByTime: false,
      replicationState: "streaming",
      replicationSyncState: "sync",
    });
    expect(await pcp.nodeInfo(1)).toMatchObject([{ nodeId: 1, role: "standby" }]);
    expect(Math.abs(Date.now() / 1000 - (nodes[0]?.lastStatusChange ?? 0))).toBeLessThan(300);
  });

  it("tells of parameters and health checks what SHOW tells", async () => {
    const items = await pcp.poolStatus();
    expect(items.map(({ name, value }) => [name, value])).toEqual(
      (await show("SHOW POOL_STATUS")).map((row) => row.slice(0, 2)),
    );
    const stats = await pcp.healthCheckStats(1);
    expect(stats).toMatchObject({ nodeId: 1, status: "up", role: "standby", failCount: 0 });
    expect(stats.totalCount).toBeGreaterThan(0);
    expect(stats.lastHealthCheck).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  });

  it("logs in with SCRAM, bound to the certificate where there is TLS", async () => {
    const lines: string[] = [];
    const scram = { user: "scram", trace: (line: string) => lines.push(line) };
    await (await connectPcp(options({ ...scram, tls: "disable" }))).close();
    const ca = readFileSync(certificates().caFile, "utf8");
    const secure = await connectPcp(options({ ...scram, host: "localhost", tlsCa: ca }));
    expect(await secure.nodeCount()).toBe(2);
    await secure.close();
    expect(lines.filter((line) => line.includes("(sasl)"))).toHaveLength(4);
    expect(lines.join()).not.toContain("secret");
    const stranger = readFileSync(certificates().clientCert, "utf8");
    await expect(connectPcp(options({ tlsCa: stranger }))).rejects.toMatchObject({
      kind: "connect",
      message: expect.stringMatching(/^TLS could not be started/),
    });
  });

  it("takes a node out and brings it back", async () => {
    await pcp.detachNode(1);
    expect(await pcp.nodeInfo(1)).toMatchObject([{ status: "down" }]);
    await expect(pcp.detachNode(7)).rejects.toMatchObject({ kind: "unknown" });
    await expect(pcp.detachNode(1)).rejects.toMatchObject({
      kind: "refused",
      message: expect.stringContaining("status: [3] is not valid for failover"),
    });
    using client = await logIn(pgpool);
    const port = (id: number) => String(cluster.server(id).port);
    expect(await valueOf(client, "SELECT inet_server_port()")).toBe(port(0));
    await pcp.attachNode(1);
    await waitFor(async () => {
      using another = await logIn(pgpool);
      return await valueOf(another, "SELECT inet_server_port()") === port(1);
    }, { what: "reads to go to the standby again" });
    // Attaching what is attached already is no error for scripts.
    await pcp.attachNode(1);
  });

  it("asks one thing after another on one connection, whoever asks", async () => {
    const counts = await Promise.all(Array.from({ length: 20 }, () => pcp.nodeCount()));
    expect(counts).toEqual(Array(20).fill(2));
  });

  it("lists a process that hangs", async () => {
    const pids = await pcp.processIds();
    expect(pids).toHaveLength(2);
    const [hanging = 0] = pids;
    process.kill(hanging, "SIGSTOP");
    try {
      expect(await pcp.processIds()).toEqual(pids);
      expect(await pcp.processInfo(hanging)).toEqual([]);
    } finally {
      process.kill(hanging, "SIGCONT");
    }
  });

  it("gives up in time where nobody answers", async () => {
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const began = performance.now();
    const attempt = connectPcp(options({ port: silent.port, connectTimeout: 200 }));
    await expect(attempt).rejects.toMatchObject({ kind: "timeout" });
    expect(performance.now() - began).toBeLessThan(5000);
    silent.stop(true);
  });

  it.each(["bun", "deno"])("runs the example of the documentation on %s", async (runtime) => {
    using client = await logIn(pgpool);
    await valueOf(client, "SELECT 1");
    const program = join(ROOT, ".tools/bin", runtime);
    const run = runtime === "deno" ? ["run", "--allow-net", "--allow-env", "--cached-only"] : [];
    const args = [...run, join(ROOT, "docs/examples/pool-status.ts")];
    const example = (password: string) =>
      spawnSync(program, [...args, "127.0.0.1", String(pgpool.pcpPort), "scram"], {
        encoding: "utf8",
        env: { ...process.env, PCPPASSWORD: password, DENO_DIR: join(ROOT, ".tools/deno-cache") },
      });
    const { stdout, stderr, status } = example("secret");
    expect([stderr, status]).toEqual(["", 0]);
    const lines = stdout.trim().split("\n");
    expect(lines.slice(0, 2)).toEqual([
      `node 0: ${cluster.primary.host}:${cluster.primary.port} primary up`,
      `node 1: ${cluster.server(1).host}:${cluster.server(1).port} standby up`,
    ]);
    expect(lines[2]).toMatch(
      new RegExp(`^${SUPERUSER}@postgres from 127.0.0.1: server process \\d+, Idle$`),
    );
    expect(example("wrong")).toMatchObject({ status: 2, stdout: "" });
  });
});

it("administrators are served during a smart stop, and can hasten it", async () => {
  await using other = await startPgpool({ cluster, pcp: `admin:${md5Hex("secret")}\n` });
  using client = await logIn(other);
  const first = await connectPcp(options({ port: other.pcpPort }));
  await first.stop("smart");
  await other.waitForLog(/shutting down by signal 15/);
  expect(await valueOf(client, "SELECT 'still here'")).toBe("still here");
  const second = await connectPcp(options({ port: other.pcpPort }));
  const statements = (await second.processInfo("all")).map((row) => row.statement);
  expect(statements).toContain("SELECT 'still here'");
  await second.stop("fast");
  expect(await other.process.exited).toBe(0);
});

/** Clients of other workers than this one, which does not accept anybody meanwhile. */
async function logInWithout(worker: number, count: number): Promise<RawClient[]> {
  process.kill(worker, "SIGSTOP");
  try {
    return await Promise.all(Array.from({ length: count }, () => logIn(pgpool)));
  } finally {
    process.kill(worker, "SIGCONT");
  }
}

/** The rows of clients whose server process has this id. */
async function byServerProcess(pid: number) {
  return (await pcp.processInfo("all")).filter(({ backendPid }) => backendPid === pid);
}

describe("every client is found by the id of its server process", () => {
  const statement = "SELECT pg_backend_pid(), 'find me'";

  it("over TCP, with a simple query", async () => {
    using client = await logIn(pgpool);
    const [[pid] = []] = await rowsOf(client, statement);
    const address = client.socket.address();
    expect(await byServerProcess(Number(pid))).toMatchObject([{
      backendId: 1,
      database: "postgres",
      username: SUPERUSER,
      isConnected: true,
      isLoadBalanceNode: true,
      status: "Idle",
      clientHost: "127.0.0.1",
      clientPort: "port" in address ? String(address.port) : "",
      statement,
    }]);
  });

  it("over a Unix socket, with the extended protocol, on the primary", async () => {
    using client = await RawClient.login({
      path: pgpool.socketPath,
      user: SUPERUSER,
      database: "postgres",
    });
    const write = "WITH new AS (SELECT nextval('pcp_seq')) SELECT pg_backend_pid() FROM new";
    await rowsOf(client, "CREATE SEQUENCE IF NOT EXISTS pcp_seq");
    client.send(frontend.parse(write), frontend.bind({}), frontend.execute(), frontend.sync);
    const row = (await client.readUntil("Z")).find(({ type }) => type === "D");
    const [pid] = row === undefined ? [] : rowValues(row);
    expect(await byServerProcess(Number(pid))).toMatchObject([{
      backendId: 0,
      isConnected: true,
      isLoadBalanceNode: false,
      clientHost: "[local]",
      clientPort: "",
      statement: write,
    }]);
  });

  it("in whatever worker it is, while it runs a query", async () => {
    const [one = 0, other = 0] = await pcp.processIds();
    const clients = [
      ...await logInWithout(one, CLIENTS / 2),
      ...await logInWithout(other, CLIENTS / 2),
    ];
    const onPrimary = "WITH new AS (SELECT nextval('pcp_seq')) SELECT pg_backend_pid() FROM new";
    const pids = await Promise.all(clients.map((client) => valueOf(client, onPrimary)));
    for (const client of clients) client.send(frontend.query("SELECT pg_sleep(60)"));
    const found = () => Promise.all(pids.map((pid) => byServerProcess(Number(pid))));
    const isSleeping = ({ status, statement }: ProcessInfo) =>
      status === "Execute command" && statement === "SELECT pg_sleep(60)";
    await waitFor(async () => (await found()).flat().every(isSleeping), {
      what: "all queries to run",
    });
    const rows = (await found()).flat();
    expect(rows).toHaveLength(CLIENTS);
    expect(new Set(rows.map(({ clientPort }) => clientPort)).size).toBe(CLIENTS);
    expect(new Set(rows.map(({ poolPid }) => poolPid))).toEqual(new Set(await pcp.processIds()));
    await cluster.query(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'",
    );
    for (const client of clients) client.close();
  });

  it("without the passwords in its statement", async () => {
    using client = await logIn(pgpool);
    await rowsOf(client, "CREATE ROLE pcp_role PASSWORD 'hush'");
    const statements = (await pcp.processInfo("all")).map((row) => row.statement);
    expect(statements).toContain("CREATE ROLE pcp_role PASSWORD *****");
    await rowsOf(client, "DROP ROLE pcp_role");
  });
});

describe("counters", () => {
  /** select_cnt and so on of each node. */
  async function counts(): Promise<number[][]> {
    return (await show("SHOW POOL_BACKEND_STATS")).map((row) => row.slice(5).map(Number));
  }

  it("are exact over all workers and both protocols", async () => {
    using setUp = await logIn(pgpool);
    await rowsOf(setUp, "CREATE TABLE pcp_counted (id int)");
    const before = await counts();
    const M = 20;
    const [one = 0, other = 0] = await pcp.processIds();
    const clients = [...await logInWithout(one, 3), ...await logInWithout(other, 3)];
    await Promise.all(clients.map(async (client, number) => {
      for (let n = 0; n < M; n++) {
        const [read, write] = ["SELECT 1", "INSERT INTO pcp_counted VALUES (1)"];
        if (number % 2 === 0) {
          await rowsOf(client, read);
          await rowsOf(client, write);
          continue;
        }
        const extended = (
          sql: string,
        ) => [frontend.parse(sql), frontend.bind({}), frontend.execute()];
        client.send(...extended(read), ...extended(write), frontend.sync);
        await client.readUntil("Z");
      }
      await client.query("SELECT 1/0");
      client.close();
    }));
    const grown = (await counts()).map((row, node) =>
      row.map((count, column) => count - (before[node]?.[column] ?? 0))
    );
    const total = clients.length * M;
    // select, insert, update, delete, ddl, other, panic, fatal, error
    expect(grown).toEqual([
      [0, total, 0, 0, 0, 0, 0, 0, 0],
      [total + clients.length, 0, 0, 0, 0, 0, 0, 0, clients.length],
    ]);
    expect(await valueOf(setUp, "SELECT count(*) FROM pcp_counted")).toBe(String(total));
  });
});
