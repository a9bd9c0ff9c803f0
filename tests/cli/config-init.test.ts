import { describe, expect, it } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { init } from "../../cmd/config/init.ts";
import { CommandFailure } from "../../cmd/output.ts";
import { runPgpool } from "../process/support.ts";
import { tempDir } from "../support/temp.ts";

describe("pgpool config init", () => {
  it("writes a configuration in which config check finds nothing", async () => {
    const dir = tempDir();
    const path = join(dir, "pgpool.conf");
    const options = ["--server", "db1:5432", "db2", "--listen", "*", "--work-dir", dir];
    const { status, stdout } = await runPgpool(
      ["config", "init", "-f", path, ...options, "--json"],
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ files: [path, join(dir, "pool_hba.conf")] });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeFileSync(join(dir, "pool_passwd"), "pgpool:TEXTx\n", { mode: 0o600 });
    const files = ["-a", join(dir, "pool_hba.conf"), "-F", join(dir, "none"), "-k", `${dir}/none`];
    const check = await runPgpool(
      ["config", "check", "-f", path, ...files, "--no-connect", "--json"],
    );
    expect([check.status, JSON.parse(check.stdout)]).toEqual([0, []]);
    const shown = await runPgpool(["config", "show", "backend_hostname1", "-f", path]);
    expect(shown.stdout).toBe("db2\n");
  });

  it("never replaces a file", async () => {
    const path = join(tempDir(), "pgpool.conf");
    writeFileSync(path, "# mine\n");
    const { status, stdout } = await runPgpool(
      ["config", "init", "-f", path, "--server", "db1", "--json"],
    );
    expect([status, JSON.parse(stdout).error.code]).toEqual([1, "exists"]);
    expect(readFileSync(path, "utf8")).toBe("# mine\n");
  });

  it("does not ask without a terminal, and says which option is missing", async () => {
    const path = join(tempDir(), "pgpool.conf");
    const { status, stdout, stderr } = await runPgpool(["config", "init", "-f", path]);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("--server db1:5432");
    expect(existsSync(path)).toBe(false);
  });

  it("asks on a terminal for what the options do not say", async () => {
    const path = join(tempDir(), "pgpool.conf");
    const questions: string[] = [];
    const answers: Record<string, string> = { Servers: "db1:5433, [::1]:5434", Port: "9998" };
    await init(path, { clients: "50" }, true, (question, usual) => {
      questions.push(question);
      return Promise.resolve(answers[/^\w+/.exec(question)?.[0] ?? ""] ?? usual);
    });
    expect(questions.length).toBe(5);
    const text = readFileSync(path, "utf8");
    for (
      const line of [
        "backend_port0 = 5433",
        "backend_hostname1 = '::1'",
        "port = 9998",
        "num_init_children = 50",
        "max_pool = 1",
        "listen_addresses = 'localhost'",
      ]
    ) expect(text).toContain(`${line}\n`);
  });

  it.each([
    [{ server: ["db1:80"] }],
    [{ server: ["db 1"] }],
    [{ server: ["db1"], clients: "none" }],
    [{ server: ["db1"], listen: "localhost:9999" }],
    [{ server: ["db1"], checkUser: "o'neill" }],
  ])("refuses %j and writes nothing", async (options) => {
    const path = join(tempDir(), "pgpool.conf");
    await expect(init(path, options, true, undefined)).rejects.toBeInstanceOf(CommandFailure);
    expect(existsSync(path)).toBe(false);
  });
});
