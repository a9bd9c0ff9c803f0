/** TLS between pgpool and the servers. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { give, serverAccount } from "../../support/account.ts";
import * as frontend from "../../support/frontend.ts";
import { TestCluster } from "../../support/cluster.ts";
import type { Settings } from "../../support/config-file.ts";
import { type Backend, type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { cancel, RawClient } from "../../support/raw-client.ts";
import { tempDir } from "../../support/temp.ts";
import { waitFor } from "../../support/wait.ts";
import { letIn, refusal } from "../support/logins.ts";
import { rowsOf } from "../support/nodes.ts";
import { certificates, tlsFiles } from "./certificates.ts";

/** Both servers take TLS only, but for the superuser on Unix sockets and for replication. */
const HBA = `
local all all trust
hostssl all scram_user 127.0.0.1/32 scram-sha-256
hostssl all all 127.0.0.1/32 trust
hostnossl all test_superuser 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
`;

let cluster: TestCluster;

beforeAll(async () => {
  const dir = tempDir();
  const { certFile, keyFile } = certificates();
  copyFileSync(certFile, join(dir, "server.crt"));
  copyFileSync(keyFile, join(dir, "server.key"));
  give(dir, serverAccount());
  cluster = await TestCluster.start({
    settings: {
      ssl: true,
      ssl_cert_file: join(dir, "server.crt"),
      ssl_key_file: join(dir, "server.key"),
    },
  });
  await cluster.query(
    `CREATE ROLE scram_user LOGIN PASSWORD 'the password';
     GRANT pg_read_all_stats TO scram_user; CREATE ROLE test_superuser LOGIN SUPERUSER`,
  );
  await cluster.waitForReplay();
  for (const server of cluster.servers) await server.writeHba(HBA);
}, 90_000);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** The servers by another name; their certificate is for `localhost`. */
function backends(host: string): Backend[] {
  return cluster.servers.map(({ name, port, dataDir }) => ({ name, host, port, dataDir }));
}

async function start(config: Settings, host = "127.0.0.1", files = tlsFiles()): Promise<Pgpool> {
  return await startPgpool({
    backends: backends(host),
    config: { backend_weight0: 0, backend_weight1: 1, ...config },
    passwd: "scram_user:the password\n",
    files,
  });
}

const ENCRYPTION = `SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()`;

async function expectEncrypted(pgpool: Pgpool, user = SUPERUSER): Promise<void> {
  const login = { port: pgpool.port, user, database: "postgres", password: "the password" };
  using client = await RawClient.login(login);
  for (const begin of ["", "BEGIN; "]) {
    const [row] = await rowsOf(client, `${begin}${ENCRYPTION}`);
    expect(row?.[0]).toBe("t");
    expect(row?.[1]).toMatch(/^TLSv1\.[23]$/);
    if (begin !== "") await rowsOf(client, "ROLLBACK");
  }
}

async function expectNoTls(pgpool: Pgpool, reason: RegExp): Promise<void> {
  const error = await refusal({ port: pgpool.port, user: "test_superuser" });
  expect(error).toMatchObject({ S: "FATAL" });
  await pgpool.waitForLog(reason);
}

