/** pool_hba.conf decides who is let in and how clients prove who they are. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { encryptAes } from "../../../lib/auth/aes.ts";
import { md5Password } from "../../../lib/auth/md5.ts";
import type { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { RawClient } from "../../support/raw-client.ts";
import { waitFor } from "../../support/wait.ts";
import { type Attempt, letIn, refusal, requestsOf } from "../support/logins.ts";
import { valueOf } from "../support/nodes.ts";
import { secretOf, startAskingServers } from "./servers.ts";

const SCRAM = ["sasl", "sasl-continue", "sasl-final"];
const KEY = "the key of the pool";

const RULES = `
local all all trust
host rejected all 127.0.0.1/32 reject
hostssl all tls_only 127.0.0.1/32 trust
hostgssenc all gss_only 127.0.0.1/32 trust
hostnossl all trust_plain 127.0.0.1/32 trust
hostnogssenc all trust_nogss 127.0.0.1/32 trust
host all postgres 127.0.0.1/32 trust
host "postgres" trust_quoted,trust_other 127.0.0.1 255.255.255.255 trust
host all trust_new,md5_plain,scram_new samehost trust
host all trust_password,scram_password,scram_unlisted,trust_unlisted 127.0.0.1/32 password
host all trust_md5,md5_md5,trust_hash,md5_hash,md5_unlisted,scram_upgrade 127.0.0.1/32 md5
host all scram_text,scram_aes,scram_verifier,trust_verifier,scram_none,mixed_verifier all scram-sha-256
`;

const USERS = [
  ...["trust_plain", "trust_nogss", "trust_quoted", "trust_other", "trust_new"],
  ...["md5_plain", "scram_new", "trust_password", "scram_password", "scram_unlisted"],
  ...["trust_unlisted", "trust_md5", "md5_md5", "trust_hash", "md5_hash", "md5_unlisted"],
  ...["scram_upgrade", "scram_text", "scram_aes", "scram_verifier", "trust_verifier"],
  ...["mixed_verifier", "scram_none", "tls_only", "gss_only"],
];

/** Users with their password as it is in pool_passwd. */
const PLAIN = ["md5_plain", "trust_password", "scram_password", "trust_md5"];
const HASHED = ["trust_hash", "md5_hash"];
const VERIFIED = ["scram_verifier", "trust_verifier", "mixed_verifier", "scram_upgrade"];

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  cluster = await startAskingServers(USERS);
  pgpool = await startPgpool({
    cluster,
    config: { backend_weight0: 0, backend_weight1: 1, log_min_messages: "debug5" },
    hba: RULES,
    key: KEY,
    passwd: await passwords(),
  });
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

async function passwords(): Promise<string> {
  const entries = new Map<string, string>();
  for (const user of PLAIN) entries.set(user, secretOf(user));
  entries.set("md5_md5", `TEXT${secretOf("md5_md5")}`);
  entries.set("scram_text", `TEXT${secretOf("scram_text")}`);
  entries.set("scram_aes", `AES${encryptAes(secretOf("scram_aes"), KEY)}`);
  for (const user of HASHED) entries.set(user, md5Password(secretOf(user), user));
  for (const user of VERIFIED) {
    const [row] = await cluster.query(`SELECT rolpassword FROM pg_authid WHERE rolname = $1`, [
      user,
    ]);
    entries.set(user, String(row?.["rolpassword"]));
  }
  return [...entries].map(([user, secret]) => `${user}:${secret}\n`).join("");
}

function attempt(user: string, more: Attempt = {}): Attempt {
  return { port: pgpool.port, user, database: "postgres", password: secretOf(user), ...more };
}

/** The port of the server that reads on this client's behalf. */
async function readsFrom(user: string): Promise<number> {
  const login = { ...attempt(user), user, password: secretOf(user) };
  using client = await RawClient.login(login);
  return Number(await valueOf(client, "SELECT inet_server_port()"));
}

describe("who is let in", () => {
  it.each(["trust_plain", "trust_nogss", "trust_quoted", "trust_other", "trust_new"])(
    "clients of a trust line, without a password: %s",
    async (user) => {
      expect(await requestsOf(attempt(user, { password: "" }))).toEqual([]);
    },
  );

  it("clients of a Unix socket by the local lines", async () => {
    await letIn({ path: pgpool.socketPath, user: "trust_hash" });
  });

  it.each([
    ["postgres", "rejected", "a reject line"],
    ["stranger", "postgres", "no line at all"],
    ["tls_only", "postgres", "only a hostssl line, without TLS"],
    ["gss_only", "postgres", "only a hostgssenc line"],
  ])("nobody else: %s in %s has %s", async (user, database) => {
    expect(await refusal(attempt(user, { database }))).toMatchObject({
      S: "FATAL",
      C: "28000",
      M: "client authentication failed",
      D: `no pool_hba.conf entry for host "127.0.0.1", user "${user}", database "${database}", SSL off`,
      H: "see pgpool log for details",
    });
  });

  it("clients that pgpool trusts still answer servers that ask", async () => {
    expect(await requestsOf(attempt("md5_plain"))).toEqual(["md5"]);
    expect(await refusal(attempt("md5_plain", { password: "wrong" }))).toMatchObject({
      C: "28P01",
    });
    expect(await refusal(attempt("scram_new"))).toMatchObject({ C: "28P01" });
  });
});

