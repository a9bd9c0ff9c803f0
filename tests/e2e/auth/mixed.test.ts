/** Entries of pool_passwd that can not be read, and servers that do not ask alike. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { encryptAes } from "../../../lib/auth/aes.ts";
import type { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { RawClient } from "../../support/raw-client.ts";
import { letIn, refusal, requestsOf } from "../support/logins.ts";
import { valueOf } from "../support/nodes.ts";
import { secretOf, startAskingServers } from "./servers.ts";

let cluster: TestCluster;
let pgpool: Pgpool;

/** The primary trusts everybody, the standby asks for SCRAM. */
beforeAll(async () => {
  cluster = await startAskingServers(["listed", "unlisted", "encrypted"]);
  const trust = "local all all trust\nhost all all 127.0.0.1/32 trust\n";
  await cluster.primary.writeHba(`${trust}host replication all 127.0.0.1/32 trust\n`);
  await cluster.server(1).writeHba(
    `local all all trust\nhost all ${SUPERUSER} 127.0.0.1/32 trust\nhost all all all scram-sha-256\n`,
  );
  const aes = encryptAes(secretOf("encrypted"), "a key that pgpool does not have");
  pgpool = await startPgpool({
    cluster,
    config: { backend_weight0: 0, backend_weight1: 1, log_min_messages: "debug5" },
    passwd: `listed:${secretOf("listed")}\nencrypted:AES${aes}\n`,
  });
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

function attempt(user: string, password = secretOf(user)) {
  return { port: pgpool.port, user, database: "postgres", password };
}

/** The port of the server that reads on this client's behalf. */
async function readsFrom(user: string): Promise<number> {
  using client = await RawClient.login(attempt(user));
  return Number(await valueOf(client, "SELECT inet_server_port()"));
}

describe("a primary that trusts in front of a standby that asks", () => {
  it("lets in without a password, and reads where pool_passwd opens the door", async () => {
    expect(await requestsOf(attempt("listed"))).toEqual([]);
    expect(await readsFrom("listed")).toBe(cluster.server(1).port);
  });

  it.each(["unlisted", "encrypted"])(
    "reads from the primary where the standby can not be logged in to: %s",
    async (user) => {
      expect(await readsFrom(user)).toBe(cluster.primary.port);
    },
  );

  it("blames no server for that", async () => {
    using client = await RawClient.login(attempt(SUPERUSER));
    const nodes = (await client.query("SHOW pool_nodes")).filter((line) => line.includes("Row("));
    for (const node of nodes) expect(node).toMatch(/, (up|waiting), /);
    expect(await readsFrom("listed")).toBe(cluster.server(1).port);
  });
});

describe("an AES entry without its key", () => {
  it.each(["scram-sha-256", "md5", "password"])("lets nobody in by %s", async (method) => {
    const aes = encryptAes(secretOf("encrypted"), "the key");
    await using strict = await startPgpool({
      cluster,
      hba: `host all all 127.0.0.1/32 ${method}\n`,
      passwd: `encrypted:AES${aes}\n`,
      key: "another key",
    });
    for (const password of [secretOf("encrypted"), aes, `AES${aes}`]) {
      const login = { ...attempt("encrypted", password), port: strict.port };
      expect(await refusal(login)).toMatchObject({ S: "FATAL", C: "28P01" });
    }
    await strict.waitForLog(/"encrypted" cannot be decrypted with the key/);
    expect(strict.log()).not.toContain(aes);
  });

  it("is no hindrance to others", async () => {
    await letIn(attempt("listed"));
  });
});
