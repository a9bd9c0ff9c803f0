/** The programs of a benchmark: fetched or compiled where missing, and where they are. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Account, canReach, give } from "../../tests/support/account.ts";
import { ROOT } from "../../tests/support/programs.ts";

const UNPACKED = join(ROOT, ".tools/debian/root");

/** A program and the environment that it needs. */
export interface Program {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Makes a program available; false when it cannot be had here. */
export function prepare(name: "pgpool" | "pgbench" | "pgbouncer" | "pgpool2"): boolean {
  const { exitCode } = Bun.spawnSync({
    cmd: [join(import.meta.dir, "prepare"), name],
    stdio: ["ignore", process.stderr.fd, process.stderr.fd],
  });
  return exitCode === 0;
}

/**
 * One of Debian's poolers: installed, or as `prepare` has unpacked it. What the account cannot
 * read is copied to the directory.
 */
export function pooler(
  name: "pgbouncer" | "pgpool",
  account: Account | null,
  dir: string,
): Program | null {
  const installed = `/usr/sbin/${name}`;
  if (existsSync(installed)) return { path: installed, env: {} };
  if (!existsSync(join(UNPACKED, installed))) return null;
  let root = UNPACKED;
  if (!canReach(join(UNPACKED, installed), account)) {
    root = join(dir, "debian");
    for (const part of ["usr/sbin", "usr/lib"]) {
      if (existsSync(join(root, part))) continue;
      mkdirSync(join(root, part), { recursive: true });
      cpSync(join(UNPACKED, part), join(root, part), { recursive: true, verbatimSymlinks: true });
    }
    give(root, account);
  }
  const libraries = join(
    root,
    "usr/lib",
    `${process.arch === "x64" ? "x86_64" : "aarch64"}-linux-gnu`,
  );
  return { path: join(root, installed), env: { LD_LIBRARY_PATH: libraries } };
}

/** The first line of what a program says about its version, empty when it does not run. */
export function versionOf(program: Program): string {
  const { stdout, stderr } = spawnSync(program.path, ["--version"], {
    encoding: "utf8",
    env: { ...process.env, ...program.env },
  });
  return `${stdout ?? ""}${stderr ?? ""}`.trim().split("\n")[0]?.trim() ?? "";
}
