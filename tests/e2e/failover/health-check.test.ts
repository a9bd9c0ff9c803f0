/** Health checks of real servers that die, hang, or are out of reach. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { encryptAes } from "../../../lib/auth/aes.ts";
import { md5Password } from "../../../lib/auth/md5.ts";
import { TestCluster } from "../../support/cluster.ts";
import type { Settings } from "../../support/config-file.ts";
import type { Fault } from "../../support/faults/fault.ts";
import { FaultProxy } from "../../support/faults/fault-proxy.ts";
import { type Backend, type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { PostgresServer } from "../../support/postgres.ts";
import { waitFor } from "../../support/wait.ts";
import { logIn, rowsOf } from "../support/nodes.ts";

let cluster: TestCluster;
let proxy: FaultProxy;

beforeAll(async () => {
  cluster = await TestCluster.start();
  proxy = await FaultProxy.start(cluster.server(1).port);
}, 60_000);

afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** A pgpool that learns of failures by health checks alone; the standby is behind the proxy. */
async function start(config: Settings = {}): Promise<Pgpool> {
  const backends: Backend[] = cluster.servers.map(({ name, host, port, dataDir }, id) => ({
    name,
    host,
    port: id === 1 ? proxy.port : port,
    dataDir,
  }));
  return await startPgpool({
    backends,
    config: {
      worker_processes: 1,
      sr_check_period: 0,
      health_check_period: 1,
      health_check_timeout: 1,
      failover_on_backend_error: false,
      ...config,
    },
  });
}

/** Columns of SHOW POOL_HEALTH_CHECK_STATS for one node. */
async function statsOf(pgpool: Pgpool, node: number) {
  using client = await logIn(pgpool);
  const row = (await rowsOf(client, "SHOW POOL_HEALTH_CHECK_STATS"))[node] ?? [];
  const [total, success, fail, skip, retry] = row.slice(6, 11).map(Number);
  return { status: row[3], total, success, fail, skip, retry };
}

describe("a health check", () => {
  afterEach(async () => {
    await proxy.heal();
  });

  it.each<[string, Fault, number, RegExp]>([
    ["that refuses", { kind: "refuse" }, 0, /connection refused/],
    ["whose host drops packets", { kind: "drop" }, 1, /no answer to the attempt to connect/],
    ["that accepts but never answers", { kind: "silence" }, 1, /accepts connections but does not/],
    ["that answers garbage", { kind: "garbage" }, 0, /not a PostgreSQL server|ended before/],
  ])("takes out a standby %s, and says so", async (_what, fault, late, detail) => {
    await using pgpool = await start();
    await waitFor(async () => (await statsOf(pgpool, 1)).success > 0, { what: "a first check" });
    await proxy.set(fault);
    await pgpool.waitForLog(
      new RegExp(
        `health_check1 pid \\d+: LOG: {2}health check failed on node 1 \\(timeout:${late}\\)\n.*DETAIL: .*`,
      ),
    );
    expect(pgpool.log()).toMatch(detail);
    await pgpool.waitForLog(/=== Failover done\. shutdown host 127\.0\.0\.1/);
    await waitFor(async () => (await statsOf(pgpool, 1)).skip > 0, { what: "a skipped check" });
    expect(await statsOf(pgpool, 1)).toMatchObject({ status: "down", fail: 1 });
    expect((await statsOf(pgpool, 0)).fail).toBe(0);
  }, 20_000);

  describe("of a server that takes no connections", () => {
    let standby: PostgresServer;

    beforeEach(() => {
      standby = cluster.server(1);
    });

    afterEach(async () => {
      await standby.stop("immediate");
      cluster.servers[1] = new PostgresServer(cluster.server(1).options);
      await cluster.server(1).start();
      await cluster.waitForStreaming();
    });

    it.each<[string, () => Promise<() => unknown>, RegExp]>([
      ["because it shuts down", async () => {
        const session = standby.connect();
        await session`SELECT 1`;
        const stopped = standby.stop("smart");
        return async () => {
          await session.end();
          await stopped;
        };
      }, /takes no connections now \(57P03\): the database system is shutting down/],
      ["because it is not ready yet", async () => {
        const { options } = standby;
        await standby.stop();
        standby = new PostgresServer({
          ...options,
          settings: { ...options.settings, hot_standby: false },
        });
        await standby.start();
        return () => {};
      }, /takes no connections now \(57P03\): the database system is not (yet )?accepting/],
    ])("%s, says so, and counts it", async (_why, hinder, detail) => {
      await using pgpool = await start({ health_check_max_retries: 10 });
      await waitFor(async () => (await statsOf(pgpool, 1)).success > 0, { what: "a check" });
      const end = await hinder();
      await pgpool.waitForLog(detail);
      pgpool.reload({ health_check_max_retries: 0 });
      await pgpool.waitForLog(/health check failed on node 1 \(timeout:0\)/);
      await end();
      expect(await statsOf(pgpool, 1)).toMatchObject({ fail: 1 });
    }, 20_000);
  });

  it("has patience while its retries last", async () => {
    await using pgpool = await start({
      health_check_max_retries1: 20,
      health_check_retry_delay: 1,
    });
    await proxy.set({ kind: "refuse" });
    await pgpool.waitForLog(/health check retrying on DB node: 1 \(round:2\)/);
    await proxy.heal();
    await pgpool.waitForLog(/health check retrying on DB node: 1 succeeded/);
    expect(await statsOf(pgpool, 1)).toMatchObject({ fail: 0, retry: expect.any(Number) });
    expect(pgpool.log()).not.toMatch(/degeneration/);
  }, 20_000);

  it("is begun and ended by a reload", async () => {
    await using pgpool = await start({ health_check_period: 0 });
    expect((await statsOf(pgpool, 0)).total).toBe(0);
    pgpool.reload({ health_check_period: 1 });
    await waitFor(async () => (await statsOf(pgpool, 0)).total > 1, { what: "checks" });
    pgpool.reload({ health_check_period: 0, health_check_period1: 1 });
    await pgpool.waitForLog(/reload config files[^]*reload config files/);
    const { total } = await statsOf(pgpool, 1);
    const before = await statsOf(pgpool, 0);
    await waitFor(async () => (await statsOf(pgpool, 1)).total > total + 1, { what: "checks" });
    expect((await statsOf(pgpool, 0)).total).toBeLessThanOrEqual(before.total + 1);
  }, 20_000);

  it("can be made to fail by a tester", async () => {
    await using pgpool = await start({ health_check_test: true });
    const file = join(pgpool.dir, "backend_down_request");
    await pgpool.waitForLog(/check_backend_down_request: failed to open file/);
    writeFileSync(file, "1\tdown\n", { mode: 0o666 });
    await pgpool.waitForLog(/=== Starting degeneration\. shutdown host 127\.0\.0\.1/);
    expect(await Bun.file(file).text()).toBe("1\talready_down\n");
  }, 20_000);
});

