/** TLS between clients and pgpool. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { connect as connectPlain } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import * as frontend from "../../support/frontend.ts";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { cancel, RawClient, TlsRefused } from "../../support/raw-client.ts";
import { transcript } from "../../support/transcript.ts";
import { waitFor, within } from "../../support/wait.ts";
import { letIn, logInBy } from "../support/logins.ts";
import { valueOf } from "../support/nodes.ts";
import { certificates, PASSPHRASE, TLS_SETTINGS, tlsFiles } from "./certificates.ts";

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
  pgpool = await startPgpool({ cluster, config: TLS_SETTINGS, files: tlsFiles() });
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** Sends raw bytes and gives all that comes back until the connection is closed. */
async function answerTo(bytes: Uint8Array, port = pgpool.port): Promise<string> {
  const socket = connectPlain({ port, host: "127.0.0.1" });
  const chunks: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => void chunks.push(chunk));
  socket.on("error", () => {});
  socket.on("close", () => resolve());
  socket.write(bytes);
  try {
    await within(promise, { what: "pgpool to close the connection" });
  } finally {
    socket.destroy();
  }
  return Buffer.concat(chunks).toString("latin1");
}

describe("a client that asks for TLS", () => {
  it.each(["request", "direct"] as const)(
    "gets it, with the configured certificate: %s",
    async (tls) => {
      using client = await logInBy({ port: pgpool.port, tls });
      expect(client.socket).toBeInstanceOf(TLSSocket);
      const socket = client.socket as TLSSocket;
      expect(socket.getProtocol()).toMatch(/^TLSv1\.[23]$/);
      expect(socket.getPeerCertificate().subject.CN).toBe("localhost");
      expect(await valueOf(client, "SELECT 'over TLS'")).toBe("over TLS");
    },
  );

  it.each(["request", "direct"] as const)("can move much data both ways: %s", async (tls) => {
    using client = await logInBy({ port: pgpool.port, tls });
    const rows = await client.query("SELECT repeat('x', 1000) FROM generate_series(1, 20000)");
    expect(rows).toHaveLength(20_003);
    const text = "y".repeat(8_000_000);
    expect(await valueOf(client, `SELECT length('${text}')`)).toBe("8000000");
  });

  it("gets it after a GSSENCRequest was refused", async () => {
    const socket = connectPlain({ port: pgpool.port, host: "127.0.0.1" });
    socket.write(frontend.gssEncRequest);
    expect(await oneByte(socket)).toBe("N");
    socket.write(frontend.sslRequest);
    expect(await oneByte(socket)).toBe("S");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const secure = connectTls({ socket, rejectUnauthorized: false }, () => resolve());
    secure.on("error", reject);
    await within(promise, { what: "the handshake" });
    secure.destroy();
  });

  it("can verify the certificate and the name", async () => {
    const ca = tlsFiles()["ca.crt"] ?? "";
    const tlsOptions = { ca, rejectUnauthorized: true, servername: "localhost" };
    await letIn({ port: pgpool.port, tls: "request", tlsOptions });
    const wrong = { ...tlsOptions, servername: "elsewhere" };
    await expect(letIn({ port: pgpool.port, tls: "request", tlsOptions: wrong })).rejects.toThrow();
  });

  it("may cancel over TLS, and only what its key is for", async () => {
    using client = await logInBy({ port: pgpool.port, tls: "request" });
    using other = await logInBy({ port: pgpool.port, tls: "direct" });
    client.send(frontend.query("SELECT pg_sleep(60)"));
    other.send(frontend.query("SELECT pg_sleep(1)"));
    await waitFor(async () => {
      const [row] = await cluster.query(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'",
      );
      return row?.["n"] === 2;
    }, { what: "both queries to run" });
    await cancel({ port: pgpool.port, tls: "request" }, client.backendKey());
    expect(transcript(await client.readUntil("Z")).join()).toContain("C 57014");
    expect(transcript(await other.readUntil("Z")).join()).not.toContain("Error");
  });

  it("is refused TLS on a Unix socket", async () => {
    const path = pgpool.socketPath;
    await expect(RawClient.connect({ path, tls: "request" })).rejects.toThrow(TlsRefused);
    await letIn({ path });
  });
});

