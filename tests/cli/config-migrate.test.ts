import { describe, expect, it } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runPgpool } from "../process/support.ts";
import { tempDir } from "../support/temp.ts";

const old = "# mine\nlogdir = '/tmp' # there\nport = 9999\n";

describe("pgpool config migrate", () => {
  it("tells what it would change, and changes nothing without --write", async () => {
    const dir = tempDir();
    const path = join(dir, "pgpool.conf");
    writeFileSync(path, old);
    const { status, stdout } = await runPgpool(["config", "migrate", path]);
    expect(status).toBe(0);
    expect(stdout).toContain(`${path}:2: logdir becomes work_dir: renamed in 4.7`);
    expect(readFileSync(path, "utf8")).toBe(old);
    expect(readdirSync(dir)).toEqual(["pgpool.conf"]);
  });

  it("writes with --write, keeping the old file, comments and mode", async () => {
    const path = join(tempDir(), "pgpool.conf");
    writeFileSync(path, old);
    chmodSync(path, 0o640);
    const { stdout } = await runPgpool(["config", "migrate", path, "--write", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ written: true, backup: `${path}.bak` });
    expect(readFileSync(path, "utf8")).toBe(old.replace("logdir", "work_dir"));
    expect(readFileSync(`${path}.bak`, "utf8")).toBe(old);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    const again = await runPgpool(["config", "migrate", path, "--write", "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ changes: [], written: false, backup: null });
  });

  it("says when there is no file", async () => {
    const { status, stdout } = await runPgpool(["config", "migrate", "/none", "--json"]);
    expect([status, JSON.parse(stdout).error.code]).toEqual([3, "cannot-open"]);
  });
});
