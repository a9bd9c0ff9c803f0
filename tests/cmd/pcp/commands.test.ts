import { describe, expect, it } from "bun:test";
import { tempDir } from "../../support/temp.ts";
import { runAs, runOnTerminal } from "../support.ts";
import { schemaErrors } from "./schema.ts";

/** Runs `pgpool pcp`, where no password file is found. */
async function pcp(...args: readonly string[]) {
  return await runAs("pgpool", ["pcp", ...args], { env: { HOME: tempDir(), PCPPASSFILE: "" } });
}

describe("pgpool pcp", () => {
  it("suggests the command that was meant", async () => {
    const { status, stdout, stderr } = await pcp("node-inf");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain('unknown command "pcp node-inf" (did you mean "node-info"?)');
  });

  it("tells a word that is no command also where -h names a host, and does nothing", async () => {
    const { status, stderr } = await pcp("detach-nod", "1", "-h", "localhost");
    expect(status).toBe(2);
    expect(stderr).toContain('unknown command "pcp detach-nod" (did you mean "detach-node"?)');
    expect(stderr).toContain('Try "pgpool pcp --help"');
    expect((await pcp("-h", "localhost", "node-info")).status).toBe(2);
    const help = await pcp("-h", "node-info");
    expect({ status: help.status, stderr: help.stderr }).toEqual({ status: 0, stderr: "" });
    expect(help.stdout).toStartWith("Usage: pgpool pcp node-info");
  });

  it("tells a program what was wrong apart from what may have been meant", async () => {
    const { error } = JSON.parse((await pcp("node-info", "--verbos", "--json")).stdout);
    expect(error.message).toBe("unknown option '--verbos'");
    expect(error.hint).toStartWith("(Did you mean --verbose?) ");
  });

  it("refuses numbers that are none, as JSON too", async () => {
    for (const args of [["node-info", "128"], ["detach-node", "one"], ["proc-info", "-p", "0"]]) {
      const { status, stdout } = await pcp(...args, "--json");
      expect({ args, status }).toEqual({ args, status: 2 });
      const error = JSON.parse(stdout);
      expect(schemaErrors("error", error)).toEqual([]);
      expect(error.error.code).toBe("usage");
    }
    const { stderr } = await pcp("node-info", "--watch", "0");
    expect(stderr).toContain("It is a number of seconds");
    expect(stderr).toContain('Try "pgpool pcp node-info --help"');
  });

  it("wants to know which node is meant", async () => {
    const { status, stderr } = await pcp("attach-node");
    expect(status).toBe(2);
    expect(stderr).toContain("missing node");
    const twice = await pcp("detach-node", "1", "-n", "0", "--yes");
    expect(twice.status).toBe(2);
    expect(twice.stderr).toContain("1 or 0?");
  });

  it("does nothing destructive without a terminal unless --yes is given", async () => {
    for (
      const command of [
        ["stop-pgpool"],
        ["detach-node", "1"],
        ["recovery-node", "1"],
        ["promote-node", "1"],
      ]
    ) {
      const { status, stdout } = await pcp(...command, "--json");
      expect(status).toBe(2);
      const { error } = JSON.parse(stdout);
      expect(error.code).toBe("not-confirmed");
      expect(error.hint).toContain("--yes");
      expect(JSON.parse((await pcp(...command, "--json", "--yes")).stdout).error.code)
        .toBe("no-password");
    }
  });

  it("asks on a terminal before something destructive", async () => {
    const env = { HOME: tempDir(), PCPPASSFILE: "" };
    const args = ["pcp", "detach-node", "1", "-h", "127.0.0.1"];
    const no = await runOnTerminal("pgpool", args, [["(yes or no)", "\r"]], env);
    expect(no.status).toBe(1);
    expect(no.screen).toContain("detaching node 1 at 127.0.0.1:9898: is that meant?");
    expect(no.screen).toContain("nothing has been done");
    const yes = await runOnTerminal("pgpool", args, [
      ["(yes or no)", "yes\r"],
      ["Password: ", "\x03"],
    ], env);
    expect(yes.screen).toContain("Password: ");
  });

  it("ends quietly when Ctrl-C or Ctrl-D answers its question", async () => {
    const args = ["pcp", "stop-pgpool", "-h", "127.0.0.1"];
    const interrupted = await runOnTerminal("pgpool", args, [["(yes or no) [no]: ", "\x03"]]);
    expect(interrupted.status).toBe(130);
    expect(interrupted.screen.trimEnd().split("\n")).toHaveLength(1);
    const ended = await runOnTerminal("pgpool", args, [["(yes or no) [no]: ", "\x04"]]);
    expect(ended.status).toBe(1);
    expect(ended.screen.split("\n").slice(1)).toEqual(["pgpool: nothing has been done", ""]);
  });

  it("fails without a password and a terminal, and names the file", async () => {
    const { status, stdout, stderr } = await pcp("node-info", "-w", "--json", "-U", "admin");
    expect(status).toBe(5);
    const { error } = JSON.parse(stdout);
    expect(error.code).toBe("no-password");
    expect(error.hint).toContain('/.pcppass"');
    expect(stderr).toContain("WARNING: could not open password file");
  });

  it("prints the schemas of its JSON", async () => {
    const { stdout } = await pcp("schema", "node-info");
    expect(JSON.parse(stdout)).toMatchObject({ type: "array" });
    expect((await pcp("schema", "nonsense")).status).toBe(2);
  });
});
