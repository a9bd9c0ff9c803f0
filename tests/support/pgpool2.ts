import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { give, serverAccount } from "./account.ts";
import type { TestCluster } from "./cluster.ts";
import { formatSettings, type Settings } from "./config-file.ts";
import { debianProgram, type Program } from "./debian.ts";
import { backendSettings } from "./pgpool.ts";
import { freePort, isListening } from "./ports.ts";
import { SUPERUSER } from "./postgres.ts";
import { ServerProcess } from "./server-process.ts";
import { tempDir } from "./temp.ts";
import { waitFor } from "./wait.ts";

/**
 * Whether Debian's pgpool2 (Pgpool-II in C) is there:
 * `describe.skipIf(!hasPgpool2())(…)`.
 */
export function hasPgpool2(): boolean {
  return debianProgram("pgpool", null, "") !== null;
}

/** One of its programs, for whoever runs the tests: `pcp_node_info`. */
export function pgpool2Program(name: string): Program {
  const program = debianProgram(name, null, "");
  if (program === null) throw new Error("Debian's pgpool2 is missing");
  return program;
}

/** A running Pgpool-II, written in C; it ends with the tests at the latest. */
export class Pgpool2 implements AsyncDisposable {
  readonly host = "127.0.0.1";

  private constructor(
    readonly dir: string,
    readonly port: number,
    readonly pcpPort: number,
    readonly process: ServerProcess,
  ) {}

  /** @param pcp text of pcp.conf */
  static async start(cluster: TestCluster, pcp: string, config: Settings = {}): Promise<Pgpool2> {
    const dir = tempDir();
    const account = serverAccount();
    const port = await freePort();
    const pcpPort = await freePort();
    const settings: Settings = {
      backend_clustering_mode: "streaming_replication",
      listen_addresses: "127.0.0.1",
      port,
      socket_dir: dir,
      pcp_listen_addresses: "127.0.0.1",
      pcp_port: pcpPort,
      pcp_socket_dir: dir,
      pid_file_name: join(dir, "pgpool.pid"),
      logdir: dir,
      pool_passwd: "",
      num_init_children: 3,
      max_pool: 2,
      sr_check_period: 1,
      sr_check_user: SUPERUSER,
      sr_check_database: "postgres",
      health_check_period: 1,
      health_check_user: SUPERUSER,
      ...backendSettings(cluster.servers),
      ...config,
    };
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "pgpool.conf"), formatSettings(settings));
    writeFileSync(join(dir, "pcp.conf"), pcp);
    writeFileSync(join(dir, "pool_hba.conf"), "");
    give(dir, account);
    const program = debianProgram("pgpool", account, dir);
    if (program === null) throw new Error("Debian's pgpool2 is missing");
    const process = new ServerProcess({
      command: [
        ...[program.path, "-n", "-D", "-f", join(dir, "pgpool.conf"), "-F", join(dir, "pcp.conf")],
        ...["-a", join(dir, "pool_hba.conf")],
      ],
      account,
      cwd: "/",
      logFile: join(dir, "pgpool2.log"),
      env: program.env,
    });
    const pgpool = new Pgpool2(dir, port, pcpPort, process);
    await waitFor(
      async () => !process.running || await isListening(port) && await isListening(pcpPort),
      { what: "Pgpool-II to listen", deadlineMs: 20_000 },
    );
    if (!process.running) throw new Error(`Pgpool-II did not start; its log:\n${pgpool.log()}`);
    return pgpool;
  }

  log(): string {
    return readFileSync(join(this.dir, "pgpool2.log"), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