describe("a client that does not keep to the rules of TLS", () => {
  it("is refused when it sends plain text right behind SSLRequest", async () => {
    const bytes = Buffer.concat([frontend.sslRequest, frontend.startup({ user: SUPERUSER })]);
    const answer = await answerTo(bytes);
    expect(answer.slice(0, 1)).toBe("E");
    expect(answer).toContain("received unencrypted data after SSL request");
  });

  it("is refused when it answers S with plain text", async () => {
    const socket = connectPlain({ port: pgpool.port, host: "127.0.0.1" });
    socket.write(frontend.sslRequest);
    expect(await oneByte(socket)).toBe("S");
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on("close", () => resolve());
    socket.on("error", () => {});
    socket.resume();
    socket.write(frontend.startup({ user: SUPERUSER, database: "postgres" }));
    await within(promise, { what: "pgpool to close the connection" });
    await letIn({ port: pgpool.port });
  });

  it("is refused when it hangs up in the middle of a handshake", async () => {
    const pids = pgpool.pids();
    for (const bytes of [Buffer.from([0x16]), Buffer.from([0x16, 3, 1, 0, 200, 1, 0, 0, 196])]) {
      const socket = connectPlain({ port: pgpool.port, host: "127.0.0.1" });
      const { promise, resolve } = Promise.withResolvers<void>();
      socket.on("close", () => resolve());
      socket.write(bytes, () => socket.destroy());
      await within(promise, { what: "the connection to end" });
    }
    await letIn({ port: pgpool.port, tls: "direct" });
    expect(pgpool.pids()).toEqual(pids);
  });

  it.each([["without ALPN", undefined], ["with another protocol", ["http/1.1"]]])(
    "is refused direct TLS %s",
    async (_what, protocols) => {
      const tlsOptions = { ALPNProtocols: protocols };
      await expect(letIn({ port: pgpool.port, tls: "direct", tlsOptions })).rejects.toThrow();
      await letIn({ port: pgpool.port, tls: "direct" });
    },
  );

  it("may not ask for TLS twice", async () => {
    using client = await RawClient.connect({ port: pgpool.port, tls: "request" });
    client.send(frontend.sslRequest);
    const { promise, resolve } = Promise.withResolvers<void>();
    client.socket.once("data", () => resolve());
    client.socket.once("close", () => resolve());
    await within(promise, { what: "an answer" });
    expect(client.received.filter(({ type }) => type === "R")).toEqual([]);
  });
});

describe("what is configured", () => {
  it("clients are told N when ssl is off, and may go on in plain text", async () => {
    await using plain = await startPgpool({ cluster });
    const socket = connectPlain({ port: plain.port, host: "127.0.0.1" });
    socket.write(frontend.sslRequest);
    expect(await oneByte(socket)).toBe("N");
    const { promise, resolve } = Promise.withResolvers<string>();
    socket.once("data", (chunk: Buffer) => resolve(chunk.toString("latin1")));
    socket.write(frontend.startup({ user: SUPERUSER, database: "postgres" }));
    expect(await within(promise, { what: "AuthenticationOk" })).toStartWith("R\0\0\0\x08");
    socket.destroy();
    await expect(letIn({ port: plain.port, tls: "direct" })).rejects.toThrow();
    await letIn({ port: plain.port });
  });

  it("a key with a passphrase is opened by the command", async () => {
    await using opened = await startPgpool({
      cluster,
      files: tlsFiles(),
      config: {
        ...TLS_SETTINGS,
        ssl_key: "encrypted.key",
        ssl_passphrase_command: `echo "${PASSPHRASE}"`,
      },
    });
    await letIn({ port: opened.port, tls: "request" });
    expect(opened.log()).not.toContain(PASSPHRASE);
  });

  it.each([
    ["the command gives a wrong passphrase", { ssl_passphrase_command: "echo wrong" }],
    ["there is no command", {}],
    ["there is no certificate", { ssl_key: "server.key", ssl_cert: "nothing.crt" }],
  ])("pgpool starts without TLS and warns when %s", async (_when, more) => {
    await using closed = await startPgpool({
      cluster,
      files: tlsFiles(),
      config: { ...TLS_SETTINGS, ssl_key: "encrypted.key", ...more },
    });
    await closed.waitForLog(/WARNING.*(passphrase|private key|nothing\.crt)/i);
    await expect(letIn({ port: closed.port, tls: "request" })).rejects.toThrow(TlsRefused);
    await letIn({ port: closed.port });
  });

  it("a new certificate is used after a reload, and sessions go on", async () => {
    await using reloaded = await startPgpool({ cluster, config: TLS_SETTINGS, files: tlsFiles() });
    using client = await logInBy({ port: reloaded.port, tls: "request" });
    const { strangerCert, strangerKey } = certificates();
    reloaded.write("server.crt", await Bun.file(strangerCert).text());
    reloaded.write("server.key", await Bun.file(strangerKey).text());
    reloaded.reload();
    await waitFor(async () => await certificateName(reloaded.port) === "stranger", {
      what: "the new certificate",
    });
    expect(await valueOf(client, "SELECT 'still here'")).toBe("still here");
  });

  it("the old certificate stays in use when the new one is broken", async () => {
    await using reloaded = await startPgpool({ cluster, config: TLS_SETTINGS, files: tlsFiles() });
    await reloaded.waitForLog(/successfully started/);
    reloaded.write("server.crt", "nonsense");
    reloaded.reload();
    await reloaded.waitForLog(/WARNING.*server\.crt/);
    expect(await certificateName(reloaded.port)).toBe("localhost");
  });
});

async function certificateName(port: number): Promise<string> {
  using client = await RawClient.connect({ port, tls: "request" });
  if (!(client.socket instanceof TLSSocket)) throw new Error("not TLS");
  return String(client.socket.getPeerCertificate().subject.CN);
}

async function oneByte(socket: ReturnType<typeof connectPlain>): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once("data", (chunk: Buffer) => resolve(chunk.toString("latin1")));
  socket.once("close", () => resolve("closed"));
  return await within(promise, { what: "a byte" });
}
