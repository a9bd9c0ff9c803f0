/**
 * An installed prefix, used as Pgpool-II's set-up helper uses one: configuration from the samples, a
 * node added by a reload and made by online recovery (reference contracts.md 4.0).
 */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { give } from "../../support/account.ts";
import { TestCluster } from "../../support/cluster.ts";
import { formatSettings } from "../../support/config-file.ts";
import { backendSettings } from "../../support/pgpool.ts";
import { freePort } from "../../support/ports.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { endPostmaster } from "../../support/postmaster.ts";
import { ROOT } from "../../support/programs.ts";
import { ServerProcess } from "../../support/server-process.ts";
import { tempDir } from "../../support/temp.ts";
import { waitFor } from "../../support/wait.ts";
import { prepareServers } from "./recoverable.ts";

const PCP_COMMANDS = [
  "pcp_attach_node",
  "pcp_detach_node",
  "pcp_health_check_stats",
  "pcp_invalidate_query_cache",
  "pcp_log_rotate",
  "pcp_node_count",
  "pcp_node_info",
  "pcp_pool_status",
  "pcp_proc_count",
  "pcp_proc_info",
  "pcp_promote_node",
  "pcp_recovery_node",
  "pcp_reload_config",
  "pcp_stop_pgpool",
  "pcp_watchdog_info",
];

const dir = tempDir();
const prefix = join(dir, "prefix");
const etc = join(dir, "etc");
const config = join(etc, "pgpool.conf");
const pidFile = join(dir, "pgpool.pid");
let cluster: TestCluster;
let port: number;
let pcpPort: number;

beforeAll(async () => {
  run([join(ROOT, "scripts/install"), "--prefix", prefix]);
  cluster = await TestCluster.start();
  await prepareServers(cluster);
  port = await freePort();
  pcpPort = await freePort();
}, 90_000);

afterAll(async () => {
  const node = cluster?.servers[1];
  if (node !== undefined) await endPostmaster(node.dataDir, "SIGQUIT");
  await cluster?.[Symbol.asyncDispose]();
});

/** Runs a command of the prefix, or another one, and gives all that it prints. */
function run([program = "", ...args]: readonly string[]): string {
  const command = program.includes("/") ? program : join(prefix, "bin", program);
  const { exitCode, stdout, stderr } = Bun.spawnSync([command, ...args], {
    env: { ...process.env, PCPPASSFILE: join(etc, "pcppass") },
    timeout: 60_000,
  });
  if (exitCode !== 0) throw new Error(`${command} ${args.join(" ")} (${exitCode}): ${stderr}`);
  return `${stdout}${stderr}`;
}

async function show(what: string): Promise<readonly Record<string, unknown>[]> {
  const sql = postgres({
    ...{ host: "127.0.0.1", port, user: SUPERUSER, database: "postgres", max: 1 },
    connect_timeout: 5,
    onnotice: () => {},
  });
  try {
    return [...await sql.unsafe(`show ${what}`).simple()];
  } finally {
    await sql.end({ timeout: 2 });
  }
}

describe("an installed prefix", () => {
  it("has the commands and samples of Pgpool-II", () => {
    const commands = readdirSync(join(prefix, "bin"));
    for (const name of ["pgpool", "pg_md5", "pg_enc", ...PCP_COMMANDS]) {
      expect(commands).toContain(name);
    }
    const samples = readdirSync(join(prefix, "etc"));
    for (const name of ["pgpool.conf", "pcp.conf", "pool_hba.conf"]) {
      expect(samples).toContain(`${name}.sample`);
    }
    for (const name of ["failover.sh", "follow_primary.sh", "recovery_1st_stage"]) {
      expect(statSync(join(prefix, "etc", `${name}.sample`)).mode & 0o111).toBe(0o111);
    }
    expect(run(["pgpool", "--version"])).toMatch(/^pgpool-II version 4\.7\.\d+ \(/);
    expect(run(["pg_md5", "secret"])).toBe("5ebe2294ecd0e0f08eab7690d2a6ee69\n");
  });

  it("makes a cluster by reload and online recovery, and stops it", async () => {
    const [first, second] = cluster.servers;
    if (first === undefined || second === undefined) throw new Error("two servers are needed");
    await second.kill();
    rmSync(second.dataDir, { recursive: true });
    configure(backendSettings([first]));
    const pgpool = new ServerProcess({
      command: [
        ...[join(prefix, "bin/pgpool"), "-D", "-n", "-f", config],
        ...["-F", join(etc, "pcp.conf"), "-a", join(etc, "pool_hba.conf")],
      ],
      account: cluster.account,
      cwd: dir,
      logFile: join(dir, "pgpool.log"),
    });
    await waitFor(async () => (await show("pool_nodes")).length === 1, {
      what: "pgpool to serve",
      deadlineMs: 20_000,
    });
    appendFileSync(config, formatSettings(backendSettings(cluster.servers)));
    run(["pgpool", "-f", config, "reload"]);
    await waitFor(async () => {
      const items = await show("pool_status");
      return items.filter(({ item }) => /backend_data/.test(String(item))).length === 2;
    }, { what: "the new node to be there", deadlineMs: 20_000 });
    const told = run([
      "pcp_recovery_node",
      "-w",
      "-h",
      "localhost",
      "-p",
      String(pcpPort),
      "-n",
      "1",
    ]);
    expect(told).toContain("pcp_recovery_node -- Command Successful");
    await waitFor(
      async () => (await show("pool_nodes")).every(({ status }) => status === "up"),
      { what: "both nodes to be up" },
    );
    expect(run(["pgpool", "-f", config, "-m", "f", "stop"])).toContain("done.");
    expect(existsSync(pidFile)).toBe(false);
    expect(await pgpool.exited).toBe(0);
  }, 60_000);
});

/** Files as the helper makes them: copies of the samples, with lines appended. */
function configure(backends: Readonly<Record<string, string | number | boolean>>): void {
  mkdirSync(etc);
  for (const name of ["pgpool.conf", "pcp.conf", "pool_hba.conf"]) {
    copyFileSync(join(prefix, "etc", `${name}.sample`), join(etc, name));
  }
  appendFileSync(
    config,
    formatSettings({
      backend_clustering_mode: "streaming_replication",
      port,
      pcp_port: pcpPort,
      unix_socket_directories: dir,
      pcp_socket_dir: dir,
      pid_file_name: pidFile,
      work_dir: dir,
      sr_check_user: SUPERUSER,
      sr_check_period: 1,
      recovery_user: SUPERUSER,
      recovery_1st_stage_command: "recovery_by_server.sql",
      ...backends,
    }),
  );
  const user = run(["/usr/bin/id", "-un"]).trim();
  appendFileSync(join(etc, "pcp.conf"), `${user}:${run(["pg_md5", "secret"])}`);
  give(etc, cluster.account);
  writeFileSync(join(etc, "pcppass"), `*:*:${user}:secret\n`);
  chmodSync(join(etc, "pcppass"), 0o600);
}
