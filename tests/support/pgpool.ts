import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { give, serverAccount } from "./account.ts";
import type { TestCluster } from "./cluster.ts";
import { formatSettings, type Settings } from "./config-file.ts";
import { freePort, isListening } from "./ports.ts";
import { type ConnectOptions, SUPERUSER } from "./postgres.ts";
import { pgpoolBinary } from "./programs.ts";
import { ServerProcess } from "./server-process.ts";
import { tempDir } from "./temp.ts";
import { waitFor } from "./wait.ts";

/** What pgpool needs to know of a server behind it. */
export interface Backend {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
}

export interface PgpoolOptions {
  /** The servers behind it: a cluster's, or any others. */
  readonly cluster?: TestCluster;
  readonly backends?: readonly Backend[];
  /** pgpool.conf, beyond and above what tests need; a value of "" is written as ''. */
  readonly config?: Settings;
  /** Text of pool_hba.conf; without it enable_pool_hba is off. */
  readonly hba?: string;
  /** Text of pool_passwd. */
  readonly passwd?: string;
  /** Text of pcp.conf. */
  readonly pcp?: string;
  /** Content of .pgpoolkey, which AES entries of pool_passwd are decrypted with. */
  readonly key?: string;
  /** More files in the directory of pgpool.conf (certificates, say), readable for pgpool only. */
  readonly files?: Readonly<Record<string, string>>;
  /** More arguments of `pgpool serve`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** How long the start may take, default 20 seconds. */
  readonly deadlineMs?: number;
}

/** Signals of the stop modes (reference commands.md 1). */
const STOP_SIGNALS = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const;

/** A running `pgpool serve`; it ends with the tests at the latest. */
export class Pgpool implements AsyncDisposable {
  readonly host = "127.0.0.1";

  private constructor(
    readonly dir: string,
    readonly port: number,
    readonly pcpPort: number,
    /** Settings that pgpool.conf holds. */
    readonly settings: Settings,
    readonly process: ServerProcess,
  ) {}

  /** Starts the compiled pgpool and waits until it accepts connections. */
  static async start(options: PgpoolOptions): Promise<Pgpool> {
    const dir = tempDir();
    const port = await freePort();
    const pcpPort = await freePort();
    const settings = settingsFor(dir, port, pcpPort, options);
    writeFiles(dir, settings, options);
    const process = new ServerProcess({
      command: [
        pgpoolBinary(serverAccount()),
        "serve",
        ...["-n", "-f", join(dir, "pgpool.conf"), "-F", join(dir, "pcp.conf")],
        ...["-a", join(dir, "pool_hba.conf")],
        ...(options.key === undefined ? [] : ["-k", join(dir, ".pgpoolkey")]),
        ...options.args ?? [],
      ],
      account: serverAccount(),
      cwd: dir,
      logFile: join(dir, "pgpool.log"),
      ...(options.env === undefined ? {} : { env: options.env }),
    });
    const pgpool = new Pgpool(dir, port, pcpPort, settings, process);
    const listens = async () => await isListening(port) && await isListening(pcpPort);
    await waitFor(async () => !process.running || await listens(), {
      what: `pgpool to listen on ports ${port} and ${pcpPort}`,
      deadlineMs: options.deadlineMs ?? 20_000,
    });
    if (!process.running) throw new Error(`pgpool did not start; its log:\n${pgpool.log()}`);
    return pgpool;
  }

  get socketDir(): string {
    return this.dir;
  }

  get socketPath(): string {
    return join(this.dir, `.s.PGSQL.${this.port}`);
  }

  get running(): boolean {
    return this.process.running;
  }

  /** Everything logged so far. */
  log(): string {
    return readFileSync(join(this.dir, "pgpool.log"), "utf8");
  }

  /** Where the log ends now, to look only at what comes after (waitForLog's `from`). */
  logEnd(): number {
    return this.log().length;
  }

