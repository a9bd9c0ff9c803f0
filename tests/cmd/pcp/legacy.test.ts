import { describe, expect, it } from "bun:test";
import { PCP_COMMANDS } from "../../../cmd/pcp/catalogue.ts";
import { parseLegacy, UsageError } from "../../../cmd/pcp/legacy-options.ts";
import { tempDir } from "../../support/temp.ts";
import { runAs } from "../support.ts";

/** What a program makes of its arguments, or what it says of them. */
function parse(program: string, ...args: readonly string[]) {
  const name = program.replace(/^pcp_/, "").replaceAll("_", "-");
  const spec = PCP_COMMANDS.find((each) => each.name === name);
  if (spec === undefined) throw new Error(`no program ${program}`);
  try {
    const { values, connection, ignored } = parseLegacy(program, spec, args);
    return { values, connection, ignored };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return error.message;
  }
}

describe("the names of Pgpool-II's PCP commands", () => {
  it("print their help and version on standard error when that comes first", async () => {
    const help = await runAs("pcp_promote_node", ["--help"]);
    expect(help).toMatchObject({ status: 0, stdout: "" });
    const lines = help.stderr.split("\n");
    expect(lines[0]).toStartWith("pcp_promote_node - ");
    expect(lines.slice(1, 5)).toEqual([
      "Usage:",
      "pcp_promote_node [OPTION...] [node-id]",
      "Options:",
      expect.stringMatching(/^ {2}-U, --username=NAME /),
    ]);
    expect(help.stderr).toMatch(/\n {2}-s, --switchover .*\n(.*\n)*\n$/);
    expect((await runAs("pcp_node_count", ["-?"])).stderr).toContain("[OPTION...] \n");
    expect(await runAs("pcp_node_count", ["-V"]))
      .toEqual({ status: 0, stdout: "", stderr: "pcp_node_count (pgpool-II) 4.7.2\n" });
  });

  it("are only those of Pgpool-II", async () => {
    expect(await runAs("pcp_nonsense", []))
      .toEqual({ status: 1, stdout: "", stderr: "pcp_nonsense is a invalid PCP utility\n" });
  });

  it("end with 1 after what they can not understand", async () => {
    expect(await runAs("pcp_attach_node", ["-w"])).toEqual({
      status: 1,
      stdout: "",
      stderr: "pcp_attach_node: missing node-id\n" +
        'Try "pcp_attach_node --help" for more information.\n',
    });
    const unknown = await runAs("pcp_node_info", ["-x"]);
    expect(unknown).toMatchObject({ status: 1, stdout: "" });
    expect(unknown.stderr).toEndWith('Try "pcp_node_info --help" for more information.\n\n');
  });

  it("take short, long, joined and abbreviated options in any order", () => {
    expect(parse("pcp_node_info", "1", "-avhdb1", "-p", "9899", "-U=x")).toEqual({
      values: { id: 1, all: true, gracefully: false, switchover: false },
      connection: { host: "db1", port: 9899, username: "=x", verbose: true },
      ignored: [],
    });
    expect(parse("pcp_detach_node", "--node-id=2", "--grace", "--hos", "/run", "-w")).toEqual({
      values: { id: 2, all: false, gracefully: true, switchover: false },
      connection: { host: "/run", password: false },
      ignored: [],
    });
    expect(parse("pcp_stop_pgpool", "-m", "f", "-s", "c", "-a", "-W")).toMatchObject({
      values: { mode: "fast", scope: "cluster" },
      connection: { password: true },
    });
    expect(parse("pcp_stop_pgpool", "--mode=immediate", "--scope", "local"))
      .toMatchObject({ values: { mode: "immediate", scope: "local" } });
    expect(parse("pcp_promote_node", "-gs", "3"))
      .toMatchObject({ values: { id: 3, gracefully: true, switchover: true } });
    expect(parse("pcp_proc_info", "-P", "4711")).toMatchObject({ values: { id: 4711 } });
    expect(parse("pcp_watchdog_info", "-n", "0")).toMatchObject({ values: { id: 0 } });
  });

  it("know every long option, whatever it is good for", () => {
    expect(parse("pcp_node_count", "--node-id", "3", "--all", "--gracefully"))
      .toMatchObject({ ignored: [] });
    expect(parse("pcp_node_count", "-n", "3")).toContain("-n");
  });

  it("tell which arguments they ignore", () => {
    expect(parse("pcp_attach_node", "1", "2")).toMatchObject({ values: { id: 1 }, ignored: ["2"] });
    expect(parse("pcp_attach_node", "-n", "1", "2")).toMatchObject({ ignored: ["2"] });
    expect(parse("pcp_node_count", "a", "b")).toMatchObject({ ignored: ["a", "b"] });
  });

  it("refuse numbers, modes and scopes that are none", () => {
    expect(parse("pcp_node_info", "-p", "1"))
      .toBe('pcp_node_info: Invalid port number "1", must be between 1024 and 65535\n');
    expect(parse("pcp_detach_node", "abc"))
      .toBe('pcp_detach_node: Invalid node-id "abc", must be between 0 and 128\n');
    expect(parse("pcp_detach_node", "-n", "129"))
      .toBe('pcp_detach_node: Invalid node-id "129", must be between 0 and 128\n');
    expect(parse("pcp_proc_info", "0"))
      .toBe('pcp_proc_info: Invalid process-id "0", must be greater than 0\n');
    expect(parse("pcp_watchdog_info", "-n", "-1")).toBe(
      'pcp_watchdog_info: Invalid watchdog-id "-1", must be a positive number or zero for a local ' +
        "watchdog node\n",
    );
    expect(parse("pcp_stop_pgpool", "-m", "smar")).toBe(
      'pcp_stop_pgpool: Invalid shutdown mode "smar", must be either "smart" "immediate" or "fast" \n',
    );
    expect(parse("pcp_reload_config", "-s", "constructor")).toBe(
      'pcp_reload_config: Invalid command scope "constructor", must be either "cluster" or "local" \n',
    );
    expect(parse("pcp_invalidate_query_cache", "-s", "c")).toBe(
      'Invalid argument "c", Try "pcp_invalidate_query_cache --help" for more information.\n',
    );
  });

  it("never ask for a password without a terminal, and name the file that would hold it", async () => {
    const env = { HOME: tempDir(), PCPPASSFILE: "", USER: "" };
    const { status, stdout, stderr } = await runAs("pcp_node_count", ["-U", "ad:min"], { env });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toStartWith(
      `WARNING: could not open password file "${env.HOME}/.pcppass": No such file or directory\n` +
        'ERROR: there is no password for user "ad:min"\n' +
        'HINT: Put the line localhost:9898:ad\\:min:PASSWORD into "',
    );
  });
});
