import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Account, give, serverAccount } from "./account.ts";
import { onCleanUp } from "./clean-up.ts";
import type { Settings } from "./config-file.ts";
import { freePort } from "./ports.ts";
import { copyDataDir, initdb, PostgresServer, type Row } from "./postgres.ts";
import { tempDir } from "./temp.ts";
import { waitFor } from "./wait.ts";

/** Tests come and go quickly and lose nothing that anybody needs. */
const TEST_SETTINGS: Settings = {
  fsync: false,
  full_page_writes: false,
  shared_buffers: "16MB",
  max_connections: 120,
  wal_keep_size: "128MB",
  wal_retrieve_retry_interval: "100ms",
  max_prepared_transactions: 10,
  autovacuum: false,
};

export interface TestClusterOptions {
  /** Default 1. */
  readonly standbys?: number;
  /** Settings of every server, beyond and above those that make tests quick. */
  readonly settings?: Settings;
}

/**
 * A primary and its streaming standbys in a temporary directory, server names `server0` (the
 * primary at first), `server1`, … It ends with the tests at the latest:
 * `await using cluster = await TestCluster.start()`.
 */
export class TestCluster implements AsyncDisposable {
  readonly dir: string;
  readonly servers: PostgresServer[] = [];
  readonly account: Account | null;
  readonly #settings: Settings;

  private constructor(settings: Settings) {
    this.dir = tempDir();
    this.account = serverAccount();
    this.#settings = { ...TEST_SETTINGS, ...settings };
    onCleanUp(() => this.kill());
  }

  /** Makes the cluster, starts it and waits until every standby streams. */
  static async start({ standbys = 1, settings = {} }: TestClusterOptions = {}) {
    const cluster = new TestCluster(settings);
    const template = dataDirTemplate(cluster.account);
    for (let id = 0; id <= standbys; id++) {
      const server = new PostgresServer(await cluster.newServerOptions());
      copyDataDir(template, server.dataDir);
      if (id > 0) server.follow(cluster.server(0));
      cluster.servers.push(server);
    }
    await Promise.all(cluster.servers.map((server) => server.start()));
    await cluster.waitForStreaming();
    return cluster;
  }

  /** The server with this node id. */
  server(id: number): PostgresServer {
    const server = this.servers[id];
    if (server === undefined) throw new Error(`the cluster has no server ${id}`);
    return server;
  }

  /** The server that was made as the primary. */
  get primary(): PostgresServer {
    return this.server(0);
  }

  get standbys(): PostgresServer[] {
    return this.servers.slice(1);
  }

  /** Where and how the next server of the cluster would run. */
  async newServerOptions() {
    const name = `server${this.servers.length}`;
    return {
      name,
      dataDir: join(this.dir, `data${this.servers.length}`),
      port: await freePort(),
      socketDir: this.dir,
      logFile: join(this.dir, `${name}.log`),
      settings: this.#settings,
      account: this.account,
    };
  }

  /** Adds a standby of the given server (the primary by default) and waits until it streams. */
  async addStandby(of: PostgresServer = this.primary): Promise<PostgresServer> {
    const standby = await of.makeStandby(await this.newServerOptions());
    this.servers.push(standby);
    await standby.start();
    await waitForStreaming(of, [standby.name]);
    return standby;
  }

  /** Runs statements on the primary. */
  async query(text: string, parameters: readonly string[] = []): Promise<Row[]> {
    return await this.primary.query(text, parameters);
  }

  async waitForStreaming(deadlineMs = 30_000): Promise<void> {
    await waitForStreaming(this.primary, this.standbys.map(({ name }) => name), deadlineMs);
  }

  /** Waits until every standby that runs has applied what the primary has written so far. */
  async waitForReplay(deadlineMs = 30_000): Promise<void> {
    const [row] = await this.query("SELECT pg_current_wal_lsn()::text AS lsn");
    for (const standby of this.standbys.filter(({ running }) => running)) {
      await waitFor(async () => {
        const [{ done } = {}] = await standby.query(
          "SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS done",
          [String(row?.["lsn"])],
        );
        return done === true;
      }, { what: `${standby.name} to catch up`, deadlineMs });
    }
  }

  /** Everything that the servers have logged. */
  log(): string {
    return this.servers.map((server) => `--- ${server.name}\n${server.log()}`).join("");
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop("immediate")));
  }

  async kill(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Waits until the primary streams to each of these standbys. */
export async function waitForStreaming(
  primary: PostgresServer,
  standbys: readonly string[],
  deadlineMs = 30_000,
): Promise<void> {
  if (standbys.length === 0) return;
  const sql = primary.connect();
  try {
    await waitFor(async () => {
      const rows = await sql<{ name: string }[]>`
        SELECT application_name AS name FROM pg_stat_replication WHERE state = 'streaming'`;
      return standbys.every((standby) => rows.some(({ name }) => name === standby));
    }, { what: `${standbys.join(", ")} to stream from port ${primary.port}`, deadlineMs });
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/**
 * A data directory to copy from, made once per run: by this process, or by whichever comes first
 * where PGPOOL_TEST_TEMPLATES names a directory that several processes share.
 */
function dataDirTemplate(account: Account | null): string {
  template ??= makeTemplate(account);
  return template;
}

let template: string | undefined;

function makeTemplate(account: Account | null): string {
  const shared = process.env["PGPOOL_TEST_TEMPLATES"];
  if (shared === undefined) {
    const own = join(tempDir(), "template");
    initdb(own, account);
    return own;
  }
  mkdirSync(shared, { recursive: true });
  const template = join(shared, "template");
  if (existsSync(template)) return template;
  const half = mkdtempSync(join(shared, "new-"));
  give(half, account);
  initdb(join(half, "data"), account);
  try {
    renameSync(join(half, "data"), template);
  } catch (error) {
    // Another process was faster.
    if (!existsSync(template)) throw error;
  }
  rmSync(half, { recursive: true, force: true });
  return template;
}
