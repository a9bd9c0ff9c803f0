import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onCleanUp } from "../support/clean-up.ts";
import { formatSettings, type Settings } from "../support/config-file.ts";
import { freePort } from "../support/ports.ts";
import { ROOT } from "../support/programs.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor, within } from "../support/wait.ts";

/** pgpool from its sources, so that these tests need no build. */
const PROGRAM = [process.execPath, join(ROOT, "cmd/pgpool.ts")];

type Environment = Readonly<Record<string, string>>;

const STARTED = /successfully started/;

/** What a command that has ended leaves behind. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `pgpool` with these arguments to its end. */
export async function runPgpool(args: readonly string[], deadlineMs = 20_000): Promise<Outcome> {
  const child = Bun.spawn([...PROGRAM, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: deadlineMs,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { status, stdout, stderr };
}

/** A pgpool in front of a server that does not answer: enough to see its processes work. */
export class TestPgpool implements AsyncDisposable {
  readonly configFile: string;
  readonly pidFile: string;

  private constructor(
    readonly dir: string,
    readonly port: number,
    readonly settings: Settings,
    readonly child: Bun.Subprocess,
  ) {
    this.configFile = join(dir, "pgpool.conf");
    this.pidFile = join(dir, "pgpool.pid");
  }

  /** Starts it and waits until it says so. */
  static async start(settings: Settings = {}, env: Environment = {}): Promise<TestPgpool> {
    const pgpool = await TestPgpool.launch(settings, env);
    await waitFor(() => !pgpool.running || STARTED.test(pgpool.log()), { what: "the start" });
    if (!pgpool.running) throw new Error(`pgpool did not start; its log:\n${pgpool.log()}`);
    return pgpool;
  }

  /** Starts it and does not wait. */
  static async launch(settings: Settings = {}, env: Environment = {}): Promise<TestPgpool> {
    const dir = tempDir();
    const port = await freePort();
    const all = await testSettings(dir, port, settings);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "pgpool.conf"), formatSettings(all));
    const child = Bun.spawn(
      [
        ...[...PROGRAM, "serve", "-f", join(dir, "pgpool.conf")],
        ...["-a", join(dir, "pool_hba.conf"), "-F", join(dir, "pcp.conf")],
      ],
      {
        stdio: ["ignore", "ignore", Bun.file(join(dir, "log"))],
        env: { ...process.env, ...env },
      },
    );
    onCleanUp(() => child.kill("SIGKILL"));
    return new TestPgpool(dir, port, all, child);
  }

  get pcpPort(): number {
    return Number(this.settings["pcp_port"]);
  }

  get pid(): number {
    return this.child.pid;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  log(): string {
    return readFileSync(join(this.dir, "log"), "utf8");
  }

  async waitForLog(pattern: RegExp): Promise<void> {
    await waitFor(() => pattern.test(this.log()), { what: `${pattern} in ${this.log()}` });
  }

  /** Changes the configuration file and has it read again. */
  reload(changes: Settings, extra = ""): void {
    writeFileSync(this.configFile, formatSettings({ ...this.settings, ...changes }) + extra);
    this.child.kill("SIGHUP");
  }

  /** Process ids of the workers that run. */
  workers(): number[] {
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, "utf8");
    return children.trim().split(/\s+/).filter((pid) => pid !== "").map(Number);
  }

  async exit(): Promise<number> {
    return await within(this.child.exited, { what: "the end of pgpool", deadlineMs: 15_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }
}

async function testSettings(dir: string, port: number, settings: Settings): Promise<Settings> {
  return {
    backend_clustering_mode: "raw",
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: dir,
    pcp_listen_addresses: "127.0.0.1",
    pcp_port: await freePort(),
    pcp_socket_dir: dir,
    pid_file_name: "pgpool.pid",
    work_dir: dir,
    worker_processes: 2,
    backend_hostname0: "127.0.0.1",
    backend_port0: await freePort(),
    ...settings,
  };
}
