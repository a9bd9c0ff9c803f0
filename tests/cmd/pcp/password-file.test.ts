import { describe, expect, it } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findPassword, lookUpPassword, pcpPasswordFile } from "../../../cmd/pcp/password-file.ts";
import { tempDir } from "../../support/temp.ts";

const TARGET = { host: "db1", port: 9898, user: "admin" };

function find(text: string, target = TARGET): string | undefined {
  return findPassword(Buffer.from(text), target);
}

describe("the password file of PCP", () => {
  it("gives the password of the first line that matches", () => {
    const lines = "db2:9898:admin:no\ndb1:9899:admin:no\ndb1:9898:root:no\n";
    expect(find(`${lines}db1:9898:admin:yes\ndb1:9898:admin:late\n`)).toBe("yes");
    expect(find(lines)).toBeUndefined();
    expect(find("db1:9898:admin:yes\r\n")).toBe("yes");
  });

  it("takes a star for anything", () => {
    expect(find("*:*:*:any\n")).toBe("any");
    expect(find("*:9898:other:no\n*:*:admin:yes")).toBe("yes");
    expect(find("d*:9898:admin:no")).toBeUndefined();
  });

  it("takes a backslash before colons and backslashes", () => {
    expect(find("db1:9898:admin:a\\:b\\\\c")).toBe("a:b\\c");
    expect(find("\\:\\:1:*:admin:six", { ...TARGET, host: "::1" })).toBe("six");
    expect(find("*:*:a\\:b:two", { ...TARGET, user: "a:b" })).toBe("two");
    expect(find("db1:9898:admin:first:rest")).toBe("first");
  });

  it("calls the default directory of Unix sockets localhost", () => {
    for (const host of ["", "/tmp", "localhost"]) {
      expect(find("localhost:9898:admin:socket", { ...TARGET, host })).toBe("socket");
    }
    expect(find("localhost:9898:admin:no", { ...TARGET, host: "/run" })).toBeUndefined();
    expect(find("/run:9898:admin:run", { ...TARGET, host: "/run" })).toBe("run");
  });

  it("keeps the bytes of passwords that are not UTF-8", () => {
    const bytes = Buffer.concat([Buffer.from("*:*:*:"), Buffer.of(0xe9), Buffer.from("\n")]);
    expect(findPassword(bytes, TARGET)).toBe(String.fromCharCode(0xdce9));
    expect(find("*:*:*:é")).toBe("é");
  });

  it("is the one that PCPPASSFILE names, else ~/.pcppass", () => {
    expect(pcpPasswordFile({ HOME: "/home/x" })).toBe("/home/x/.pcppass");
    expect(pcpPasswordFile({ HOME: "/home/x", PCPPASSFILE: "/other" })).toBe("/other");
    expect(pcpPasswordFile({ HOME: "/home/x", PCPPASSFILE: "" })).toBe("/home/x/.pcppass");
  });

  it("says why it gives no password", () => {
    const dir = tempDir();
    const file = join(dir, "pcppass");
    const reason = (path: string) => {
      const lookup = lookUpPassword(path, TARGET);
      return lookup.found ? `found ${lookup.password}` : lookup.reason;
    };
    expect(reason(file))
      .toBe(`could not open password file "${file}": No such file or directory`);
    expect(reason(dir)).toBe(`password file "${dir}" is not a plain file`);
    writeFileSync(file, "*:*:*:secret\n", { mode: 0o600 });
    expect(reason(file)).toBe("found secret");
    expect(reason(join(file, "below")))
      .toBe(`could not open password file "${file}/below": Not a directory`);
    for (const mode of [0o640, 0o604, 0o610, 0o602]) {
      chmodSync(file, mode);
      expect(reason(file)).toBe(
        `password file "${file}" has group or world access; permissions should be u=rw (0600) or less`,
      );
    }
    chmodSync(file, 0o400);
    expect(reason(file)).toBe("found secret");
    chmodSync(file, 0o600);
    writeFileSync(file, "db2:*:*:secret\n");
    expect(reason(file))
      .toBe(`password file "${file}" has no line for host "db1", port 9898, user "admin"`);
  });
});