describe("method password", () => {
  it.each(["trust_password", "scram_password"])("compares with pool_passwd: %s", async (user) => {
    expect(await requestsOf(attempt(user))).toEqual(["password"]);
    expect(await requestsOf(attempt(user))).toEqual(["password"]);
    expect(await refusal(attempt(user, { password: "wrong" }))).toMatchObject({ C: "28P01" });
    expect(await refusal(attempt(user, { password: "" }))).toMatchObject({ C: "28P01" });
  });

  it("has the server check a user that pool_passwd does not have", async () => {
    const user = "scram_unlisted";
    expect(await refusal(attempt(user, { password: "wrong" }))).toMatchObject({ C: "28P01" });
    expect(await requestsOf(attempt(user))).toEqual(["password"]);
    expect(await requestsOf(attempt(user))).toEqual(["password"]);
    expect(await refusal(attempt(user, { password: "wrong" }))).toMatchObject({ C: "28P01" });
    expect(await readsFrom(user)).toBe(cluster.server(1).port);
  });

  it("refuses a user whom neither pool_passwd nor a trusting server can check", async () => {
    const user = "trust_unlisted";
    for (const password of [secretOf(user), "wrong"]) {
      expect(await refusal(attempt(user, { password }))).toMatchObject({ S: "FATAL", C: "28P01" });
    }
  });
});

describe("method md5", () => {
  it.each(["trust_md5", "md5_md5", "trust_hash", "md5_hash"])(
    "takes clear text and hashes of pool_passwd, towards all servers: %s",
    async (user) => {
      expect(await requestsOf(attempt(user))).toEqual(["md5"]);
      expect(await requestsOf(attempt(user))).toEqual(["md5"]);
      expect(await readsFrom(user)).toBe(cluster.server(1).port);
      expect(await refusal(attempt(user, { password: "wrong" }))).toMatchObject({
        C: "28P01",
        M: "md5 authentication failed",
        D: "password does not match",
      });
    },
  );

  it("asks for SCRAM when pool_passwd has a verifier, as PostgreSQL does", async () => {
    expect(await requestsOf(attempt("scram_upgrade"))).toEqual(SCRAM);
  });

  it("does not tell who is in pool_passwd", async () => {
    const { M, C, D } = await refusal(attempt("md5_unlisted"));
    expect({ M, C, D }).toEqual({
      M: "md5 authentication failed",
      C: "28P01",
      D: "password does not match",
    });
    await pgpool.waitForLog(/pool_passwd file does not contain an entry for "md5_unlisted"/);
  });
});

describe("method scram-sha-256", () => {
  it.each(["scram_text", "scram_aes", "scram_verifier", "trust_verifier", "mixed_verifier"])(
    "logs in to primary and standby with text, AES and the server's own verifier: %s",
    async (user) => {
      expect(await requestsOf(attempt(user))).toEqual(SCRAM);
      expect(await requestsOf(attempt(user))).toEqual(SCRAM);
      expect(await readsFrom(user)).toBe(cluster.server(1).port);
    },
  );

  it.each(["scram_text", "scram_aes", "scram_verifier", "trust_verifier"])(
    "refuses a wrong password, on a new connection and on a pooled one: %s",
    async (user) => {
      const fresh = attempt(user, { parameters: { options: "-c work_mem=1MB" } });
      for (const login of [fresh, attempt(user)]) {
        expect(await refusal({ ...login, password: "wrong" })).toMatchObject({
          C: "28P01",
          M: "authentication failed",
          D: `username "${user}" or password does not exist in backend`,
        });
      }
    },
  );

  it("asks users that pool_passwd does not have like all others", async () => {
    using client = await RawClient.connect({ port: pgpool.port });
    const login = { user: "scram_none", database: "postgres", password: secretOf("scram_none") };
    await expect(client.login(login)).rejects.toThrow("authentication failed");
    expect(client.received.map(({ type }) => type).join("")).toBe("RRE");
  });
});

describe("what is configured", () => {
  it("is read again on reload", async () => {
    const from = pgpool.logEnd();
    pgpool.write("pool_hba.conf", `host all trust_other 127.0.0.1/32 reject\n${RULES}`);
    pgpool.write("pool_passwd", `${await passwords()}scram_none:TEXT${secretOf("scram_none")}\n`);
    pgpool.reload();
    await pgpool.waitForLog(/reload/i, 10_000, from);
    await letInSoon("scram_none");
    expect(await refusal(attempt("trust_other"))).toMatchObject({ C: "28000" });
  });

  it("stays as it was when pool_hba.conf has become unusable", async () => {
    pgpool.write("pool_hba.conf", "host all all nonsense\n");
    pgpool.reload();
    await pgpool.waitForLog(/pool_hba\.conf, line 1/);
    await letIn(attempt("trust_plain"));
    expect(await refusal(attempt("trust_other"))).toMatchObject({ C: "28000" });
  });

  it("never puts a password, hash or verifier into the log", () => {
    expect(pgpool.log()).not.toMatch(/ secret|md5[0-9a-f]{32}|SCRAM-SHA-256\$|the key of the pool/);
  });
});

/** The workers learn of a reload a moment after the log does. */
async function letInSoon(user: string): Promise<void> {
  await waitFor(async () => {
    await letIn(attempt(user));
    return true;
  }, { what: `${user} to be let in` });
}
