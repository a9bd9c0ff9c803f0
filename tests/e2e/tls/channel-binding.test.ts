/** SCRAM-SHA-256-PLUS: a client's login is bound to the TLS connection that it is made on. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createHash } from "node:crypto";
import { TLSSocket } from "node:tls";
import { clientProgram } from "../../support/clients.ts";
import * as frontend from "../../support/frontend.ts";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { RawClient } from "../../support/raw-client.ts";
import { type ChannelBinding, ScramExchange } from "../../support/scram.ts";
import { transcript } from "../../support/transcript.ts";
import { runProgram } from "../support/client-programs.ts";
import { TLS_SETTINGS, tlsFiles } from "./certificates.ts";

const PLUS = "SCRAM-SHA-256-PLUS";
const USER = "alice";

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
  await cluster.query(`CREATE ROLE ${USER} LOGIN PASSWORD 'the password'`);
  await cluster.primary.writeHba(
    `host all ${USER} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n`,
  );
  const [row] = await cluster.query(`SELECT rolpassword FROM pg_authid WHERE rolname = '${USER}'`);
  pgpool = await startPgpool({
    cluster,
    config: TLS_SETTINGS,
    files: tlsFiles(),
    hba: "host all all 127.0.0.1/32 scram-sha-256\n",
    passwd: `${USER}:${row?.["rolpassword"]}\n`,
  });
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

function certificateHash(client: RawClient): Buffer {
  if (!(client.socket instanceof TLSSocket)) throw new Error("not TLS");
  return createHash("sha256").update(client.socket.getPeerCertificate().raw).digest();
}

/** Everything that comes of a login, one line a message. */
async function logInBound(
  client: RawClient,
  mechanism: string,
  binding: ChannelBinding,
  password = "the password",
): Promise<string[]> {
  client.send(frontend.startup({ user: USER, database: "postgres" }));
  await client.readUntil("RE");
  const scram = new ScramExchange(password, undefined, binding);
  client.send(frontend.saslInitialResponse(mechanism, scram.first));
  const [first] = await client.readUntil("RE");
  if (first?.type === "R") {
    client.send(frontend.saslResponse(scram.final(first.body.toString("utf8", 4))));
    const [final] = await client.readUntil("RE");
    if (final?.type === "R") {
      expect(scram.verify(final.body.toString("utf8", 4))).toBe(true);
      await client.readUntil("Z");
    }
  }
  return transcript(client.received);
}

describe.each(["request", "direct"] as const)("over TLS (%s)", (tls) => {
  it("channel binding is offered first, and works towards the servers as well", async () => {
    using client = await RawClient.connect({ port: pgpool.port, tls });
    const data = certificateHash(client);
    const lines = await logInBound(client, PLUS, { flag: "p=tls-server-end-point", data });
    expect(lines[0]).toBe(`Authentication(SASL ${PLUS} SCRAM-SHA-256)`);
    expect(lines.at(-1)).toBe("ReadyForQuery(I)");
  });

  it("clients without channel binding are let in, as by PostgreSQL", async () => {
    using client = await RawClient.connect({ port: pgpool.port, tls });
    const lines = await logInBound(client, "SCRAM-SHA-256", { flag: "n" });
    expect(lines.at(-1)).toBe("ReadyForQuery(I)");
  });

  it("a login that is bound to another connection is refused", async () => {
    using client = await RawClient.connect({ port: pgpool.port, tls });
    const data = createHash("sha256").update("somebody in between").digest();
    const lines = await logInBound(client, PLUS, { flag: "p=tls-server-end-point", data });
    expect(lines.at(-1)).toContain("FATAL");
  });

  it("a client is refused that was kept from seeing the offer", async () => {
    using client = await RawClient.connect({ port: pgpool.port, tls });
    const lines = await logInBound(client, "SCRAM-SHA-256", { flag: "y" });
    expect(lines.at(-1)).toMatch(/FATAL.*C 28000/);
  });

  it("a wrong password is refused", async () => {
    using client = await RawClient.connect({ port: pgpool.port, tls });
    const binding = { flag: "p=tls-server-end-point", data: certificateHash(client) };
    const lines = await logInBound(client, PLUS, binding, "wrong");
    expect(lines.at(-1)).toMatch(/FATAL.*C 28P01/);
  });
});

describe("without TLS", () => {
  it("channel binding is not offered, and not accepted", async () => {
    using client = await RawClient.connect({ port: pgpool.port });
    const lines = await logInBound(client, PLUS, { flag: "p=tls-server-end-point" });
    expect(lines[0]).toBe("Authentication(SASL SCRAM-SHA-256)");
    expect(lines.at(-1)).toContain("FATAL");
  });
});

it.skipIf(clientProgram("psql") === null)("psql can insist on channel binding", async () => {
  const uri = `postgresql://${USER}:the%20password@127.0.0.1:${pgpool.port}/postgres`;
  const run = async (options: string) =>
    await runProgram("psql", ["-X", "-A", "-t", "-c", "SELECT 1", `${uri}?${options}`], {
      port: pgpool.port,
    });
  const bound = await run("sslmode=require&channel_binding=require");
  expect(bound).toMatchObject({ status: 0, stdout: "1\n" });
  expect((await run("sslmode=disable&channel_binding=require")).status).toBe(2);
});
