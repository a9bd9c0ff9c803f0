/** What clients are asked for when enable_pool_hba is off and the servers decide. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { RawClient } from "../../support/raw-client.ts";
import { letIn, refusal, requestsOf } from "../support/logins.ts";
import { valueOf } from "../support/nodes.ts";
import { secretOf, startAskingServers } from "./servers.ts";

const KINDS = ["trust", "password", "md5", "scram", "mixed", "split"];
const SCRAM = ["sasl", "sasl-continue", "sasl-final"];

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  const listed = KINDS.map((kind) => `${kind}_listed`);
  cluster = await startAskingServers([...listed, ...KINDS.map((kind) => `${kind}_new`)]);
  pgpool = await startPgpool({
    cluster,
    config: { backend_weight0: 0, backend_weight1: 1, log_min_messages: "debug5" },
    passwd: listed.map((user) => `${user}:TEXT${secretOf(user)}\n`).join(""),
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
async function readsFrom(user: string, password?: string): Promise<number> {
  using client = await RawClient.login(attempt(user, password));
  return Number(await valueOf(client, "SELECT inet_server_port()"));
}

describe("a user with an entry in pool_passwd", () => {
  it("is asked for nothing by servers that trust", async () => {
    expect(await requestsOf(attempt("trust_listed"))).toEqual([]);
    expect(await requestsOf(attempt("trust_listed"))).toEqual([]);
  });

  it.each([
    ["password", ["password"]],
    ["md5", ["md5"]],
    ["scram", SCRAM],
    ["mixed", SCRAM],
    ["split", SCRAM],
  ])("is asked as the server asks, and gets its standby: %s", async (kind, requests) => {
    const user = `${kind}_listed`;
    expect(await requestsOf(attempt(user))).toEqual(requests);
    expect(await requestsOf(attempt(user))).toEqual(requests);
    expect(await readsFrom(user)).toBe(cluster.server(1).port);
  });

  it.each(["password", "md5", "scram", "mixed", "split"])(
    "is refused with a wrong password, on a new connection and on a pooled one: %s",
    async (kind) => {
      const user = `${kind}_listed`;
      const fresh = { ...attempt(user, "wrong"), parameters: { options: "-c work_mem=1MB" } };
      for (const wrong of [fresh, attempt(user, "wrong"), attempt(user, "")]) {
        expect(await refusal(wrong)).toMatchObject({ S: "FATAL", C: "28P01" });
      }
      await letIn(attempt(user));
      expect(await refusal(attempt(user, "wrong"))).toMatchObject({ S: "FATAL", C: "28P01" });
    },
  );
});

describe("a user without an entry in pool_passwd", () => {
  it("is asked for nothing by servers that trust", async () => {
    expect(await requestsOf(attempt("trust_new"))).toEqual([]);
  });

  it("is asked for its password in clear text when the server does that", async () => {
    expect(await requestsOf(attempt("password_new"))).toEqual(["password"]);
    expect(await requestsOf(attempt("password_new"))).toEqual(["password"]);
    expect(await readsFrom("password_new")).toBe(cluster.server(1).port);
    expect(await refusal(attempt("password_new", "wrong"))).toMatchObject({ C: "28P01" });
  });

  it.each(["md5", "scram"])(
    "is refused by servers that do not send passwords: %s",
    async (kind) => {
      const error = await refusal(attempt(`${kind}_new`));
      expect(error).toMatchObject({ S: "FATAL", C: "28P01", D: "valid password not found" });
    },
  );

  it("is refused as the server refuses when it does not exist", async () => {
    const { M, C } = await refusal({ port: cluster.primary.port, user: "trust_nobody" });
    expect(await refusal(attempt("trust_nobody"))).toMatchObject({ S: "FATAL", C, M });
  });

  it("is refused as the server refuses when the database does not exist", async () => {
    const wanted = { user: "trust_new", database: "nowhere" };
    const { M, C, S } = await refusal({ port: cluster.primary.port, ...wanted });
    expect(await refusal({ port: pgpool.port, ...wanted })).toMatchObject({ S, C, M });
  });
});

describe("with allow_clear_text_frontend_auth", () => {
  let lenient: Pgpool;

  beforeAll(async () => {
    lenient = await startPgpool({
      cluster,
      config: {
        allow_clear_text_frontend_auth: true,
        backend_weight0: 0,
        backend_weight1: 1,
        log_min_messages: "debug5",
      },
    });
  });

  afterAll(async () => {
    await lenient?.[Symbol.asyncDispose]();
  });

  it.each(["password", "md5", "scram", "mixed", "split"])(
    "users without an entry give their password once and get all servers: %s",
    async (kind) => {
      const login = { ...attempt(`${kind}_new`), port: lenient.port };
      expect(await requestsOf(login)).toEqual(["password"]);
      using client = await RawClient.login(login);
      expect(Number(await valueOf(client, "SELECT inet_server_port()"))).toBe(
        cluster.server(1).port,
      );
    },
  );

  it.each(["password", "md5", "scram", "mixed", "split"])(
    "a wrong password is refused, on a new connection and on a pooled one: %s",
    async (kind) => {
      const login = { ...attempt(`${kind}_new`), port: lenient.port };
      const fresh = { ...login, parameters: { options: "-c work_mem=1MB" } };
      expect(await refusal({ ...fresh, password: "wrong" })).toMatchObject({ C: "28P01" });
      await letIn(login);
      expect(await refusal({ ...login, password: "wrong" })).toMatchObject({ C: "28P01" });
      expect(await refusal({ ...login, password: "" })).toMatchObject({ C: "28P01" });
    },
  );

  it("writes no password to the log", () => {
    expect(pgpool.log() + lenient.log()).not.toMatch(/ secret|SCRAM-SHA-256\$/);
  });
});
