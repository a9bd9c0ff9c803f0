import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { connectPcp, type PcpConnection } from "../../../lib/pcp/client.ts";
import { TestCluster, waitForStreaming } from "../../support/cluster.ts";
import type { Settings } from "../../support/config-file.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { postgresBin } from "../../support/programs.ts";
import type { PostgresServer } from "../../support/postgres.ts";
import { waitFor } from "../../support/wait.ts";
import { writeScript } from "../support/failover-commands.ts";
import { failureOf, logIn, waitForStates } from "../support/nodes.ts";

const PCP_USER = "admin";
const PCP_PASSWORD = "secret";

/** Promotes the new main node when the node that failed was the primary. */
const PROMOTE = `#!/bin/sh
echo "$*" >> "$CALLS"
[ "$1" = "$2" ] || exit 0
exec "$PG_CTL" -D "$3" -w -t 20 promote
`;

/** Leaves the work to the test and waits until it is done. */
const FOLLOW = `#!/bin/sh
echo "$*" > "$CALLS.follow$1"
while [ -e "$CALLS.follow$1" ]; do sleep 0.05; done
`;

/**
 * A primary and two standbys, behind a pgpool whose failover_command promotes, and whose
 * follow_primary_command has the test make a node follow.
 */
export class Scripted implements AsyncDisposable {
  pgpool!: Pgpool;

  private constructor(readonly cluster: TestCluster) {}

  static async start(): Promise<Scripted> {
    const cluster = await TestCluster.start({ standbys: 2 });
    await cluster.query("CREATE TABLE t (id int)");
    await cluster.waitForReplay();
    return new Scripted(cluster);
  }

  /** Starts pgpool anew before the servers as they are, and waits until it knows the primary. */
  async startPgpool(
    config: Settings = {},
    files: Readonly<Record<string, string>> = {},
  ): Promise<Pgpool> {
    const promote = this.script("promote", PROMOTE);
    this.pgpool = await startPgpool({
      files,
      cluster: this.cluster,
      pcp: `${PCP_USER}:${createHash("md5").update(PCP_PASSWORD).digest("hex")}\n`,
      env: {
        CALLS: this.#calls,
        PROMOTE: promote,
        PG_CTL: join(postgresBin(this.cluster.account), "pg_ctl"),
      },
      config: {
        worker_processes: 1,
        health_check_period: 1,
        health_check_timeout: 1,
        search_primary_node_timeout: 30,
        failover_command: `${promote} %d %P %R %m %H %r %M %N %S %h %p %D`,
        follow_primary_command: `${this.script("follow", FOLLOW)} %d %m %M %P`,
        ...config,
      },
    });
    await this.pgpool.waitForLog(/pgpool-II successfully started/);
    return this.pgpool;
  }

  /** Writes an executable script; gives its path. */
  script(name: string, text: string): string {
    return writeScript(this.cluster, `${name}.sh`, text);
  }

  /** What failover_command was called with, a line each. */
  calls(): string[] {
    const file = this.#calls;
    return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }

  /**
   * Does what a real follow_primary_command does: makes the node a standby of the new primary and
   * attaches it, while pgpool waits for the script. Gives the script's arguments.
   */
  async follow(node: number): Promise<string> {
    const file = this.#followFile(node);
    const text = await waitFor(() => existsSync(file) && readFileSync(file, "utf8").trim(), {
      what: `follow_primary_command for node ${node}`,
      deadlineMs: 30_000,
    });
    const primary = this.cluster.server(Number(String(text).split(" ")[1]));
    await this.rebuild(node, primary);
    await this.asAdmin((pcp) => pcp.attachNode(node));
    rmSync(file);
    return String(text);
  }

  /** Makes a node a fresh standby of the primary and waits until it streams. */
  async rebuild(node: number, primary: PostgresServer): Promise<void> {
    const old = this.cluster.server(node);
    await old.kill();
    rmSync(old.dataDir, { recursive: true, force: true });
    const fresh = await primary.makeStandby(old.options);
    this.cluster.servers[node] = fresh;
    await fresh.start();
    await waitForStreaming(primary, [fresh.name]);
  }

  async asAdmin(work: (pcp: PcpConnection) => Promise<void>): Promise<void> {
    const pcp = await connectPcp({
      host: this.pgpool.host,
      port: this.pgpool.pcpPort,
      user: PCP_USER,
      password: PCP_PASSWORD,
      requestTimeout: 30_000,
    });
    try {
      await work(pcp);
    } finally {
      await pcp.close();
    }
  }

  /** Waits for status and role of all nodes: `up primary, down standby, up standby`. */
  async waitForNodes(wanted: string): Promise<void> {
    await waitForStates(this.pgpool, wanted);
  }

  async waitForWrites(): Promise<void> {
    await waitFor(async () => {
      using client = await logIn(this.pgpool);
      return await failureOf(client, "INSERT INTO t VALUES (1)") === "";
    }, { what: "writes", deadlineMs: 20_000 });
  }

  /** Node 0 is the primary again, and the others follow it. */
  async reset(): Promise<void> {
    await this.pgpool?.[Symbol.asyncDispose]();
    const { servers } = this.cluster;
    rmSync(this.#calls, { force: true });
    for (const id of servers.keys()) rmSync(this.#followFile(id), { force: true });
    servers.forEach((server) => server.resume());
    if (!await this.#isWellPlaced()) await this.#rebuildAll();
  }

  async #isWellPlaced(): Promise<boolean> {
    const { servers } = this.cluster;
    if (!servers.every(({ running }) => running)) return false;
    const isStandby = await Promise.all(servers.map((server) => server.isStandby()));
    if (isStandby.join() !== "false,true,true") return false;
    const rows = await this.cluster.query("SELECT FROM pg_stat_replication");
    return rows.length === 2;
  }

  async #rebuildAll(): Promise<void> {
    const [first, ...others] = this.cluster.servers;
    if (first === undefined) return;
    if (!first.running) await first.start();
    if (await first.isStandby()) await first.promote();
    for (const { options } of others) {
      await this.rebuild(this.cluster.servers.findIndex((one) => one.name === options.name), first);
    }
  }

  #followFile(node: number): string {
    return `${this.#calls}.follow${node}`;
  }

  get #calls(): string {
    return join(this.cluster.dir, "calls");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pgpool?.[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
  }
}
