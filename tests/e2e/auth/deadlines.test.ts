/** Clients that do not finish their login hold up nobody, and are not kept for ever. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { connect, type Socket } from "node:net";
import * as frontend from "../../support/frontend.ts";
import type { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { RawClient } from "../../support/raw-client.ts";
import { transcript } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { letIn } from "../support/logins.ts";
import { valueOf } from "../support/nodes.ts";
import { secretOf, startAskingServers } from "./servers.ts";

const SLOTS = 4;

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  cluster = await startAskingServers(["scram_user", "password_user"]);
  pgpool = await startPgpool({
    cluster,
    config: { authentication_timeout: 2, num_init_children: SLOTS },
    passwd: `scram_user:${secretOf("scram_user")}\n`,
  });
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

const TIMEOUT = /FATAL.*C 57014, M authentication timeout/;

/** Every slot can be had, so none was lost. */
async function expectAllSlots(): Promise<void> {
  const clients: RawClient[] = [];
  try {
    for (let i = 0; i < SLOTS; i++) {
      const login = { port: pgpool.port, user: SUPERUSER, database: "postgres" };
      clients.push(await RawClient.login(login));
    }
  } finally {
    for (const client of clients) client.close();
  }
}

describe("authentication_timeout", () => {
  it("ends a connection that says nothing", async () => {
    using client = await RawClient.connect({ port: pgpool.port });
    expect(transcript(await client.readToEnd(8000)).join()).toMatch(TIMEOUT);
  });

  it("ends a connection that sends half a startup packet", async () => {
    using client = await RawClient.connect({ port: pgpool.port });
    client.send(frontend.startup({ user: SUPERUSER }).subarray(0, 10));
    expect(transcript(await client.readToEnd(8000)).join()).toMatch(TIMEOUT);
  });

  it.each(["password_user", "scram_user"])(
    "ends a client that does not answer the request for its password: %s",
    async (user) => {
      using client = await RawClient.connect({ port: pgpool.port });
      client.send(frontend.startup({ user, database: "postgres" }));
      const messages = transcript(await client.readToEnd(8000));
      expect(messages[0]).toContain("Authentication(");
      expect(messages.at(-1)).toMatch(TIMEOUT);
    },
  );

  it("ends a client that stops after the SCRAM challenge", async () => {
    using client = await RawClient.connect({ port: pgpool.port });
    client.send(frontend.startup({ user: "scram_user", database: "postgres" }));
    await client.read();
    client.send(frontend.saslInitialResponse("SCRAM-SHA-256", "n,,n=,r=abcdefghijklmnop"));
    const messages = transcript(await client.readToEnd(8000));
    expect(messages[0]).toContain("Authentication(SASLContinue");
    expect(messages.at(-1)).toMatch(TIMEOUT);
  });

  it("counts the whole login: a client that dribbles its bytes gains no time", async () => {
    using client = await RawClient.connect({ port: pgpool.port });
    const started = Date.now();
    const bytes = frontend.startup({ user: SUPERUSER, database: "postgres" });
    const timer = setInterval(() => client.send(bytes.subarray(sent, ++sent)), 300);
    let sent = 0;
    try {
      expect(transcript(await client.readToEnd(8000)).join()).toMatch(TIMEOUT);
    } finally {
      clearInterval(timer);
    }
    expect(Date.now() - started).toBeLessThan(5000);
  });

  it("is no limit for a session that has begun, and leaves all slots free", async () => {
    using client = await RawClient.login({ port: pgpool.port, user: SUPERUSER });
    expect(await valueOf(client, "SELECT pg_sleep(2.5)::text")).toBe("");
    client.close();
    await expectAllSlots();
  });
});

describe("clients that leave during their login", () => {
  it.each([
    ["at once", []],
    ["after half a packet", [frontend.startup({ user: SUPERUSER }).subarray(0, 6)]],
    ["after the startup packet", [frontend.startup({ user: SUPERUSER })]],
    ["when pgpool asks for a password", [frontend.startup({ user: "scram_user" })]],
    ["when the server asks for one", [frontend.startup({ user: "password_user" })]],
  ])("take no slot and no server connection along: %s", async (_when, parts) => {
    const before = await backends();
    await Promise.all(Array.from({ length: 3 * SLOTS }, () => hangUp(parts)));
    await expectAllSlots();
    await waitFor(async () => await backends() <= before + SLOTS, { what: "backends to end" });
  });

  it("do not hold up others that log in at the same time", async () => {
    const idle = await Promise.all(
      Array.from({ length: 50 }, () => RawClient.connect({ port: pgpool.port })),
    );
    try {
      await letIn({ port: pgpool.port });
    } finally {
      for (const client of idle) client.close();
    }
  });
});

it("nobody blames a server for what clients do", async () => {
  using client = await RawClient.login({ port: pgpool.port, user: SUPERUSER });
  const nodes = (await client.query("SHOW pool_nodes")).filter((line) => line.includes("DataRow"));
  expect(nodes).toHaveLength(2);
  for (const node of nodes) expect(node).toMatch(/, (up|waiting), /);
  expect(pgpool.log()).not.toMatch(/failed to connect|failover|degenerate/i);
});

async function backends(): Promise<number> {
  const [row] = await cluster.query(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE backend_type = 'client backend'",
  );
  return Number(row?.["n"]);
}

/** Connects, sends and drops the connection as soon as the bytes have left. */
async function hangUp(parts: readonly Uint8Array[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket: Socket = connect({ port: pgpool.port, host: "127.0.0.1" }, () => {
    socket.write(Buffer.concat(parts), () => socket.destroy());
  });
  socket.on("error", () => {});
  socket.once("close", () => resolve());
  await promise;
}
