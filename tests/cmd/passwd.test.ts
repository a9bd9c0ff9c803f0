import { describe, expect, it } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PasswordFile } from "../../lib/auth/password-file.ts";
import { parseVerifier, verifierMatches } from "../../lib/auth/scram-verifier.ts";
import { tempDir } from "../support/temp.ts";
import { runAs, runOnTerminal } from "./support.ts";

const MD5_LINE = "alice:md54a0a68b43b6cd5cf266fa02f196e2371\n";

/** A directory with a configuration. */
function configured(settings = ""): { config: string; passwd: string; key: string } {
  const dir = tempDir();
  const config = join(dir, "pgpool.conf");
  const key = join(dir, "key");
  writeFileSync(config, settings);
  writeFileSync(key, "mykey\n", { mode: 0o600 });
  return { config, key, passwd: join(dir, "pool_passwd") };
}

describe("pgpool passwd", () => {
  it("prints the line for pool_passwd, from a password in standard input", async () => {
    expect(await runAs("pgpool", ["passwd", "md5", "-u", "alice"], { input: "secret\n" }))
      .toEqual({ status: 0, stdout: MD5_LINE, stderr: "" });
    const { key } = configured();
    const aes = ["passwd", "aes", "-u", "bob", "-k", key];
    expect(await runAs("pgpool", aes, { input: "hello" }))
      .toEqual({ status: 0, stdout: "bob:AES/0vk2BLdRvSVJOvreHcE8g==\n", stderr: "" });
  });

  it("makes a verifier that PostgreSQL and pool_passwd both take", async () => {
    const args = ["passwd", "scram", "-u", "carl", "--iterations", "5000", "--json"];
    const { status, stdout } = await runAs("pgpool", args, { input: "secret\n" });
    expect(status).toBe(0);
    const { method, user, secret, line } = JSON.parse(stdout);
    expect({ method, user }).toEqual({ method: "scram", user: "carl" });
    expect(parseVerifier(secret).iterations).toBe(5000);
    const entry = PasswordFile.parse(line).file.get("carl");
    if (entry?.kind !== "scram") throw new Error(`not a verifier: ${entry?.kind}`);
    expect(verifierMatches(entry.verifier, "secret")).toBe(true);
  });

  it("writes the entry with --write, into a file that nobody else can read", async () => {
    const { config, passwd } = configured();
    const args = ["passwd", "md5", "-u", "alice", "--write", "-f", config];
    const { status, stdout, stderr } = await runAs("pgpool", args, { input: "secret\n" });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(stderr).toContain(passwd);
    expect(readFileSync(passwd, "utf8")).toBe(MD5_LINE);
    expect(statSync(passwd).mode & 0o777).toBe(0o600);
    const json = await runAs("pgpool", [...args, "--json"], { input: "other\n" });
    expect(JSON.parse(json.stdout))
      .toEqual({ method: "md5", user: "alice", file: passwd, written: true });
    expect(json.stderr).toBe("");
    expect(readFileSync(passwd, "utf8")).not.toBe(MD5_LINE);
  });

  it("tells what went wrong, as JSON too", async () => {
    const nothing = await runAs("pgpool", ["passwd", "md5", "--json"]);
    expect(nothing).toMatchObject({ status: 1, stderr: "" });
    expect(JSON.parse(nothing.stdout).error).toMatchObject({ code: "input" });
    const keyless = await runAs("pgpool", ["passwd", "aes", "-k", "/nonexistent/key"], {
      input: "x\n",
    });
    expect(keyless).toMatchObject({ status: 1, stdout: "" });
    expect(keyless.stderr).toContain('there is no key in "/nonexistent/key"');
    const { config } = configured("pool_passwd = ''\n");
    const off = await runAs("pgpool", ["passwd", "md5", "--write", "--json", "-f", config]);
    expect(off.status).toBe(3);
    expect(JSON.parse(off.stdout).error.code).toBe("configuration");
  });

  it("takes no password from its arguments", async () => {
    const { status, stdout, stderr } = await runAs("pgpool", ["passwd", "md5", "hush"]);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).not.toContain("hush");
  });

  it("says in JSON, too, that a command line makes no sense", async () => {
    const { status, stdout } = await runAs("pgpool", ["passwd", "md6", "--json"]);
    expect(status).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: "usage",
      message: expect.stringContaining('unknown command "passwd md6"'),
    });
  });

  it("asks twice on a terminal", async () => {
    const args = ["passwd", "md5", "-u", "alice"];
    const same = await runOnTerminal("pgpool", args, [
      ["Password: ", "secret\r"],
      ["again: ", "secret\r"],
    ]);
    expect(same).toEqual({ status: 0, screen: `Password: \nPassword again: \n${MD5_LINE}` });
    const different = await runOnTerminal("pgpool", args, [
      ["Password: ", "secret\r"],
      ["again: ", "sekret\r"],
    ]);
    expect(different.status).toBe(1);
    expect(different.screen).toContain("the two passwords are not the same");
  });
});
