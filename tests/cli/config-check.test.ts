import { describe, expect, it } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runPgpool } from "../process/support.ts";
import { formatSettings, type Settings } from "../support/config-file.ts";
import { freePort } from "../support/ports.ts";
import { tempDir } from "../support/temp.ts";

function write(settings: Settings): string[] {
  const dir = tempDir();
  const sound = {
    backend_clustering_mode: "raw",
    backend_hostname0: "127.0.0.1",
    backend_port0: 5432,
    backend_weight0: 1,
    unix_socket_directories: dir,
    pid_file_name: "pgpool.pid",
    work_dir: dir,
  };
  const path = join(dir, "pgpool.conf");
  writeFileSync(path, formatSettings({ ...sound, ...settings }), { mode: 0o600 });
  return ["config", "check", "-f", path, "-a", join(dir, "pool_hba.conf"), "-F", join(dir, "pcp")];
}

describe("pgpool config check", () => {
  it("ends with the status of the worst finding", async () => {
    const json = async (settings: Settings) => {
      const { status, stdout } = await runPgpool([...write(settings), "--json", "--no-connect"]);
      const findings: { code: string }[] = JSON.parse(stdout);
      return [status, findings.map(({ code }) => code)];
    };
    expect(await json({})).toEqual([0, []]);
    expect(await json({ memory_cache_enabled: true })).toEqual([0, ["not-active"]]);
    expect(await json({ authentication_timeout: 0 })).toEqual([1, ["no-timeout"]]);
    expect(await json({ prot: 9999 })).toEqual([3, ["unknown-name"]]);
  });

  it("tells in words where, what, and what to do", async () => {
    const { status, stdout, stderr } = await runPgpool(write({ prot: 9999 }));
    expect(status).toBe(3);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/pgpool\.conf:8: error: unrecognized configuration parameter "prot"/);
    expect(stdout).toContain('Perhaps you meant "port".');
    expect(stdout).toEndWith("1 error, 0 warnings, 0 notes\n");
  });

  it("notes servers that do not answer, within its deadline", async () => {
    const command = write({ sr_check_user: "checker", backend_port0: await freePort() });
    const { status, stdout } = await runPgpool([...command, "--json"]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ severity: "note", code: "not-asked" }]);
  });

  it("says when there is no file", async () => {
    const { status, stdout } = await runPgpool(["config", "check", "-f", "/none", "--json"]);
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "cannot-open" } });
  });
});
