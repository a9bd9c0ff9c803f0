/** pgpool itself: its configuration, its process, and what it says of its nodes. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { systemUser } from "../../cmd/system-user.ts";
import { formatSettings, type Settings } from "../../tests/support/config-file.ts";
import { backendSettings } from "../../tests/support/pgpool.ts";
import { type PostgresServer, type Row, SUPERUSER } from "../../tests/support/postgres.ts";
import { pgpoolBinary } from "../../tests/support/programs.ts";
import { ServerProcess } from "../../tests/support/server-process.ts";
import { waitFor } from "../../tests/support/wait.ts";
import { CHECK_USER, CLIENTS, POOLED_PER_CLIENT } from "./cluster.ts";
import { writeForPool } from "./files.ts";
import type { Place } from "./place.ts";
import { installFailover } from "./scripts.ts";

export const HOST = "127.0.0.1";
export const DATABASE = "postgres";
export const PCP_USER = "pgpool";
const LOG_TAIL_LINES = 15;

/** Where a pool listens. */
export interface Ports {
  readonly port: number;
  readonly pcpPort: number;
  readonly metricsPort: number;
}

export interface Pool extends Ports {
  readonly configFile: string;
  readonly pcpPassFile: string;
  readonly logFile: string;
  readonly process: ServerProcess;
}

/** Writes the configuration, starts pgpool and waits until it serves clients with all nodes up. */
export async function startPool(
  place: Place,
  servers: readonly PostgresServer[],
  ports: Ports,
): Promise<Pool> {
  const configFile = join(place.etc, "pgpool.conf");
  const pcpFile = join(place.etc, "pcp.conf");
  const hbaFile = join(place.etc, "pool_hba.conf");
  const passFiles = writePcpFiles(place, pcpFile);
  const pcp = { host: HOST, port: ports.pcpPort, user: PCP_USER, passFile: passFiles.scripts };
  const scripts = installFailover(place, pcp);
  writeForPool(place, configFile, configText(place, servers, ports, scripts));
  writeForPool(place, hbaFile, "local all all trust\nhost all all 127.0.0.1/32 trust\n");
  const logFile = join(place.log, "pgpool.log");
  const process = new ServerProcess({
    command: [
      pgpoolBinary(place.account),
      "serve",
      // Servers that were down last time are up now: the status file of then is not read (-D).
      ...["-n", "-D", "-f", configFile, "-F", pcpFile, "-a", hbaFile],
    ],
    account: place.account,
    cwd: place.run,
    logFile,
  });
  const pool = { ...ports, configFile, pcpPassFile: passFiles.person, logFile, process };
  await waitFor(async () => !process.running || await allNodesUp(pool, servers.length), {
    what: `pgpool on port ${ports.port} to have ${servers.length} nodes up (see ${logFile})`,
    deadlineMs: 60_000,
    everyMs: 100,
  });
  if (!process.running) {
    const tail = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES);
    throw new Error(`pgpool did not start; the end of ${logFile}:\n${tail.join("\n")}`);
  }
  return pool;
}

/** What SHOW POOL_NODES says, asked through the pool. */
export async function poolNodes({ port }: Pick<Pool, "port">): Promise<Row[]> {
  const sql = postgres({
    host: HOST,
    port,
    user: SUPERUSER,
    database: DATABASE,
    max: 1,
    connect_timeout: 5,
    onnotice: () => {},
  });
  try {
    return [...await sql.unsafe("SHOW POOL_NODES").simple()];
  } finally {
    await sql.end({ timeout: 2 });
  }
}

async function allNodesUp(pool: Pool, count: number): Promise<boolean> {
  const nodes = await poolNodes(pool);
  return nodes.length === count &&
    nodes.every(({ status }) => status === "up" || status === "waiting") &&
    nodes.some(({ role }) => role === "primary");
}

function configText(
  place: Place,
  servers: readonly PostgresServer[],
  { port, pcpPort, metricsPort }: Ports,
  scripts: Settings,
): string {
  return "# Written by scripts/run at every start.\n" + formatSettings({
    backend_clustering_mode: "streaming_replication",
    listen_addresses: "localhost",
    port,
    unix_socket_directories: place.run,
    pcp_listen_addresses: "localhost",
    pcp_port: pcpPort,
    pcp_socket_dir: place.run,
    metrics_port: metricsPort,
    // Nobody has a password here, and pgpool may not write beside its configuration.
    pool_passwd: "",
    pid_file_name: join(place.run, "pgpool.pid"),
    work_dir: place.run,
    num_init_children: CLIENTS,
    max_pool: POOLED_PER_CLIENT,
    sr_check_period: 2,
    sr_check_user: CHECK_USER,
    sr_check_database: DATABASE,
    health_check_period: 5,
    health_check_timeout: 5,
    health_check_max_retries: 1,
    health_check_user: CHECK_USER,
    health_check_database: DATABASE,
    ...scripts,
    ...backendSettings(servers),
  });
}

/**
 * One new password for the PCP user `pgpool` and for the person's own account name, which the PCP
 * commands take when none is given. Gives the files that hold it for PCPPASSFILE: one for the
 * person, one for the scripts that pgpool runs.
 */
function writePcpFiles(place: Place, pcpFile: string): { person: string; scripts: string } {
  const password = randomBytes(16).toString("hex");
  const md5 = createHash("md5").update(password).digest("hex");
  const users = new Set([PCP_USER, systemUser()]);
  writeForPool(place, pcpFile, [...users].map((user) => `${user}:${md5}\n`).join(""));
  const person = join(place.etc, "pcppass");
  rmSync(person, { force: true });
  writeFileSync(person, `*:*:*:${password}\n`, { mode: 0o600 });
  const scripts = join(place.etc, "pcppass.scripts");
  writeForPool(place, scripts, `*:*:*:${password}\n`);
  return { person, scripts };
}
