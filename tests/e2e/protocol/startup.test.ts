/** The first packets of a connection: versions, options, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { clientProgram } from "../../support/clients.ts";
import * as frontend from "../../support/frontend.ts";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { RawClient } from "../../support/raw-client.ts";
import { transcript } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { runProgram } from "../support/client-programs.ts";
import { letIn, logInBy } from "../support/logins.ts";
import { valueOf } from "../support/nodes.ts";

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
  pgpool = await startPgpool({ cluster });
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** What a server says to the first bytes, up to ReadyForQuery or the end of the connection. */
async function answerTo(port: number, ...parts: readonly Uint8Array[]): Promise<string[]> {
  using client = await RawClient.connect({ port });
  client.send(...parts);
  try {
    await client.readUntil("Z");
  } catch (error) {
    if (!client.closed) throw error;
  }
  return transcript(client.received);
}

const LOGIN = { user: SUPERUSER, database: "postgres" };

describe("protocol versions", () => {
  it.each([[0, 4], [2, 32]])("3.%d has cancel keys of %d bytes", async (minor, length) => {
    using client = await logInBy({ port: pgpool.port, minor });
    expect(client.received.some(({ type }) => type === "v")).toBe(false);
    expect(client.backendKey().key.length).toBe(length);
    expect(await valueOf(client, "SELECT 1")).toBe("1");
  });

  it.each([
    ["3.1", 1, {}],
    ["3.9999, which clients use to see whether it is refused", 9999, {}],
    ["3.0 with options of the protocol", 0, { "_pq_.thing": "1", "_pq_.other": "2" }],
    ["3.2 with options of the protocol", 2, { "_pq_.thing": "" }],
    ["3.9999 with options of the protocol", 9999, { "_pq_.test_protocol_negotiation": "" }],
  ])("%s is negotiated as the server does", async (_what, minor, options) => {
    const packet = frontend.startup({ ...LOGIN, ...options }, minor);
    const negotiated = (lines: string[]) => lines.filter((line) => line.startsWith("Negotiate"));
    const direct = await answerTo(cluster.primary.port, packet);
    const pooled = await answerTo(pgpool.port, packet);
    expect(negotiated(pooled)).toEqual(negotiated(direct));
    expect(pooled.at(-1)).toBe("ReadyForQuery(I)");
    const key = (lines: string[]) => lines.find((line) => line.startsWith("BackendKeyData"));
    expect(key(pooled)).toBe(key(direct));
  });

  it.each([[2, 0], [1, 0], [4, 0], [9999, 0]])("%d.%d is refused clearly", async (major, minor) => {
    const packet = frontend.startup(LOGIN, minor, major);
    const [line] = await answerTo(pgpool.port, packet);
    expect(line).toMatch(
      new RegExp(`FATAL.*C 0A000, M unsupported frontend protocol ${major}.${minor}: server`),
    );
  });

  it.skipIf(clientProgram("psql") === null)("psql gets 3.0 and 3.2 when it asks", async () => {
    for (const version of ["3.0", "3.2"]) {
      const uri = `host=127.0.0.1 port=${pgpool.port} max_protocol_version=${version}`;
      const { status, stdout, stderr } = await runProgram("psql", ["-XAtc", "SELECT 1", uri], {
        port: pgpool.port,
      });
      // A psql older than 18 does not know the option.
      if (stderr.includes("max_protocol_version")) continue;
      expect({ status, stdout }).toEqual({ status: 0, stdout: "1\n" });
    }
  });
});

describe("what may come before the startup packet", () => {
  it("GSSENCRequest is answered N, and the connection goes on", async () => {
    const answer = await answersTo([frontend.gssEncRequest, frontend.startup(LOGIN)]);
    expect(answer).toStartWith("NR\0\0\0\x08\0\0\0\0");
  });

  it("GSSENCRequest and SSLRequest may come in any order, once each", async () => {
    for (
      const requests of [
        [frontend.gssEncRequest, frontend.sslRequest],
        [frontend.sslRequest, frontend.gssEncRequest],
      ]
    ) {
      expect(await answersTo(requests)).toBe("NN");
    }
  });

  it("requests for ever are not answered for ever", async () => {
    const many = Array.from({ length: 50 }, () => frontend.sslRequest);
    const answer = await answersTo(many);
    expect(answer.replace(/^N+/, "")).toContain("FATAL");
  });

  it("data in the clear behind GSSENCRequest is refused", async () => {
    const bytes = Buffer.concat([frontend.gssEncRequest, frontend.startup(LOGIN)]);
    expect(await answersTo([bytes])).toContain(
      "received unencrypted data after GSSAPI encryption request",
    );
  });
});

