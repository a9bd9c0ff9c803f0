import { describe, expect, it } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runPgpool, TestPgpool } from "../process/support.ts";
import { tempDir } from "../support/temp.ts";

function file(text: string, name = "pgpool.conf"): string {
  const path = join(tempDir(), name);
  writeFileSync(path, text);
  return path;
}

const one = `
backend_hostname0 = 'alpha'
backend_port0 = 5432
num_init_children = 8
health_check_password = 'very secret'
pid_file_name = 'pgpool.pid'
`;

describe("pgpool config show", () => {
  it("prints one value, what is changed, and all", async () => {
    const path = file(one);
    const single = await runPgpool(["config", "show", "num_init_children", "-f", path]);
    expect(single).toEqual({ status: 0, stdout: "8\n", stderr: "" });
    const changed = await runPgpool(["config", "show", "--changed", "-f", path]);
    expect(changed.stdout).toContain(`${path}:4`);
    expect(changed.stdout).not.toContain("very secret");
    expect(changed.stdout).not.toContain("listen_addresses");
    const all = await runPgpool(["config", "show", "--all", "--json", "-f", path]);
    const rows: unknown = JSON.parse(all.stdout);
    expect(rows).toContainEqual(expect.objectContaining({
      name: "num_init_children",
      value: "8",
      default: "32",
      changed: true,
      source: { file: path, line: 4 },
    }));
    expect(all.stdout).not.toContain("very secret");
  });

  it("answers with an empty list when nothing is changed", async () => {
    const { status, stdout } = await runPgpool(
      ["config", "show", "--changed", "--json", "-f", file("# nothing\n")],
    );
    expect([status, JSON.parse(stdout)]).toEqual([0, []]);
  });

  it("tells errors as JSON: an unknown name, a missing file, a broken one, a wrong option", async () => {
    const path = file(one);
    const failure = async (...args: string[]) => {
      const { status, stdout } = await runPgpool(["config", "show", "--json", ...args]);
      return [status, JSON.parse(stdout).error.code];
    };
    expect(await failure("num_init_childrem", "-f", path)).toEqual([1, "unknown-parameter"]);
    expect(await failure("-f", `${path}.none`)).toEqual([3, "cannot-open"]);
    expect(await failure("-f", file("port = many\n"))).toEqual([3, "invalid-configuration"]);
    expect(await failure("--chnaged")).toEqual([2, "usage"]);
    expect((await runPgpool(["config", "shov"])).stderr).toContain('did you mean "show"?');
    const unknown = await runPgpool(["config", "frobnicate", "--json"]);
    expect(unknown.status).toBe(2);
    expect(JSON.parse(unknown.stdout).error.message).toContain("unknown command");
  });
});

describe("pgpool config diff", () => {
  it("prints what differs, and says by its status that something does", async () => {
    const [first, second] = [file(one), file(one.replace("= 8", "= 9") + "\nport = 9898\n")];
    const { status, stdout } = await runPgpool(["config", "diff", first, second, "--json"]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toEqual([
      { name: "num_init_children", first: "8", second: "9" },
      { name: "port", first: "9999", second: "9898" },
    ]);
    const same = await runPgpool(["config", "diff", first, first, "--json"]);
    expect(same).toEqual({ status: 0, stdout: "[]\n", stderr: "" });
  });

  it("takes no more words than it has use for, and needs one behind config", async () => {
    const path = file(one);
    const extra = await runPgpool(["config", "show", "port", "max_pool", "-f", path]);
    expect([extra.status, extra.stdout]).toEqual([2, ""]);
    expect(extra.stderr).toContain("too many arguments for 'show'");
    const none = await runPgpool(["config", "--json"]);
    expect(none.status).toBe(2);
    expect(JSON.parse(none.stdout).error.message).toBe('the command behind "config" is missing');
  });

  it("tells that secrets differ without telling them", async () => {
    const [first, second] = [file(one), file(one.replace("very secret", "no secret"))];
    const { stdout } = await runPgpool(["config", "diff", first, second]);
    expect(stdout).toContain("health_check_password");
    expect(stdout).not.toContain("secret");
  });
});

describe("pgpool config explain", () => {
  it("tells what a parameter does and where it is set", async () => {
    const path = file(one);
    const text = await runPgpool(["config", "explain", "num_init_children", "-f", path]);
    expect(text.stdout).toContain("changes on: restart");
    expect(text.stdout).toContain(`num_init_children: 8 (${path}:4)`);
    const json = await runPgpool(["config", "explain", "backend_port", "--json", "-f", path]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      type: "int",
      changes: "reload",
      set: [{ name: "backend_port0", value: "5432", source: { file: path, line: 3 } }],
    });
  });

  it("names what replaced a parameter that is gone, and the nearest to a misspelt one", async () => {
    const gone = await runPgpool(["config", "explain", "white_function_list", "--json"]);
    expect(gone.status).toBe(1);
    expect(JSON.parse(gone.stdout).error.hint).toContain("Use read_only_function_list instead.");
    const near = await runPgpool(["config", "explain", "num_init_child"]);
    expect(near.stderr).toContain('Perhaps you meant "num_init_children".');
  });
});

describe("pgpool status", () => {
  it("tells whether pgpool is running, and as which process", async () => {
    const idle = file(one);
    const { status, stdout } = await runPgpool(["status", "--json", "-f", idle]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ running: false, pid: null, configuration: idle });
    await using pgpool = await TestPgpool.start();
    const busy = await runPgpool(["status", "--json", "-f", pgpool.configFile]);
    expect(busy.status).toBe(0);
    expect(JSON.parse(busy.stdout)).toMatchObject({ running: true, pid: pgpool.pid });
  });
});
