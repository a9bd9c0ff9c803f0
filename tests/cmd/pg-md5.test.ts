import { describe, expect, it } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { md5Hex, md5Password } from "../../lib/auth/md5.ts";
import { tempDir } from "../support/temp.ts";
import { runAs, runOnTerminal } from "./support.ts";

/** A directory with a configuration. */
function configured(settings = ""): { dir: string; config: string; passwd: string } {
  const dir = tempDir();
  const config = join(dir, "pgpool.conf");
  writeFileSync(config, settings);
  return { dir, config, passwd: join(dir, "pool_passwd") };
}

describe("pg_md5", () => {
  it("prints the md5 of its argument, and nothing else", async () => {
    expect(await runAs("pg_md5", ["secret"])).toEqual({
      status: 0,
      stdout: "5ebe2294ecd0e0f08eab7690d2a6ee69\n",
      stderr: "",
    });
  });

  it("writes an entry with -m, in place of the user's former one", async () => {
    const { config, passwd } = configured();
    const quiet = { status: 0, stdout: "", stderr: "" };
    expect(await runAs("pg_md5", ["-m", "-f", config, "-u", "alice", "secret"])).toEqual(quiet);
    expect(readFileSync(passwd, "utf8")).toBe("alice:md54a0a68b43b6cd5cf266fa02f196e2371\n");
    const long = ["--md5auth", `--config-file=${config}`, "--username=bob", "b"];
    expect(await runAs("pg_md5", long)).toEqual(quiet);
    expect(await runAs("pg_md5", ["-mf", config, "-ualice", "new"])).toEqual(quiet);
    expect(readFileSync(passwd, "utf8")).toBe(
      `alice:${md5Password("new", "alice")}\nbob:${md5Password("b", "bob")}\n`,
    );
  });

  it("takes the operating system's user, and the pool_passwd that the configuration names", async () => {
    const { dir, config } = configured("pool_passwd = 'users'\n");
    // As cron starts programs: USER says nothing.
    const env = { USER: "" };
    expect((await runAs("pg_md5", ["-m", "-f", config, "x"], { env })).status).toBe(0);
    const username = Bun.spawnSync(["id", "-un"]).stdout.toString().trim();
    expect(readFileSync(join(dir, "users"), "utf8"))
      .toBe(`${username}:${md5Password("x", username)}\n`);
  });

  it("names every line of an input file, good or bad", async () => {
    const { dir, config, passwd } = configured();
    const file = join(dir, "pairs");
    const long = "x".repeat(129);
    writeFileSync(file, `alice:se:cret\n\nnobody\n${long}:a\nbob:${long}\nbob:b\n`);
    const bad = "LINE#02: BLANK LINE\nLINE#03: Invalid username:password pair\n" +
      "LINE#04: input exceeds maximum username length 128\n" +
      "LINE#05: input exceeds maximum password length 128\n";
    const heading = `trying to read username:password pairs from file ${file}\n`;
    expect(await runAs("pg_md5", ["-i", file])).toEqual({
      status: 0,
      stdout: `${heading}LINE#01: USER: <alice>\n${md5Hex("se:cret")}\n${bad}` +
        `LINE#06: USER: <bob>\n${md5Hex("b")}\n`,
      stderr: "",
    });
    expect(await runAs("pg_md5", ["-m", "-f", config, "-i", file])).toEqual({
      status: 0,
      stdout: `${heading}LINE#01: USER: <alice>\n${bad}LINE#06: USER: <bob>\n`,
      stderr: "",
    });
    expect(readFileSync(passwd, "utf8")).toBe(
      `alice:${md5Password("se:cret", "alice")}\nbob:${md5Password("b", "bob")}\n`,
    );
    const none = join(dir, "none");
    expect(await runAs("pg_md5", ["-i", none])).toMatchObject({
      status: 1,
      stderr: `failed to open input_file "${none}" (No such file or directory)\n`,
    });
  });

  it("shows its usage where Pgpool-II does, with the same exit status", async () => {
    const help = await runAs("pg_md5", ["-h"]);
    expect(help).toMatchObject({ status: 0, stderr: "" });
    expect(help.stdout).toContain("Usage:");
    expect(await runAs("pg_md5", ["--nonsense"])).toEqual({
      ...help,
      stderr: "pg_md5: unknown option '--nonsense'\n",
    });
    const nothing = await runAs("pg_md5", []);
    expect(nothing).toEqual({ status: 1, stdout: "", stderr: help.stdout });
  });

  it("refuses what is too long", async () => {
    const { config } = configured();
    const long = "x".repeat(129);
    expect(await runAs("pg_md5", ["x".repeat(128)])).toMatchObject({ status: 0, stderr: "" });
    const password = await runAs("pg_md5", [long]);
    expect(password).toMatchObject({ status: 1, stdout: "" });
    expect(password.stderr).toStartWith("Error: Input exceeds maximum password length!\n");
    expect(await runAs("pg_md5", ["-m", "-f", config, "-u", long, "x"])).toEqual({
      status: 1,
      stdout: "",
      stderr: "Error: input exceeds maximum username length!\n",
    });
  });

  it("never prompts without a terminal", async () => {
    const { status, stdout, stderr } = await runAs("pg_md5", ["-p"], { input: "secret\n" });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toBe("stdin is not tty\n");
  });

  it("asks on a terminal without showing what is typed", async () => {
    expect(await runOnTerminal("pg_md5", ["-p"], [["password: ", "secret\r"]])).toEqual({
      status: 0,
      screen: "password: \n5ebe2294ecd0e0f08eab7690d2a6ee69\n",
    });
    const corrected = await runOnTerminal("pg_md5", ["-p"], [[
      "password: ",
      "x\x15secr\u00e9\x7fetx\x08\r",
    ]]);
    expect(corrected.screen).toContain("5ebe2294ecd0e0f08eab7690d2a6ee69");
    const interrupted = await runOnTerminal("pg_md5", ["-p"], [["password: ", "sec\x03"]]);
    expect(interrupted).toEqual({ status: 130, screen: "password: \n" });
  });
});