  /** Waits for a line of the log that matches, and gives the match. */
  async waitForLog(pattern: RegExp, deadlineMs = 10_000, from = 0): Promise<RegExpExecArray> {
    const match = await waitFor(() => pattern.exec(this.log().slice(from)), {
      what: `${pattern} in the log of pgpool`,
      deadlineMs,
    });
    if (match === null) throw new Error("unreachable: waitFor gives nothing false");
    return match;
  }

  /** A client of pgpool with one connection; the caller ends it. */
  connect({ user = SUPERUSER, database = "postgres", password }: ConnectOptions = {}) {
    return postgres({
      host: this.host,
      port: this.port,
      user,
      database,
      ...(password === undefined ? {} : { password }),
      max: 1,
      connect_timeout: 10,
      onnotice: () => {},
    });
  }

  /** Changes settings in pgpool.conf and sends SIGHUP. */
  reload(changes: Settings = {}): void {
    this.write("pgpool.conf", formatSettings({ ...this.settings, ...changes }));
    this.process.signal("SIGHUP");
  }

  /** Writes a file of pgpool's own (pool_passwd, pool_hba.conf, …) beside pgpool.conf. */
  write(name: string, text: string): void {
    const file = join(this.dir, name);
    writeFileSync(file, text, { mode: 0o600 });
    give(file, serverAccount());
  }

  /** Stops it and gives its exit status. */
  async stop(mode: keyof typeof STOP_SIGNALS = "fast", deadlineMs = 20_000): Promise<number> {
    return await this.process.stop(STOP_SIGNALS[mode], deadlineMs);
  }

  /** SIGKILL to the supervisor and everything below. */
  async kill(): Promise<void> {
    await this.process.kill();
  }

  /** Process ids, the supervisor's first. */
  pids(): number[] {
    return this.process.family();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Starts the compiled pgpool in front of the servers; `await using pgpool = await startPgpool(…)`. */
export async function startPgpool(options: PgpoolOptions): Promise<Pgpool> {
  return await Pgpool.start(options);
}

/** The backend_… parameters of these servers, all with the same weight. */
export function backendSettings(backends: readonly Backend[]): Settings {
  return Object.assign(
    {},
    ...backends.map(({ name, host, port, dataDir }, id) => ({
      [`backend_hostname${id}`]: host,
      [`backend_port${id}`]: port,
      [`backend_weight${id}`]: 1,
      [`backend_data_directory${id}`]: dataDir,
      [`backend_application_name${id}`]: name,
      [`backend_flag${id}`]: "ALLOW_TO_FAILOVER",
    })),
  );
}

function settingsFor(
  dir: string,
  port: number,
  pcpPort: number,
  { cluster, backends, config, hba }: PgpoolOptions,
): Settings {
  return {
    backend_clustering_mode: "streaming_replication",
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: dir,
    pcp_listen_addresses: "127.0.0.1",
    pcp_port: pcpPort,
    pcp_socket_dir: dir,
    pid_file_name: join(dir, "pgpool.pid"),
    work_dir: dir,
    num_init_children: 32,
    max_pool: 3,
    sr_check_period: 1,
    sr_check_user: SUPERUSER,
    sr_check_database: "postgres",
    health_check_period: 0,
    health_check_user: SUPERUSER,
    enable_pool_hba: hba !== undefined,
    pool_passwd: "pool_passwd",
    ...backendSettings([...cluster?.servers ?? [], ...backends ?? []]),
    ...config,
  };
}

function writeFiles(dir: string, settings: Settings, options: PgpoolOptions): void {
  const files = {
    "pgpool.conf": formatSettings(settings),
    "pcp.conf": options.pcp ?? "",
    "pool_hba.conf": options.hba ?? "",
    ...(options.passwd === undefined ? {} : { pool_passwd: options.passwd }),
    ...(options.key === undefined ? {} : { ".pgpoolkey": options.key }),
    ...options.files,
  };
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(dir, name), text, { mode: 0o600 });
  }
  give(dir, serverAccount());
}
