/** Where the commands find a password, and what they say when they find none. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { ADMIN_PASSWORD, Administrator, PASSWORD_LINE, PCP_CONF } from "./administration.ts";

let cluster: TestCluster;
let pgpool: Pgpool;
let admin: Administrator;

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
  pgpool = await startPgpool({ cluster, pcp: PCP_CONF });
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  admin = new Administrator(pgpool);
});

/** What makes the file useless, and what is said of it behind its name. */
const FAULTS: Readonly<Record<string, { spoil: () => void; warning: (file: string) => string }>> = {
  "is missing": {
    spoil: () => rmSync(admin.passwordFile),
    warning: (file) => `could not open password file "${file}": No such file or directory`,
  },
  "can not be reached": {
    spoil: () => admin.usePasswordFile(`${admin.passwordFile}/below`),
    warning: (file) => `could not open password file "${file}": Not a directory`,
  },
  "is open to the group": {
    spoil: () => admin.writePasswordFile(PASSWORD_LINE, 0o640),
    warning: (file) =>
      `password file "${file}" has group or world access; permissions should be u=rw (0600) or less`,
  },
  "is open to the world": {
    spoil: () => admin.writePasswordFile(PASSWORD_LINE, 0o604),
    warning: (file) =>
      `password file "${file}" has group or world access; permissions should be u=rw (0600) or less`,
  },
  "is a directory": {
    spoil: () => {
      rmSync(admin.passwordFile);
      mkdirSync(admin.passwordFile, { mode: 0o700 });
    },
    warning: (file) => `password file "${file}" is not a plain file`,
  },
  "has no line for the pool": {
    spoil: () => admin.writePasswordFile("elsewhere:*:*:x\n*:1:*:x\n*:*:other:x\n"),
    warning: (file) =>
      `password file "${file}" has no line for host "127.0.0.1", port ${pgpool.pcpPort}, user "admin"`,
  },
};

describe("a password file", () => {
  it("lets in without a prompt, on a terminal and without one", async () => {
    const expected = { status: 0, stdout: "1\n", stderr: "" };
    expect(await admin.pcp("node-count")).toEqual(expected);
    expect(await admin.pcp("node-count", "-w")).toEqual(expected);
    expect(await admin.legacy("pcp_node_count", "-w")).toEqual(expected);
    expect(await admin.pcpOnTerminal("node-count", [])).toEqual({ status: 0, screen: "1\n" });
  });

  for (const [fault, { spoil, warning }] of Object.entries(FAULTS)) {
    describe(`that ${fault}`, () => {
      it("is named, and the password asked for on a terminal", async () => {
        spoil();
        const text = `WARNING: ${warning(admin.passwordFile)}\n`;
        const dialogue = [["Password: ", `${ADMIN_PASSWORD}\r`]] as const;
        const expected = { status: 0, screen: `${text}Password: \n1\n` };
        expect(await admin.pcpOnTerminal("node-count", [], dialogue)).toEqual(expected);
        expect(await admin.legacyOnTerminal("pcp_node_count", [], dialogue)).toEqual(expected);
      });

      it("is named in the error where nobody can be asked", async () => {
        spoil();
        const text = `WARNING: ${warning(admin.passwordFile)}\n`;
        const { status, stdout, stderr } = await admin.pcp("node-count", "--json");
        expect({ status, stderr }).toEqual({ status: 5, stderr: text });
        const { error } = JSON.parse(stdout);
        expect(error.code).toBe("no-password");
        expect(error.hint).toContain(`"${admin.passwordFile}"`);
        const classic = await admin.legacy("pcp_node_count");
        expect(classic).toMatchObject({ status: 1, stdout: "" });
        expect(classic.stderr).toStartWith(`${text}ERROR: there is no password for user "admin"\n`);
      });
    });
  }
});

describe("the options for passwords", () => {
  it("-w never asks", async () => {
    rmSync(admin.passwordFile);
    const { status, screen } = await admin.pcpOnTerminal("node-count", ["-w"]);
    expect(status).toBe(5);
    expect(screen).not.toContain("Password");
    const classic = await admin.legacyOnTerminal("pcp_node_count", ["-w"]);
    expect(classic.status).toBe(1);
    expect(classic.screen).not.toContain("Password");
  });

  it("-W asks whatever the file holds", async () => {
    admin.writePasswordFile("*:*:*:wrong\n");
    const dialogue = [["Password: ", `${ADMIN_PASSWORD}\r`]] as const;
    const expected = { status: 0, screen: "Password: \n1\n" };
    expect(await admin.pcpOnTerminal("node-count", ["-W"], dialogue)).toEqual(expected);
    expect(await admin.legacyOnTerminal("pcp_node_count", ["-W"], dialogue)).toEqual(expected);
  });

  it("-W takes the first line of standard input where there is no terminal", async () => {
    rmSync(admin.passwordFile);
    const piped = await admin.pcpWithInput(`${ADMIN_PASSWORD}\n`, "node-count", "-W");
    expect(piped).toEqual({ status: 0, stdout: "1\n", stderr: "" });
  });

  it("tells where a wrong password comes from", async () => {
    admin.writePasswordFile("*:*:*:wrong\n");
    const { status, stderr } = await admin.pcp("node-count");
    expect(status).toBe(5);
    expect(stderr).toContain(`The password comes from "${admin.passwordFile}"`);
    expect(stderr).not.toContain('wrong"');
    const typed = await admin.pcpOnTerminal("node-count", ["-W"], [["Password: ", "bad\r"]]);
    expect(typed.status).toBe(5);
    expect(typed.screen).not.toContain("bad");
  });
});
