import { beforeAll, describe, expect, it } from "bun:test";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "../../support/temp.ts";
import { auditOf } from "./support.ts";

const dayMs = 86_400_000;

describe("the check of certificates", () => {
  const files: Record<string, string> = {};

  beforeAll(() => {
    const dir = tempDir();
    for (const name of ["one", "other"]) {
      const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
      const out = ["-keyout", `${name}.key`, "-out", `${name}.crt`];
      const args = ["req", "-x509", ...key, ...out, "-days", "100", "-subj", "/CN=pool"];
      execFileSync("openssl", args, { cwd: dir, stdio: "ignore" });
      for (const file of [`${name}.key`, `${name}.crt`]) {
        files[file] = readFileSync(join(dir, file), "latin1");
      }
    }
  });

  const codes = async (days: number, key = "one.key") => {
    const conf = `ssl = on\nssl_cert = 'one.crt'\nssl_key = '${key}'`;
    const now = new Date(Date.now() + days * dayMs);
    return (await auditOf({ conf, more: files, now })).map(({ code }) => code);
  };

  it("takes one that is valid", async () => {
    expect(await codes(1)).toEqual([]);
  });

  it("finds one that expires soon, has expired, or is not valid yet", async () => {
    expect(await codes(90)).toEqual(["expires-soon"]);
    expect(await codes(101)).toEqual(["expired"]);
    expect(await codes(-2)).toEqual(["not-yet-valid"]);
  });

  it("finds a key that is another certificate's", async () => {
    expect(await codes(1, "other.key")).toEqual(["wrong-key"]);
  });
});