describe("a health check logs in", () => {
  const password = "health secret";
  let pgpool: Pgpool;

  beforeAll(async () => {
    await cluster.query(
      `SET password_encryption = 'md5'; CREATE ROLE md5_check LOGIN PASSWORD '${password}';
       SET password_encryption = 'scram-sha-256';
       CREATE ROLE scram_check LOGIN PASSWORD '${password}'`,
    );
    await cluster.primary.writeHba(`
local all all trust
host all md5_check 127.0.0.1/32 md5
host all scram_check 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
`);
  });

  beforeEach(async () => {
    const { name, host, port, dataDir } = cluster.primary;
    const secrets: Settings[] = [
      { user: "scram_check", password },
      { user: "scram_check", password: `TEXT${password}` },
      { user: "scram_check", password: `AES${encryptAes(password, "the key")}` },
      { user: "md5_check", password: md5Password(password, "md5_check") },
      { user: "scram_check", password: "" },
      { user: "scram_check", password: "wrong" },
    ];
    pgpool = await startPgpool({
      backends: secrets.map(() => ({ name, host, port, dataDir })),
      passwd: `scram_check:${password}\n`,
      key: "the key\n",
      config: Object.assign(
        {
          backend_clustering_mode: "raw",
          worker_processes: 1,
          health_check_period: 1,
          health_check_database: "",
        },
        ...secrets.map((secret, id) => ({
          [`health_check_user${id}`]: secret["user"] ?? "",
          [`health_check_password${id}`]: secret["password"] ?? "",
        })),
      ),
    });
  });

  afterEach(async () => {
    await pgpool?.[Symbol.asyncDispose]();
  });

  it("with passwords in all their forms, and takes no server out that refuses one", async () => {
    await waitFor(async () => (await statsOf(pgpool, 5)).fail > 0, { what: "a refusal" });
    for (const node of [0, 1, 2, 3, 4]) {
      expect(await statsOf(pgpool, node)).toMatchObject({ success: expect.any(Number), fail: 0 });
      expect((await statsOf(pgpool, node)).success).toBeGreaterThan(0);
    }
    expect((await statsOf(pgpool, 5)).status).not.toBe("down");
    expect(pgpool.log()).toMatch(/health check on node 5 is refused, but the server lives/);
    expect(pgpool.log()).not.toContain(password);
  });
});
