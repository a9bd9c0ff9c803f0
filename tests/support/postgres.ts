import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import postgres from "postgres";
import { type Account, asAccount, give, writeFileAs } from "./account.ts";
import { onlineBackup } from "./backup.ts";
import { formatSettings, type Settings } from "./config-file.ts";
import { postgresBin } from "./programs.ts";
import { sendSignal, ServerProcess } from "./server-process.ts";
import { waitFor } from "./wait.ts";

/** The superuser of every server made here. */
export const SUPERUSER = "postgres";

/** Our settings, read by postgresql.conf and overruled by ALTER SYSTEM. */
const SETTINGS_FILE = "cluster.conf";

export type Row = Record<string, unknown>;

export interface PostgresOptions {
  /** application_name of its replication connection and its cluster_name. */
  readonly name: string;
  readonly dataDir: string;
  readonly port: number;
  readonly socketDir: string;
  readonly logFile: string;
  readonly settings?: Settings;
  readonly account: Account | null;
}

export interface ConnectOptions {
  readonly user?: string;
  readonly database?: string;
  readonly password?: string;
}

/** One PostgreSQL 18 server: its data directory and, while it runs, its process. */
export class PostgresServer {
  readonly options: PostgresOptions;
  #process: ServerProcess | null = null;

  constructor(options: PostgresOptions) {
    this.options = options;
  }

  get host(): string {
    return "127.0.0.1";
  }

  get port(): number {
    return this.options.port;
  }

  get dataDir(): string {
    return this.options.dataDir;
  }

  get name(): string {
    return this.options.name;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  /** Process id of the postmaster, 0 when it does not run. */
  get pid(): number {
    return this.running ? this.#process?.pid ?? 0 : 0;
  }

  /** Everything the server has logged so far. */
  log(): string {
    return existsSync(this.options.logFile) ? readFileSync(this.options.logFile, "utf8") : "";
  }

  /** Starts the server and waits until it accepts connections. */
  async start(deadlineMs = 60_000): Promise<void> {
    if (this.running) return;
    const { dataDir, account, logFile, settings, port, socketDir, name } = this.options;
    // A server that was killed has left a file that says it is ready.
    rmSync(join(dataDir, "postmaster.pid"), { force: true });
    this.#writeFile(
      SETTINGS_FILE,
      formatSettings({
        listen_addresses: this.host,
        port,
        unix_socket_directories: socketDir,
        cluster_name: name,
        ...settings,
      }),
    );
    const server = new ServerProcess({
      command: [join(postgresBin(account), "postgres"), "-D", dataDir],
      account,
      cwd: "/",
      logFile,
    });
    this.#process = server;
    await waitFor(() => !server.running || this.#isReady(), {
      what: `${name} on port ${port} to accept connections`,
      deadlineMs,
    });
    if (!server.running) {
      const tail = this.log().trimEnd().split("\n").slice(-10).join("\n");
      throw new Error(`${name} did not start; the end of ${logFile}:\n${tail}`);
    }
  }

  /** fast (default) ends all sessions, smart waits for them, immediate skips the checkpoint. */
  async stop(mode: "smart" | "fast" | "immediate" = "fast", deadlineMs = 30_000): Promise<void> {
    const signals = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const;
    await this.#process?.stop(signals[mode], deadlineMs);
    this.#process = null;
  }

  /** As if the machine had lost its power: SIGKILL to every process of the server. */
  async kill(): Promise<void> {
    await this.#process?.kill();
    this.#process = null;
  }

  /** As if the machine hung: every process of the server stops, its sockets stay open. */
  pause(): void {
    for (const pid of this.#process?.family() ?? []) sendSignal(pid, "SIGSTOP");
  }

  resume(): void {
    for (const pid of this.#process?.family().reverse() ?? []) sendSignal(pid, "SIGCONT");
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Makes a standby the primary and waits until it takes writes. */
  async promote(): Promise<void> {
    await this.query("SELECT pg_promote(true, 60)");
  }

  async isStandby(): Promise<boolean> {
    const [row] = await this.query("SELECT pg_is_in_recovery() AS standby");
    return row?.["standby"] === true;
  }

  /** Whether it starts as a standby; a promotion ends that. */
  isSetUpAsStandby(): boolean {
    return existsSync(join(this.dataDir, "standby.signal"));
  }

  /** Replaces pg_hba.conf and makes a running server read it. */
  async writeHba(text: string): Promise<void> {
    this.#writeFile("pg_hba.conf", text);
    if (this.running) await this.query("SELECT pg_reload_conf()");
  }

  /**
   * Runs one or more statements over a connection of their own and gives the rows of the last one.
   * Without parameters the simple protocol is used.
   */
  async query(
    text: string,
    parameters: readonly string[] = [],
    options: ConnectOptions = {},
  ): Promise<Row[]> {
    const sql = this.connect(options);
    try {
      const rows = parameters.length === 0
        ? await sql.unsafe(text).simple()
        : await sql.unsafe(text, [...parameters]);
      return lastResult(rows);
    } finally {
      await sql.end({ timeout: 5 });
    }
  }

  /** A client of this server with one connection; the caller ends it. */
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

  /**
   * A streaming standby of this server, not yet started: a copy of its data directory, taken by
   * online backup while it runs. (Its WAL since the backup's start has to be kept: wal_keep_size.)
   */
  async makeStandby(options: PostgresOptions): Promise<PostgresServer> {
    if (this.running) {
      const sql = this.connect();
      try {
        await onlineBackup(sql, this.dataDir, options.dataDir, options.account);
      } finally {
        await sql.end({ timeout: 5 });
      }
    } else {
      copyDataDir(this.dataDir, options.dataDir);
    }
    const standby = new PostgresServer(options);
    standby.follow(this);
    return standby;
  }

  /** Sets a stopped server up as a standby of the given one; it has to be a copy of it. */
  follow(primary: PostgresServer): void {
    this.#writeFile("standby.signal", "");
    const primaryConninfo =
      `host=${primary.host} port=${primary.port} user=${SUPERUSER} application_name=${this.name}`;
    this.#writeFile(
      "postgresql.auto.conf",
      formatSettings({ primary_conninfo: primaryConninfo, recovery_target_timeline: "latest" }),
    );
  }

  /** Line 8 of postmaster.pid tells how far the start has come (as pg_ctl reads it). */
  #isReady(): boolean {
    const file = join(this.dataDir, "postmaster.pid");
    const state = existsSync(file) ? readFileSync(file, "utf8").split("\n")[7]?.trim() : undefined;
    // "standby" is the last that a server says which takes no connections while in recovery.
    return state === "ready" ||
      state === "standby" && this.options.settings?.["hot_standby"] === false;
  }

  #writeFile(name: string, text: string): void {
    writeFileAs(this.options.account, join(this.dataDir, name), text);
  }
}

