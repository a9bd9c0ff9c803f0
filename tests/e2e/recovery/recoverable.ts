import { createHash } from "node:crypto";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { plainSql } from "../../../lib/extensions/extension.ts";
import { pgpoolRecovery } from "../../../lib/extensions/pgpool_recovery/extension.ts";
import { connectPcp, PcpClientError } from "../../../lib/pcp/client.ts";
import { give } from "../../support/account.ts";
import { onCleanUp } from "../../support/clean-up.ts";
import { TestCluster } from "../../support/cluster.ts";
import type { Settings } from "../../support/config-file.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { type PostgresServer, SUPERUSER } from "../../support/postgres.ts";
import { endPostmaster, postmasterPid } from "../../support/postmaster.ts";
import { postgresBin, ROOT } from "../../support/programs.ts";
import { waitFor } from "../../support/wait.ts";

/** The password "hello" as pg_enc stores it with this key (reference commands.md 4). */
const KEY = "mykey";
const HELLO = "AES/0vk2BLdRvSVJOvreHcE8g==";

const HBA = "host all rescuer all scram-sha-256\nhost all all all trust\n" +
  "host replication all all trust\nlocal all all trust\n";

const PCP_USER = "admin";
const PCP_PASSWORD = "secret";

/** A primary with a standby behind pgpool, set up with the scripts of conf/ for online recovery. */
export class Recoverable implements AsyncDisposable {
  private constructor(readonly cluster: TestCluster, readonly pgpool: Pgpool) {
    onCleanUp(() => this.#endServers());
  }

  static async start(config: Settings = {}): Promise<Recoverable> {
    const cluster = await TestCluster.start();
    await prepareServers(cluster);
    const pgpool = await startPgpool({
      cluster,
      config: {
        health_check_period: 1,
        recovery_user: "rescuer",
        recovery_password: HELLO,
        recovery_1st_stage_command: "recovery_by_server.sql",
        recovery_timeout: 20,
        ...config,
      },
      pcp: `${PCP_USER}:${createHash("md5").update(PCP_PASSWORD).digest("hex")}\n`,
      key: KEY,
    });
    return new Recoverable(cluster, pgpool);
  }

  /** Asks for a recovery as an administrator does; gives what was told meanwhile. */
  async recover(node: number): Promise<string[]> {
    const told: string[] = [];
    const pcp = await connectPcp({
      host: this.pgpool.host,
      port: this.pgpool.pcpPort,
      user: PCP_USER,
      password: PCP_PASSWORD,
      requestTimeout: 60_000,
      onNotice: ({ message }) => told.push(message),
    });
    try {
      await pcp.recoverNode(node);
    } finally {
      await pcp.close();
    }
    return told;
  }

  /** What an administrator is told when a recovery fails. */
  async failure(node: number): Promise<PcpClientError> {
    try {
      await this.recover(node);
    } catch (error) {
      if (error instanceof PcpClientError) return error;
      throw error;
    }
    throw new Error("the recovery did not fail");
  }

  /** Changes the configuration; it is in force when this is done. */
  async reload(changes: Settings): Promise<void> {
    const from = this.pgpool.logEnd();
    this.pgpool.reload(changes);
    await this.pgpool.waitForLog(/reload config files/, 10_000, from);
  }

  /** The status of each node as clients see it: `up down`. */
  async statuses(): Promise<string> {
    const sql = this.pgpool.connect();
    try {
      const rows = await sql.unsafe("SHOW POOL_NODES").simple();
      return rows.map((row) => row["status"]).join(" ");
    } finally {
      await sql.end({ timeout: 5 });
    }
  }

  async waitForStatuses(wanted: string): Promise<void> {
    await waitFor(async () => await this.statuses() === wanted, { what: `nodes ${wanted}` });
  }

  /** Takes the standby's server and data away, as a broken disk does. */
  async loseStandby(): Promise<void> {
    const standby = this.cluster.server(1);
    await this.#endServers();
    await standby.kill();
    rmSync(standby.dataDir, { recursive: true, force: true });
    await this.waitForStatuses("up down");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pgpool[Symbol.asyncDispose]();
    await this.#endServers();
    await this.cluster[Symbol.asyncDispose]();
  }

  /** Ends servers that were started by a script, which are no children of the tests. */
  async #endServers(): Promise<void> {
    for (const { dataDir, pid } of this.cluster.servers) {
      if (postmasterPid(dataDir) !== pid) await endPostmaster(dataDir, "SIGQUIT");
    }
  }
}

/** Extension, scripts and recovery_user, whose password is "hello", on the primary. */
export async function prepareServers(cluster: TestCluster): Promise<void> {
  await cluster.query("CREATE USER rescuer SUPERUSER PASSWORD 'hello'");
  await cluster.primary.writeHba(HBA);
  await cluster.query(plainSql(pgpoolRecovery, "public"));
  for (const name of ["recovery_by_server", "recovery_by_server.sql", "pgpool_remote_start"]) {
    addScript(cluster.primary, name, sample(cluster, name));
  }
}

/** Puts a script into a server's data directory. */
export function addScript(server: PostgresServer, name: string, text: string): void {
  const file = join(server.dataDir, name);
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  give(file, server.options.account);
}

/** A script of conf/, adapted to the servers of the tests. */
function sample(cluster: TestCluster, name: string): string {
  return readFileSync(join(ROOT, "conf", `${name}.sample`), "utf8")
    .replaceAll("/usr/pgsql-18", dirname(postgresBin(cluster.account)))
    .replaceAll(":-repl}", `:-${SUPERUSER}}`);
}
