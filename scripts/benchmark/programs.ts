/** The programs of a benchmark: fetched or compiled where missing. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Program } from "../../tests/support/debian.ts";

/** Makes a program available; false when it cannot be had here. */
export function prepare(name: "pgpool" | "pgbench" | "pgbouncer" | "pgpool2"): boolean {
  const { exitCode } = Bun.spawnSync({
    cmd: [join(import.meta.dir, "prepare"), name],
    stdio: ["ignore", process.stderr.fd, process.stderr.fd],
  });
  return exitCode === 0;
}

/** The first line of what a program says about its version, empty when it does not run. */
export function versionOf(program: Program): string {
  const { stdout, stderr } = spawnSync(program.path, ["--version"], {
    encoding: "utf8",
    env: { ...process.env, ...program.env },
  });
  return `${stdout ?? ""}${stderr ?? ""}`.trim().split("\n")[0]?.trim() ?? "";
}