/**
 * Makes a new data directory: UTF-8, locale C.UTF-8 of PostgreSQL's own, trust on the loopback,
 * superuser `postgres`. It reads its settings from `cluster.conf`.
 */
export function initdb(dataDir: string, account: Account | null): void {
  mkdirSync(dataDir, { mode: 0o700 });
  give(dataDir, account);
  const command = asAccount(account, [
    join(postgresBin(account), "initdb"),
    ...["--pgdata", dataDir, "--username", SUPERUSER, "--auth", "trust", "--no-sync"],
    ...["--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin"],
    ...["--builtin-locale", "C.UTF-8"],
  ]);
  const { status, stderr } = spawnSync(command[0] ?? "", command.slice(1), {
    cwd: "/",
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C" },
  });
  if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
  const conf = join(dataDir, "postgresql.conf");
  writeFileSync(conf, `include_if_exists = '${SETTINGS_FILE}'\n`, { flag: "a" });
}

/** Copies the data directory of a server that does not run. */
export function copyDataDir(from: string, to: string): void {
  const { status, stderr } = spawnSync("cp", ["-a", "--reflink=auto", "--", from, to]);
  if (status !== 0) throw new Error(`cannot copy ${from}: ${stderr}`);
  rmSync(join(to, "postmaster.pid"), { force: true });
}

/** Several statements give several results, one gives its rows. */
function lastResult(rows: readonly (Row | readonly Row[])[]): Row[] {
  const last = rows.at(-1);
  if (Array.isArray(last)) return [...last];
  return rows.flatMap((row) => Array.isArray(row) ? [...row] : [row as Row]);
}