describe("startup packets that are refused", () => {
  const zero = Buffer.from([0]);

  it.each([
    ["without a user", frontend.startup({ database: "postgres" })],
    ["with an empty user", frontend.startup({ user: "", database: "postgres" })],
  ])("%s, with the server's own words", async (_what, packet) => {
    const direct = await answerTo(cluster.primary.port, packet);
    const pooled = await answerTo(pgpool.port, packet);
    expect(field(pooled, "C")).toBe(field(direct, "C"));
    expect(field(pooled, "M")).toBe(field(direct, "M"));
  });

  it.each(["true", "on", "1", "yes", "database", "t"])(
    "replication=%s, clearly",
    async (replication) => {
      const [line] = await answerTo(pgpool.port, frontend.startup({ ...LOGIN, replication }));
      expect(line).toMatch(/FATAL.*C 0A000, M pgpool does not support replication connections/);
    },
  );

  it.each([
    ["without its last zero", frontend.packet(frontend.int32(196608), frontend.cstring("user"))],
    [
      "with bytes behind its end",
      frontend.packet(
        ...[frontend.int32(196608), frontend.cstring("user"), frontend.cstring("x"), zero, zero],
      ),
    ],
    [
      "with a name without a value",
      frontend.packet(
        ...[frontend.int32(196608), frontend.cstring("user"), zero],
      ),
    ],
    ["that is empty", frontend.packet(frontend.int32(196608))],
    ["of length 0", frontend.int32(0)],
    ["of length 7", Buffer.from([0, 0, 0, 7, 0, 3, 0])],
    ["of negative length", frontend.int32(-1)],
    ["of 10 kB", frontend.startup({ ...LOGIN, options: "x".repeat(10_000) })],
    ["that claims a gigabyte", Buffer.concat([frontend.int32(0x3fffffff), frontend.int32(196608)])],
    ["that is HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: pgpool\r\n\r\n")],
    ["that is SSH", Buffer.from("SSH-2.0-OpenSSH_9.6\r\n")],
    ["that is noise", Buffer.from("8f1e22a0f1cc01d7a99e4b00c1d2e3f4", "hex")],
    ["of a cancel with a key that is too long", frontend.cancelRequest(1, Buffer.alloc(257))],
    ["of a cancel without a key", frontend.cancelRequest(1, Buffer.alloc(0))],
  ])("one %s, and nobody else is hurt", async (_what, bytes) => {
    const lines = await answerTo(pgpool.port, bytes);
    expect(lines.filter((line) => !/^ErrorResponse\(S FATAL/.test(line))).toEqual([]);
    await letIn({ port: pgpool.port });
  });
});

describe("startup packets that are taken", () => {
  it("may come byte by byte", async () => {
    using client = await RawClient.connect({ port: pgpool.port });
    for (const byte of frontend.startup(LOGIN)) {
      client.send(Buffer.from([byte]));
      await Bun.sleep(0);
    }
    expect(transcript(await client.readUntil("Z")).at(-1)).toBe("ReadyForQuery(I)");
  });

  it("may come with the first query right behind", async () => {
    using client = await RawClient.connect({ port: pgpool.port });
    client.send(frontend.startup(LOGIN), frontend.query("SELECT 'early'"));
    await client.readUntil("Z");
    expect(transcript(await client.readUntil("Z"))).toContain("DataRow(early)");
  });

  it("use the user's name for the database when they name none", async () => {
    await cluster.query("CREATE ROLE namesake LOGIN SUPERUSER; ");
    await cluster.query("CREATE DATABASE namesake");
    using client = await RawClient.connect({ port: pgpool.port });
    client.send(frontend.startup({ user: "namesake" }));
    await client.readUntil("Z");
    expect(await valueOf(client, "SELECT current_database()")).toBe("namesake");
  });

  it("carry settings, of which wrong ones are refused as the server refuses", async () => {
    const parameters = {
      options: "-c work_mem=5MB -c statement_timeout=7777",
      DateStyle: "German",
      client_encoding: "LATIN1",
      application_name: "an application",
    };
    using client = await logInBy({ port: pgpool.port, parameters });
    expect(await valueOf(client, "SHOW work_mem")).toBe("5MB");
    expect(await valueOf(client, "SHOW statement_timeout")).toBe("7777ms");
    expect(await valueOf(client, "SHOW datestyle")).toStartWith("German");
    expect(await valueOf(client, "SHOW application_name")).toBe("an application");
    for (const wrong of [{ options: "-c nonsense=1" }, { work_mem: "much" }, { DateStyle: "x" }]) {
      const packet = frontend.startup({ ...LOGIN, ...wrong });
      const direct = await answerTo(cluster.primary.port, packet);
      const pooled = await answerTo(pgpool.port, packet);
      expect(field(pooled, "C")).toBe(field(direct, "C"));
      expect(field(pooled, "M")).toBe(field(direct, "M"));
    }
  });
});

function field(lines: readonly string[], letter: string): string | undefined {
  const error = lines.find((line) => line.startsWith("ErrorResponse"));
  return error?.match(new RegExp(`[(, ]${letter} (.*?)(?:, [A-Za-z] |\\)$)`))?.[1];
}

/** Sends packet after packet, waiting for an answer in between; gives all answers as text. */
async function answersTo(packets: readonly Uint8Array[]): Promise<string> {
  using client = await RawClient.connect({ port: pgpool.port });
  client.socket.removeAllListeners("data");
  let text = "";
  client.socket.on("data", (chunk: Buffer) => void (text += chunk.toString("latin1")));
  for (const packet of packets) {
    const before = text.length;
    client.send(packet);
    await waitFor(() => text.length > before || client.closed, { what: "an answer", everyMs: 1 });
    if (client.closed) break;
  }
  return text;
}
