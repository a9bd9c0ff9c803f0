import { describe, expect, it } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runPgpool } from "../process/support.ts";
import { freePort } from "../support/ports.ts";
import { tempDir } from "../support/temp.ts";

function extension(...args: string[]) {
  return runPgpool(["extension", ...args]);
}

/** A directory like that which pg_config --sharedir prints. */
function shareDir(): string {
  const dir = tempDir();
  mkdirSync(join(dir, "extension"));
  return dir;
}

describe("pgpool extension list", () => {
  it("lists what can be installed", async () => {
    const { status, stdout } = await extension("list", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toContainEqual({
      name: "pgpool_adm",
      version: "1.6",
      requires: ["dblink"],
      comment: "administration of pgpool by SQL functions",
    });
    expect((await extension("list")).stdout).toMatch(
      /^name +version +requires +description\npgpool_adm /,
    );
  });
});

describe("pgpool extension install", () => {
  it("writes the files that CREATE EXTENSION reads, for everybody, as often as wanted", async () => {
    const share = shareDir();
    for (let times = 0; times < 2; times++) {
      const { status, stdout, stderr } = await extension(
        "install",
        "pgpool_adm",
        "--sharedir",
        share,
      );
      expect(status).toBe(0);
      expect(stdout.split("\n")[0]).toBe(join(share, "extension/pgpool_adm.control"));
      expect(stderr).toContain("CREATE EXTENSION pgpool_adm CASCADE;");
    }
    const files = readdirSync(join(share, "extension")).sort();
    expect(files).toEqual(["pgpool_adm--1.6.sql", "pgpool_adm.control"]);
    for (const file of files) {
      expect(statSync(join(share, "extension", file)).mode & 0o777).toBe(0o644);
    }
    expect(readFileSync(join(share, "extension/pgpool_adm.control"), "utf8"))
      .toContain("requires = 'dblink'\n");
  });

  it("asks pg_config where they belong", async () => {
    const share = shareDir();
    const program = join(share, "pg_config");
    writeFileSync(program, `#!/bin/sh\n[ "$1" = --sharedir ] && echo '${share}'\n`);
    chmodSync(program, 0o755);
    const { status, stdout } = await extension(
      ...["install", "pgpool_adm", "--pg-config", program, "--json"],
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      extension: "pgpool_adm",
      version: "1.6",
      files: ["pgpool_adm.control", "pgpool_adm--1.6.sql"]
        .map((name) => join(share, "extension", name)),
    });
  });

  it("prints what it would do, and does nothing", async () => {
    const share = shareDir();
    const files = await extension("install", "pgpool_adm", "--sharedir", share, "--print");
    expect(files.stdout).toStartWith(`-- ${share}/extension/pgpool_adm.control\ncomment = `);
    expect(readdirSync(join(share, "extension"))).toEqual([]);
    const statements = await extension("install", "pgpool_adm", "--print", "--schema", "ops");
    expect(statements.status).toBe(0);
    expect(statements.stdout).toMatch(/^BEGIN;\n[^]*quote_ident\('ops'\)[^]*\nCOMMIT;\n$/);
  });

  it("says what is wrong, and what to do about it", async () => {
    const port = await freePort();
    const wrong: [string[], number, string][] = [
      [["install", "pgpool_admin", "--print"], 2, "unknown-extension"],
      [["install", "pgpool_adm"], 2, "usage"],
      [["install", "pgpool_adm", "--sharedir", "/x", "--connect", "postgres://h"], 2, "usage"],
      [["install", "pgpool_adm", "--sharedir", "/x", "--schema", "s"], 2, "usage"],
      [["install", "pgpool_adm", "--sharedir", "/nowhere"], 1, "no-directory"],
      [["install", "pgpool_adm", "--pg-config", "/nowhere/pg_config"], 1, "no-pg-config"],
      [["install", "pgpool_adm", "--connect", "h:5432"], 2, "usage"],
      [
        ["install", "pgpool_adm", "--connect", `postgres://u@127.0.0.1:${port}/d`],
        1,
        "cannot-connect",
      ],
      [["install", "pgpool_adm", "--sharedirectory", "/x"], 2, "usage"],
      [["instal"], 2, "usage"],
    ];
    for (const [args, status, code] of wrong) {
      const outcome = await extension(...args, "--json");
      expect({ args, status: outcome.status }).toEqual({ args, status });
      expect(JSON.parse(outcome.stdout)).toMatchObject({ error: { code } });
    }
  });
});
