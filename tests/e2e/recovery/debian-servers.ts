import { existsSync, globSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Account, asAccount, canReach, give, serverAccount } from "../../support/account.ts";
import { ROOT } from "../../support/programs.ts";

const PROGRAMS = ["initdb", "pg_basebackup", "pg_ctl", "pg_isready", "pg_rewind", "psql"];

/** Directory with all of PostgreSQL's programs, which the PostgreSQL 18 of the tests has not. */
export interface Programs {
  readonly home: string;
  readonly account: Account | null;
  readonly env: Readonly<Record<string, string>>;
}

/** The newest of Debian's, installed or as the scripts have unpacked it; null where there is none. */
export function debianPostgres(): Programs | null {
  const account = serverAccount();
  for (const root of ["/", join(ROOT, ".tools/debian/root")]) {
    const home = globSync(join(root, "usr/lib/postgresql/*")).toSorted().reverse().find((each) =>
      PROGRAMS.every((name) => existsSync(join(each, "bin", name))) && canReach(each, account)
    );
    if (home === undefined) continue;
    const triple = `${process.arch === "x64" ? "x86_64" : "aarch64"}-linux-gnu`;
    return { home, account, env: { LD_LIBRARY_PATH: join(root, "usr/lib", triple) } };
  }
  return null;
}

/** A server of those programs, started and stopped as operators do. */
export class DebianServer {
  constructor(
    readonly programs: Programs,
    readonly dataDir: string,
    readonly port: number,
  ) {}

  /** Makes it and starts it. */
  start(settings: readonly string[]): void {
    mkdirSync(this.dataDir, { mode: 0o700 });
    give(this.dataDir, this.programs.account);
    this.run("initdb", "--pgdata", this.dataDir, "--username", "repl", "--no-sync", "--locale=C");
    const lines = [`port = ${this.port}`, ...settings].join("\n");
    this.#shell('printf "%s\\n" "$1" >> "$2"', lines, join(this.dataDir, "postgresql.conf"));
    this.run("pg_ctl", "-D", this.dataDir, "-l", "/dev/null", "-w", "start");
  }

  stop(): void {
    if (!existsSync(join(this.dataDir, "postmaster.pid"))) return;
    this.run("pg_ctl", "-D", this.dataDir, "-m", "immediate", "stop");
  }

  sql(statement: string): string {
    const where = ["-h", "localhost", "-p", String(this.port), "-U", "repl", "-d", "postgres"];
    return this.run("psql", ...where, "-X", "-A", "-t", "-q", "-c", statement).trim();
  }

  /** Runs one of the programs; throws what it says when it fails. */
  run(program: string, ...args: readonly string[]): string {
    return run(this.programs, [join(this.programs.home, "bin", program), ...args]);
  }

  #shell(script: string, ...args: readonly string[]): void {
    run(this.programs, ["/bin/sh", "-c", script, "sh", ...args]);
  }
}

/** Runs a command as the servers' account; throws what it says when it fails. */
export function run(
  { account, env }: Programs,
  command: readonly string[],
  more: Readonly<Record<string, string>> = {},
): string {
  const path = [more["PATH"], process.env["PATH"]].filter((each) => each !== undefined).join(":");
  const { exitCode, stdout, stderr } = Bun.spawnSync(asAccount(account, command), {
    cwd: "/",
    env: { ...env, ...more, PATH: path, LC_ALL: "C" },
    timeout: 30_000,
  });
  const output = `${stdout}${stderr}`;
  if (exitCode !== 0) throw new Error(`${command.join(" ")} failed (${exitCode}): ${output}`);
  return output;
}
