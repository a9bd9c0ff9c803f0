/** pgpool itself: its configuration, its process, and what it says of its nodes. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { systemUser } from "../../cmd/system-user.ts";
import { give } from "../../tests/support/account.ts";
import { formatSettings } from "../../tests/support/config-file.ts";
import { backendSettings } from "../../tests/support/pgpool.ts";
import { type PostgresServer, type Row, SUPERUSER } from "../../tests/support/postgres.ts";
import { pgpoolBinary } from "../../tests/support/programs.ts";
import { ServerProcess } from "../../tests/support/server-process.ts";
import { waitFor } from "../../tests/support/wait.ts";
import { CHECK_USER, CLIENTS, POOLED_PER_CLIENT } from "./cluster.ts";
import type { Place } from "./place.ts";

export const HOST = "127.0.0.1";
export const DATABASE = "postgres";
const PCP_USER = "pgpool";
const LOG_TAIL_LINES = 15;

export interface Pool {
  readonly port: number;
  readonly pcpPort: number;
  readonly configFile: string;
  readonly pcpPassFile: string;
  readonly process: ServerProcess;
}

/** Writes the configuration, starts pgpool and waits until it serves clients with all nodes up. */
export async function startPool(
  place: Place,
  servers: readonly PostgresServer[],
  port: number,
  pcpPort: number,
): Promise<Pool> {
  const configFile = join(place.etc, "pgpool.conf");
  const pcpFile = join(place.etc, "pcp.conf");
  const hbaFile = join(place.etc, "pool_hba.conf");
  const pcpPassFile = writePcpFiles(place, pcpFile);
  write(place, configFile, configText(place, servers, port, pcpPort));
  write(place, hbaFile, "local all all trust\nhost all all 127.0.0.1/32 trust\n");
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
  const pool = { port, pcpPort, configFile, pcpPassFile, process };
  await waitFor(async () => !process.running || await allNodesUp(pool, servers.length), {
    what: `pgpool on port ${port} to have ${servers.length} nodes up (see ${logFile})`,
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
  port: number,
  pcpPort: number,
): string {
  return "# Written by scripts/run at every start.\n" + formatSettings({
    backend_clustering_mode: "streaming_replication",
    listen_addresses: "localhost",
    port,
    unix_socket_directories: place.run,
    pcp_listen_addresses: "localhost",
    pcp_port: pcpPort,
    pcp_socket_dir: place.run,
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
    ...backendSettings(servers),
  });
}

/**
 * One new password for the PCP user `pgpool` and for the person's own account name, which the PCP
 * commands take when none is given. Gives the file that holds it for PCPPASSFILE.
 */
function writePcpFiles(place: Place, pcpFile: string): string {
  const password = randomBytes(16).toString("hex");
  const md5 = createHash("md5").update(password).digest("hex");
  const users = new Set([PCP_USER, systemUser()]);
  write(place, pcpFile, [...users].map((user) => `${user}:${md5}\n`).join(""));
  const passFile = join(place.etc, "pcppass");
  rmSync(passFile, { force: true });
  writeFileSync(passFile, `*:*:*:${password}\n`, { mode: 0o600 });
  return passFile;
}

/** A file for pgpool only, in the directory that only we write. */
function write(place: Place, file: string, text: string): void {
  rmSync(file, { force: true });
  writeFileSync(file, text, { mode: 0o600 });
  give(file, place.account);
}
