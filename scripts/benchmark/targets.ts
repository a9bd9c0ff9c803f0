/** What is measured, each started in front of the same two servers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { type Account, give } from "../../tests/support/account.ts";
import type { TestCluster } from "../../tests/support/cluster.ts";
import { formatSettings, type Settings } from "../../tests/support/config-file.ts";
import { backendSettings, startPgpool } from "../../tests/support/pgpool.ts";
import { freePort, isListening } from "../../tests/support/ports.ts";
import { SUPERUSER } from "../../tests/support/postgres.ts";
import { ServerProcess } from "../../tests/support/server-process.ts";
import { waitFor } from "../../tests/support/wait.ts";
import type { TargetName } from "./options.ts";
import { debianProgram, type Program } from "../../tests/support/debian.ts";
import { MOST_CLIENTS } from "./workloads.ts";

/** Clients that every pooler is set up for. */
export const POOLER_CLIENTS = MOST_CLIENTS + 28;
/** Server connections that a pooler with processes may keep for each of its clients. */
export const POOLED_PER_CLIENT = 4;

const HOST = "127.0.0.1";
const DATABASE = "postgres";
const START_MS = 30_000;

/** Says why a target is left out; the message is for the table's reader. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** Something that takes connections and brings them to the servers. */
export interface Target {
  readonly name: TargetName;
  readonly port: number;
  /** Null of the servers themselves: what they cost is not a pooler's. */
  readonly process: ServerProcess | null;
  /** Only one process of it handles clients. */
  readonly oneProcess: boolean;
}

/** Where targets run. */
export interface Site {
  readonly cluster: TestCluster;
  readonly dir: string;
  readonly account: Account | null;
}

/** Starts a target and waits until statements can be run through it. */
export async function startTarget(name: TargetName, site: Site): Promise<Target> {
  const target = await STARTERS[name](site);
  await waitFor(() => answers(target.port), {
    what: `${name} to answer a query`,
    deadlineMs: START_MS,
    everyMs: 100,
  });
  return target;
}

const STARTERS: Readonly<Record<TargetName, (site: Site) => Promise<Target>>> = {
  direct: async ({ cluster }) => ({
    name: "direct",
    port: cluster.primary.port,
    process: null,
    oneProcess: false,
  }),
  relay: (site) => relay("relay", site, availableParallelism()),
  "relay-1": (site) => relay("relay-1", site, 1),
  pgpool: (site) => pgpool("pgpool", site, 0),
  "pgpool-1": (site) => pgpool("pgpool-1", site, 1),
  pgbouncer,
  pgpool2,
};

/** The relay knows nothing of replication: it brings everything to the primary. */
async function relay(name: TargetName, site: Site, workers: number): Promise<Target> {
  const port = await freePort();
  const process = await started({
    name,
    site,
    port,
    // As root, so that the runtime may lie where only root can read it.
    account: null,
    command: [
      ...[globalThis.process.execPath, join(import.meta.dir, "relay.ts")],
      ...[port, site.cluster.primary.port, workers].map(String),
    ],
  });
  return { name, port, process, oneProcess: workers === 1 };
}

async function pgpool(name: TargetName, { cluster }: Site, workers: number): Promise<Target> {
  const { port, process } = await startPgpool({
    cluster,
    config: {
      worker_processes: workers,
      num_init_children: POOLER_CLIENTS,
      max_pool: POOLED_PER_CLIENT,
    },
  });
  return { name, port, process, oneProcess: workers === 1 };
}

async function pgbouncer(site: Site): Promise<Target> {
  const program = found(debianProgram("pgbouncer", site.account, site.dir));
  const port = await freePort();
  const dir = directory(site, "pgbouncer", {
    "users.txt": `"${SUPERUSER}" ""\n`,
    "pgbouncer.ini": `[databases]
* = host=${HOST} port=${site.cluster.primary.port}
[pgbouncer]
listen_addr = ${HOST}
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(site.dir, "pgbouncer/users.txt")}
pool_mode = session
max_client_conn = ${POOLER_CLIENTS}
default_pool_size = ${POOLER_CLIENTS}
log_connections = 0
log_disconnections = 0
`,
  });
  const process = await started({
    name: "pgbouncer",
    site,
    port,
    account: site.account,
    command: [program.path, join(dir, "pgbouncer.ini")],
    env: program.env,
  });
  return { name: "pgbouncer", port, process, oneProcess: true };
}

async function pgpool2(site: Site): Promise<Target> {
  const program = found(debianProgram("pgpool", site.account, site.dir));
  const port = await freePort();
  const place = join(site.dir, "pgpool2");
  const settings: Settings = {
    backend_clustering_mode: "streaming_replication",
    listen_addresses: HOST,
    port,
    socket_dir: place,
    pcp_listen_addresses: HOST,
    pcp_port: await freePort(),
    pcp_socket_dir: place,
    pid_file_name: join(place, "pgpool.pid"),
    logdir: place,
    pool_passwd: "",
    num_init_children: POOLER_CLIENTS,
    max_pool: POOLED_PER_CLIENT,
    sr_check_period: 1,
    sr_check_user: SUPERUSER,
    sr_check_database: DATABASE,
    health_check_period: 0,
    ...backendSettings(site.cluster.servers),
  };
  const dir = directory(site, "pgpool2", {
    "pgpool.conf": formatSettings(settings),
    "pcp.conf": "",
    "pool_hba.conf": "",
  });
  const process = await started({
    name: "pgpool2",
    site,
    port,
    account: site.account,
    command: [
      ...[program.path, "-n", "-D", "-f", join(dir, "pgpool.conf"), "-F", join(dir, "pcp.conf")],
      ...["-a", join(dir, "pool_hba.conf")],
    ],
    env: program.env,
  });
  return { name: "pgpool2", port, process, oneProcess: false };
}

interface Start {
  readonly name: TargetName;
  readonly site: Site;
  readonly port: number;
  readonly account: Account | null;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a server and waits until it listens. */
async function started({ name, site, port, account, command, env = {} }: Start) {
  const process = new ServerProcess({
    command,
    account,
    cwd: "/",
    logFile: join(site.dir, `${name}.log`),
    env,
  });
  await waitFor(async () => !process.running || await isListening(port), {
    what: `${name} to listen`,
    deadlineMs: START_MS,
  });
  if (!process.running) throw new Error(`${name} ended with status ${await process.exited}`);
  return process;
}

/** A directory of a pooler with its files. */
function directory(site: Site, name: string, files: Readonly<Record<string, string>>): string {
  const dir = join(site.dir, name);
  mkdirSync(dir, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(dir, file), text);
  give(dir, site.account);
  return dir;
}

function found(program: Program | null): Program {
  if (program === null) throw new Unavailable("not installed, and not to be had from Debian");
  return program;
}

async function answers(port: number): Promise<boolean> {
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
    return (await sql.unsafe("SELECT 1").simple()).length === 1;
  } finally {
    await sql.end({ timeout: 2 });
  }
}
