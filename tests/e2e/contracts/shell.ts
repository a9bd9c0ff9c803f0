import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { PCP_COMMANDS } from "../../../cmd/pcp/catalogue.ts";
import { clientProgram } from "../../support/clients.ts";
import type { Pgpool } from "../../support/pgpool.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { pgpoolBinary } from "../../support/programs.ts";
import { tempDir } from "../../support/temp.ts";
import { within } from "../../support/wait.ts";
import { pcpPassFile } from "../support/pcp.ts";

/** What a script has printed, both streams together, and its exit status. */
export interface ScriptResult {
  readonly status: number;
  readonly output: string;
}

/**
 * A shell as scripts around Pgpool-II find it: `pgpool`, the `pcp_*` commands and psql on the path,
 * libpq's variables for the pool, `PCPPASSFILE`, and `$PCP` as the options that every call has.
 */
export class Shell {
  readonly #env: Readonly<Record<string, string>>;
  readonly #dir = tempDir();

  constructor(pgpool: Pgpool) {
    const bin = join(this.#dir, "bin");
    mkdirSync(bin);
    const names = PCP_COMMANDS.map(({ name }) => `pcp_${name.replaceAll("-", "_")}`);
    for (const name of ["pgpool", "pg_md5", "pg_enc", ...names]) {
      symlinkSync(pgpoolBinary(null), join(bin, name));
    }
    this.#env = {
      PATH: [bin, dirname(clientProgram("psql") ?? ""), "/usr/bin", "/bin"].join(":"),
      HOME: this.#dir,
      LC_ALL: "C.UTF-8",
      PGHOST: pgpool.host,
      PGPORT: String(pgpool.port),
      PGUSER: SUPERUSER,
      PGDATABASE: "postgres",
      PCPPASSFILE: pcpPassFile(),
      PCPPORT: String(pgpool.pcpPort),
      PCP: `-w -h ${pgpool.host} -p ${pgpool.pcpPort} -U admin`,
    };
  }

  /** Runs a script of bash. */
  async run(script: string): Promise<ScriptResult> {
    const child = Bun.spawn(["bash", "-c", `exec 2>&1\n${script}`], {
      cwd: this.#dir,
      env: { ...this.#env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const ended = Promise.all([child.exited, new Response(child.stdout).text()]);
      const [status, output] = await within(ended, { what: script, deadlineMs: 30_000 });
      return { status, output };
    } finally {
      child.kill("SIGKILL");
    }
  }
}
