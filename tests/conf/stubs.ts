import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/programs.ts";
import { tempDir } from "../support/temp.ts";

/** ssh that notes in $CALLS where it goes, and runs the command here. */
export const SSH = `#!/bin/bash
while [ "\${1#-}" != "$1" ]; do
  case "$1" in -o | -i) shift 2 ;; *) shift ;; esac
done
printf 'ssh %s\\n' "$1" >>"$CALLS"
shift
exec bash -c "$*"
`;

/** A program that notes its arguments and then does what the test says. */
const program = (name: string, then: string) =>
  `#!/bin/bash
printf '%s' '${name}' >>"$CALLS"
printf ' [%s]' "$@" >>"$CALLS"
printf '\\n' >>"$CALLS"
${then}
`;

const PROGRAMS = ["psql", "pg_ctl", "pg_rewind", "pg_basebackup", "pg_isready"];
const PCP = ["pcp_attach_node", "pcp_recovery_node"];

/** Hosts with PostgreSQL, as far as the scripts can tell. */
export class Stubs {
  readonly dir = tempDir();
  readonly dataDir = join(this.dir, "data");
  readonly #calls = join(this.dir, "calls");

  /** @param behaviour what programs do beyond noting their arguments, as shell code. */
  constructor(behaviour: Readonly<Record<string, string>> = {}) {
    this.#write("path/ssh", SSH);
    for (const name of PROGRAMS) {
      this.#write(`pg/bin/${name}`, program(name, behaviour[name] ?? ""));
    }
    for (const name of PCP) this.#write(`pcp/${name}`, program(name, behaviour[name] ?? ""));
    for (const name of ["aws", "curl"]) {
      this.#write(`path/${name}`, program(name, behaviour[name] ?? ""));
    }
    mkdirSync(this.dataDir);
    writeFileSync(join(this.dataDir, "PG_VERSION"), "18\n");
    writeFileSync(
      join(this.dataDir, "postgresql.auto.conf"),
      "work_mem = '8MB'\nprimary_conninfo = 'host=old'\nprimary_slot_name = 'old'\n",
    );
  }

  /** Runs a script of conf/ and gives its exit status, its output and what it called. */
  run(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      ["bash", join(ROOT, "conf", `${script}.sample`), ...args],
      {
        timeout: 15_000,
        env: {
          PATH: `${join(this.dir, "path")}:${process.env["PATH"] ?? ""}`,
          CALLS: this.#calls,
          PGHOME: join(this.dir, "pg"),
          PGPOOL_BIN: join(this.dir, "pcp"),
          AWS: join(this.dir, "path/aws"),
          CURL: join(this.dir, "path/curl"),
          ...env,
        },
      },
    );
    const calls = existsSync(this.#calls) ? readFileSync(this.#calls, "utf8") : "";
    return { status: exitCode, output: `${stdout}${stderr}`, calls };
  }

  /** A file of the data directory. */
  read(name: string): string {
    return readFileSync(join(this.dataDir, name), "utf8");
  }

  #write(path: string, text: string): void {
    const file = join(this.dir, path);
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  }
}
