import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import fc from "fast-check";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encryptAes } from "../../lib/auth/aes.ts";
import { AuthError } from "../../lib/auth/errors.ts";
import { formatPasswordLine, PasswordFile, resolvePassword } from "../../lib/auth/password-file.ts";
import { buildVerifier, formatVerifier } from "../../lib/auth/scram.ts";
import {
  keyFilePath,
  loadKeyFile,
  loadPasswordFile,
  setPasswordEntry,
} from "../../lib/auth/secret-files.ts";

const verifier = buildVerifier("pencil", Buffer.alloc(16, 3), 10);
const md5 = "md54a0a68b43b6cd5cf266fa02f196e2371";

const parse = (text: string, key?: string) => PasswordFile.parse(text, key).file;

describe("pool_passwd", () => {
  it("tells the kinds of passwords apart", () => {
    const file = parse(
      [
        `m:${md5}`,
        "t:TEXTsecret",
        "p:secret",
        "half:md5abc",
        `a:AES${encryptAes("hello", "mykey")}`,
        `s:${formatVerifier(verifier).replace(":", "\\:")}`,
      ].join("\n"),
      "mykey",
    );
    expect(file.get("m")).toEqual({ kind: "md5", hash: md5 });
    expect(file.get("t")).toEqual({ kind: "plain", password: "secret" });
    expect(file.get("p")).toEqual({ kind: "plain", password: "secret" });
    expect(file.get("half")).toEqual({ kind: "plain", password: "md5abc" });
    expect(file.get("a")).toEqual({ kind: "plain", password: "hello" });
    expect(file.get("nobody")).toBeUndefined();
  });

  it("takes a SCRAM verifier as it stands in pg_authid, and with escaped colons", () => {
    const raw = formatVerifier(verifier);
    expect(parse(`s:${raw}\n`).get("s")).toEqual({ kind: "scram", verifier });
    expect(parse(`${formatPasswordLine("s", raw)}\n`).get("s")).toEqual({
      kind: "scram",
      verifier,
    });
  });

  it("says why an AES entry cannot be used", () => {
    const line = `a:AES${encryptAes("hello", "mykey")}`;
    expect(parse(line).get("a")).toEqual({ kind: "aes-undecryptable", reason: "no-key" });
    expect(parse(line, "other").get("a"))
      .toEqual({ kind: "aes-undecryptable", reason: "wrong-key" });
  });

  it("uses a user's first line, ignores the fields behind the password and has no comments", () => {
    const file = parse("u:one:backend:two\r\nu:three\n#c:four\n\n");
    expect(file.get("u")).toEqual({ kind: "plain", password: "one" });
    expect(file.get("#c")).toEqual({ kind: "plain", password: "four" });
    expect(file.size).toBe(2);
  });

  it("warns of lines that cannot be used, without showing them", () => {
    const { file, warnings } = PasswordFile.parse("hello\nu:SCRAM-SHA-256$1:x\n:secret\n");
    expect(file.get("u")).toBeUndefined();
    expect(warnings.map(({ line }) => line)).toEqual([1, 2, 3]);
    expect(JSON.stringify(warnings)).not.toContain("secret");
  });

  it("gives back any user and password written with escapes", () => {
    const text = fc.string({ unit: "binary", minLength: 1 }).filter((s) => !/[\n\r\0]/.test(s));
    fc.assert(fc.property(text, text, (user, password) => {
      const file = parse(formatPasswordLine(user, `TEXT${password}`));
      expect(file.get(user)).toEqual({ kind: "plain", password });
    }));
  });

  it("survives any text", () => {
    fc.assert(fc.property(fc.string(), (text) => {
      parse(text).get("u");
    }));
  });
});

