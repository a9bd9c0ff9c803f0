/** What scripts/install puts below a prefix. */
import { describe, expect, it } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PCP_COMMANDS } from "../../cmd/pcp/catalogue.ts";
import { ROOT } from "../support/programs.ts";
import { tempDir } from "../support/temp.ts";

describe("scripts/install", () => {
  it("installs the names of Pgpool-II's commands, samples and schemas", () => {
    const prefix = join(tempDir(), "usr");
    const installed = run(join(ROOT, "scripts/install"), "--prefix", prefix);
    expect(installed.stderr).toContain(`installed in ${prefix}`);

    const names = PCP_COMMANDS.map(({ name }) => `pcp_${name.replaceAll("-", "_")}`);
    for (const name of names) {
      expect(run(join(prefix, "bin", name), "--version").stderr)
        .toBe(`${name} (pgpool-II) 4.7.2\n`);
    }
    expect(run(join(prefix, "bin/pg_md5"), "secret").stdout)
      .toBe("5ebe2294ecd0e0f08eab7690d2a6ee69\n");
    for (const sample of ["pgpool.conf", "pool_hba.conf", "pcp.conf"]) {
      expect(existsSync(join(prefix, `etc/${sample}.sample`))).toBe(true);
    }
    expect(readdirSync(join(prefix, "share/pgpool-II/schemas"))).toContain("node-info.json");
  });
});

function run(...command: readonly string[]) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...command], { timeout: 60_000 });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return { stdout: stdout.toString(), stderr: stderr.toString() };
}
