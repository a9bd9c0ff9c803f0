import { describe, expect, it } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../support/temp.ts";
import { runAs, runOnTerminal } from "./support.ts";

/** A directory with a configuration and a key. */
function configured(): { dir: string; config: string; key: string; passwd: string } {
  const dir = tempDir();
  const key = join(dir, ".pgpoolkey");
  const config = join(dir, "pgpool.conf");
  writeFileSync(config, "");
  writeFileSync(key, "mykey\n", { mode: 0o600 });
  return { dir, config, key, passwd: join(dir, "pool_passwd") };
}

/** What is printed for a password. */
function printed(base64: string): string {
  return `\n${base64}\npool_passwd string: AES${base64}\n`;
}

const HELLO = "/0vk2BLdRvSVJOvreHcE8g==";

describe("pg_enc", () => {
  it("prints the encrypted password, and where the key came from", async () => {
    const { dir, key } = configured();
    const stdout = `trying to read key from file ${key}\n${printed(HELLO)}`;
    const expected = { status: 0, stdout, stderr: "" };
    expect(await runAs("pg_enc", ["-k", key, "hello"])).toEqual(expected);
    const byVariable = { PGPOOLKEYFILE: key };
    expect(await runAs("pg_enc", ["hello"], { env: byVariable })).toEqual(expected);
    const byHome = { HOME: dir, PGPOOLKEYFILE: "" };
    expect(await runAs("pg_enc", ["hello"], { env: byHome })).toEqual(expected);
  });

  it("takes the key itself with -K, which beats the file", async () => {
    const { key } = configured();
    writeFileSync(key, "another\n");
    const expected = { status: 0, stdout: printed("xdyHUu0YiJqRTM2UDQPDCA=="), stderr: "" };
    expect(await runAs("pg_enc", ["-K", "mykey", "-k", key, "b"])).toEqual(expected);
    expect(await runAs("pg_enc", ["--enc-key=mykey", "b"])).toEqual(expected);
  });

  it("fails without a key", async () => {
    const dir = tempDir();
    const env = { HOME: dir, PGPOOLKEYFILE: "" };
    expect(await runAs("pg_enc", ["secret"], { env })).toEqual({
      status: 1,
      stdout: `trying to read key from file ${dir}/.pgpoolkey\n`,
      stderr: "encryption key not provided\n",
    });
  });

  it("writes an entry with -m", async () => {
    const { config, key, passwd } = configured();
    writeFileSync(passwd, "alice:md54a0a68b43b6cd5cf266fa02f196e2371\n", { mode: 0o600 });
    expect(await runAs("pg_enc", ["-m", "-f", config, "-k", key, "-u", "bob", "hello"])).toEqual({
      status: 0,
      stdout: `trying to read key from file ${key}\n`,
      stderr: "",
    });
    expect(readFileSync(passwd, "utf8"))
      .toBe(`alice:md54a0a68b43b6cd5cf266fa02f196e2371\nbob:AES${HELLO}\n`);
  });

  it("takes the password from a pipe", async () => {
    const { config, passwd } = configured();
    const args = ["-m", "-K", "mykey", "-f", config, "-u", "bob"];
    const expected = { status: 0, stdout: "", stderr: "" };
    expect(await runAs("pg_enc", args, { input: "hello\n" })).toEqual(expected);
    expect(readFileSync(passwd, "utf8")).toBe(`bob:AES${HELLO}\n`);
    expect(await runAs("pg_enc", ["-P", "-p"], { input: "hello\nmykey" }))
      .toEqual({ status: 0, stdout: printed(HELLO), stderr: "" });
    expect((await runAs("pg_enc", ["-K", "mykey"])).status).toBe(1);
  });

  it("reads pairs from a file and says on standard error which are wrong", async () => {
    const { dir, config, passwd } = configured();
    const file = join(dir, "pairs");
    writeFileSync(file, "bob:hello\n\nnobody\ncarl:b\n");
    const bad = "LINE#03: invalid username:password pair\n";
    const outcome = await runAs("pg_enc", ["-K", "mykey", "-i", file]);
    expect(outcome).toMatchObject({ status: 0, stderr: bad });
    expect(outcome.stdout).toEndWith(printed(HELLO) + printed("xdyHUu0YiJqRTM2UDQPDCA=="));
    const written = await runAs("pg_enc", ["-K", "mykey", "-m", "-f", config, "-i", file]);
    expect(written).toMatchObject({ status: 0, stderr: bad });
    expect(readFileSync(passwd, "utf8"))
      .toBe(`bob:AES${HELLO}\ncarl:AESxdyHUu0YiJqRTM2UDQPDCA==\n`);
  });

  it("warns of a key that others can read, and refuses what is too long", async () => {
    const { key } = configured();
    const open = join(tempDir(), "open");
    writeFileSync(open, readFileSync(key), { mode: 0o644 });
    const { status, stderr } = await runAs("pg_enc", ["-k", open, "hello"]);
    expect(status).toBe(0);
    expect(stderr).toContain(`pool key file "${open}" has group or world access`);
    expect((await runAs("pg_enc", ["-K", "k".repeat(257), "hello"])).status).toBe(1);
    expect((await runAs("pg_enc", ["-K", "mykey", "x".repeat(129)])).status).toBe(1);
  });

  it("asks for key and password without showing them", async () => {
    const { status, screen } = await runOnTerminal("pg_enc", ["-P"], [
      ["db password: ", "hello\r"],
      ["encryption key: ", "mykey\r"],
    ]);
    expect({ status, screen }).toEqual({
      status: 0,
      screen: `db password: \nencryption key: \n${printed(HELLO)}`,
    });
  });
});