describe("passwords in parameters", () => {
  const file = parse("u:fromfile");

  it("are taken from pool_passwd when empty, else read in all their forms", () => {
    const aes = `AES${encryptAes("hello", "mykey")}`;
    expect(resolvePassword("", "u", file, undefined)).toEqual({
      kind: "plain",
      password: "fromfile",
    });
    expect(resolvePassword("", "other", file, undefined)).toEqual({ kind: "plain", password: "" });
    expect(resolvePassword("", "u", undefined, undefined)).toEqual({ kind: "plain", password: "" });
    expect(resolvePassword("x", "u", file, undefined)).toEqual({ kind: "plain", password: "x" });
    expect(resolvePassword("TEXTx", "u", file, undefined)).toEqual({
      kind: "plain",
      password: "x",
    });
    expect(resolvePassword(md5, "u", file, undefined)).toEqual({ kind: "md5", hash: md5 });
    expect(resolvePassword(aes, "u", file, "mykey")).toEqual({ kind: "plain", password: "hello" });
    expect(resolvePassword(aes, "u", file, undefined))
      .toEqual({ kind: "aes-undecryptable", reason: "no-key" });
  });
});

describe("files with secrets", () => {
  let directory = "";
  let path = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "pgpool-auth-"));
    path = join(directory, "pool_passwd");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("pool_passwd is created empty and private when missing", () => {
    expect(loadPasswordFile(path, undefined).file.size).toBe(0);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("pool_passwd open to others is used with a warning", () => {
    writeFileSync(path, "u:x\n");
    chmodSync(path, 0o644);
    const { file, warnings } = loadPasswordFile(path, undefined);
    expect(file.get("u")).toBeDefined();
    expect(warnings.map(({ message }) => message)).toEqual([
      `pool_passwd file "${path}" has group or world access; permissions should be u=rw (0600) or less`,
    ]);
    expect(() => loadPasswordFile(directory, undefined)).toThrow(AuthError);
  });

  it("the key is the first line of -k, PGPOOLKEYFILE or ~/.pgpoolkey", () => {
    expect(keyFilePath("k", { PGPOOLKEYFILE: "e", HOME: "/h" })).toBe("k");
    expect(keyFilePath(undefined, { PGPOOLKEYFILE: "e", HOME: "/h" })).toBe("e");
    expect(keyFilePath(undefined, { HOME: "/h" })).toBe("/h/.pgpoolkey");
    writeFileSync(path, "mykey\nsecond\n", { mode: 0o600 });
    expect(loadKeyFile(path)).toEqual({ key: "mykey", warnings: [] });
    chmodSync(path, 0o640);
    expect(loadKeyFile(path).key).toBe("mykey");
    expect(loadKeyFile(path).warnings[0]?.message).toContain("pool key file");
  });

  it("a missing key file is no error and a directory is ignored with a warning", () => {
    expect(loadKeyFile(path)).toEqual({ key: undefined, warnings: [] });
    const { key, warnings } = loadKeyFile(directory);
    expect(key).toBeUndefined();
    expect(warnings).toHaveLength(1);
  });

  it("an entry is appended or replaced, and other lines and the mode stay", () => {
    setPasswordEntry(path, "alice", md5);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o640);
    setPasswordEntry(path, "b:b", "TEXTx\\y");
    setPasswordEntry(path, "carol", "AESx");
    setPasswordEntry(path, "alice", "TEXTnew");
    expect(readFileSync(path, "utf8")).toBe("alice:TEXTnew\nb\\:b:TEXTx\\\\y\ncarol:AESx\n");
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(loadPasswordFile(path, undefined).file.get("b:b"))
      .toEqual({ kind: "plain", password: "x\\y" });
    expect(readdirSync(directory)).toEqual(["pool_passwd"]);
  });

  it("an entry that a line cannot hold is refused", () => {
    expect(() => setPasswordEntry(path, "a", "x\ny")).toThrow(AuthError);
    expect(() => setPasswordEntry(path, "", "x")).toThrow(AuthError);
    expect(() => setPasswordEntry(join(directory, "no", "where"), "a", "x")).toThrow(AuthError);
  });
});