describe("servers with TLS", () => {
  it("are talked to over TLS as soon as ssl is on", async () => {
    await using pgpool = await start({ ssl: true, log_min_messages: "debug1" });
    await expectEncrypted(pgpool);
    await pgpool.waitForLog(/find_primary_node: primary node is 0/);
    await pgpool.waitForLog(/client->server SSL response: S/);
  });

  it("refuse a pgpool with ssl off, and say why", async () => {
    await using pgpool = await start({ ssl: false, sr_check_user: "test_superuser" });
    expect(await refusal({ port: pgpool.port, user: SUPERUSER })).toMatchObject({
      C: "28000",
      M: expect.stringContaining("no encryption"),
    });
    await letIn({ port: pgpool.port, user: "test_superuser" });
  });

  it("are logged in to with passwords too", async () => {
    await using pgpool = await start({ ssl: true });
    await expectEncrypted(pgpool, "scram_user");
    const login = { port: pgpool.port, user: "scram_user", password: "wrong" };
    expect(await refusal(login)).toMatchObject({ C: "28P01" });
  });

  it("are checked over TLS, the role and the health", async () => {
    await using pgpool = await start({
      ssl: true,
      health_check_period: 1,
      health_check_user: "scram_user",
      sr_check_user: "scram_user",
    });
    await pgpool.waitForLog(/find_primary_node: primary node is 0/);
    await waitFor(async () => {
      using client = await RawClient.login({ port: pgpool.port, user: SUPERUSER });
      const rows = await rowsOf(client, "SHOW POOL_HEALTH_CHECK_STATS");
      return rows.every((row) => Number(row[7]) > 0 && row[8] === "0");
    }, { what: "health checks to succeed" });
  });

  it("cancel queries on TLS connections", async () => {
    await using pgpool = await start({ ssl: true });
    using client = await RawClient.login({ port: pgpool.port, user: SUPERUSER });
    client.send(frontend.query("SELECT pg_sleep(60)"));
    await waitFor(async () => {
      const probe = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'";
      using other = await RawClient.login({ port: pgpool.port, user: SUPERUSER });
      return (await rowsOf(other, `/*NO LOAD BALANCE*/ ${probe}`)).length > 0 ||
        (await rowsOf(other, probe)).length > 0;
    }, { what: "the query to run" });
    await cancel({ port: pgpool.port }, client.backendKey());
    expect((await client.readUntil("Z")).some(({ type }) => type === "E")).toBe(true);
  });
});

describe("the servers' certificate", () => {
  it.each([
    ["a known CA", { ssl_ca_cert: "ca.crt" }, "127.0.0.1"],
    ["verify-ca", { ssl_ca_cert: "ca.crt", ssl_backend_verify: "verify-ca" }, "127.0.0.1"],
    [
      "verify-full and its name",
      { ssl_ca_cert: "ca.crt", ssl_backend_verify: "verify-full" },
      "localhost",
    ],
    ["no verification", { ssl_ca_cert: "other.crt", ssl_backend_verify: "none" }, "127.0.0.1"],
  ])("is accepted with %s", async (_what, config, host) => {
    const other = await Bun.file(certificates().strangerCert).text();
    await using pgpool = await start({ ssl: true, ...config }, host, {
      ...tlsFiles(),
      "other.crt": other,
    });
    await expectEncrypted(pgpool);
  });

  it.each([
    ["of another CA", { ssl_ca_cert: "other.crt" }],
    ["of another CA (verify-ca)", { ssl_ca_cert: "other.crt", ssl_backend_verify: "verify-ca" }],
    ["for another name (verify-full)", {
      ssl_ca_cert: "ca.crt",
      ssl_backend_verify: "verify-full",
    }],
    ["without any CA (verify-ca)", { ssl_backend_verify: "verify-ca" }],
    ["with a missing CA file (verify-ca)", {
      ssl_ca_cert: "nothing.crt",
      ssl_backend_verify: "verify-ca",
    }],
    ["with a missing CA file", { ssl_ca_cert: "nothing.crt" }],
  ])("is not accepted %s, and nothing is sent in plain text", async (_what, config) => {
    const other = await Bun.file(certificates().strangerCert).text();
    await using pgpool = await start(
      { ssl: true, search_primary_node_timeout: 1, ...config },
      "127.0.0.1",
      { ...tlsFiles(), "other.crt": other },
    );
    await expectNoTls(pgpool, /certificate|nothing\.crt/);
  });
});

describe("servers without TLS", () => {
  let plain: TestCluster;

  beforeAll(async () => {
    plain = await TestCluster.start({ standbys: 0 });
  }, 60_000);

  afterAll(async () => {
    await plain?.[Symbol.asyncDispose]();
  });

  it("are used in plain text, as Pgpool-II does", async () => {
    await using pgpool = await startPgpool({ cluster: plain, config: { ssl: true } });
    await letIn({ port: pgpool.port });
  });

  it("are not used with verify-ca", async () => {
    await using pgpool = await startPgpool({
      cluster: plain,
      config: {
        ssl: true,
        ssl_ca_cert: "ca.crt",
        ssl_backend_verify: "verify-ca",
        search_primary_node_timeout: 1,
      },
      files: tlsFiles(),
    });
    expect(await refusal({ port: pgpool.port })).toMatchObject({ S: "FATAL" });
    await pgpool.waitForLog(/does not support SSL/);
  });
});
