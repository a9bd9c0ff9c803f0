import { describe, expect, it } from "bun:test";
import { buildVerifier, formatVerifier } from "../../lib/auth/scram.ts";
import { md5Hex } from "../../lib/auth/md5.ts";
import { formatPasswordLine } from "../../lib/auth/password-file.ts";
import { PcpUsers, PcpUsersError } from "../../lib/pcp/users.ts";

const verifier = formatVerifier(buildVerifier("secret", Buffer.alloc(16, 1)));

describe("pcp.conf", () => {
  it("gives all lines of a user, md5 and SCRAM", () => {
    const users = PcpUsers.parse(
      `# who may\n\nadmin:${md5Hex("old")}\nother:${md5Hex("x")}\nadmin:${verifier}\n` +
        `admin:${md5Hex("new")}\n`,
    );
    expect(users.hashes("admin")).toEqual([md5Hex("old"), md5Hex("new")]);
    expect(users.verifier("admin")).toEqual(buildVerifier("secret", Buffer.alloc(16, 1)));
    expect(users.verifier("other")).toBeUndefined();
    expect(users.secrets("nobody")).toEqual([]);
    expect(users.problems).toEqual([]);
  });

  it("takes lines as `pgpool passwd scram` prints them for pool_passwd", () => {
    const users = PcpUsers.parse(formatPasswordLine("ops", verifier));
    expect(users.verifier("ops")).toEqual(buildVerifier("secret", Buffer.alloc(16, 1)));
  });

  it("tells which lines nobody can log in by, and never their secret", () => {
    const users = PcpUsers.parse("admin\n:x\nadmin:secret\nadmin:SCRAM-SHA-256$1:secret\n");
    expect(users.problems.map(({ line }) => line)).toEqual([1, 2, 3, 4]);
    expect(JSON.stringify(users.problems)).not.toContain("secret");
    expect(users.secrets("admin")).toEqual([]);
  });

  it("that can not be read is named, with the reason", () => {
    expect(() => PcpUsers.load("/nowhere/pcp.conf")).toThrow(PcpUsersError);
    expect(() => PcpUsers.load("/nowhere/pcp.conf"))
      .toThrow("could not open /nowhere/pcp.conf. reason: No such file or directory");
  });
});
