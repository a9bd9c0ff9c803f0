import { beforeAll, describe, expect, it } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { connectServer, upgradeServerTls } from "../../lib/net/connect.ts";
import { TlsFileError, TlsHandshakeError } from "../../lib/net/errors.ts";
import type { ByteStream } from "../../lib/net/stream.ts";
import {
  acceptDirectTls,
  acceptTls,
  loadClientTls,
  loadServerTls,
  type ServerTls,
  type TlsFiles,
} from "../../lib/net/tls.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor, within } from "../support/wait.ts";
import {
  makeCertificates,
  PASSPHRASE,
  present,
  readAll,
  serve,
  type TestCertificates,
} from "./support.ts";

const MEGABYTE = 1024 * 1024;
const HELLO = Buffer.from("ssl?");

let dir: string;
let files: TestCertificates;

beforeAll(() => {
  dir = tempDir();
  files = makeCertificates(dir);
});

/** A server that answers `ssl?` with S and goes on in TLS, or takes TLS at once. */
async function serveTls(
  tls: ServerTls,
  onSecured: (stream: ByteStream) => void,
  failed = () => {},
) {
  return await serve((stream) => {
    stream.onData = (chunk) => {
      stream.onData = () => {};
      const direct = chunk[0] === 0x16;
      if (!direct) stream.write(Buffer.from("S"));
      const secured = direct
        ? acceptDirectTls(stream, chunk, tls, 5000)
        : acceptTls(stream, tls, 5000);
      secured.then(onSecured, failed);
    };
  });
}

const echo = (stream: ByteStream) => {
  stream.onData = (chunk) => stream.write(chunk);
};

/** A client of the TLS library, after SSLRequest and its answer. */
async function tlsClient(port: number, options: object = {}): Promise<TLSSocket> {
  const socket: Socket = connectTcp(port, "127.0.0.1");
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  socket.on("error", reject);
  socket.write(HELLO);
  socket.once("data", () => {
    const tls = connectTls({ socket, rejectUnauthorized: false, ...options }, () => resolve(tls));
    tls.on("error", reject);
    tls.on("close", () => reject(new Error("closed")));
  });
  return await within(promise, { what: "the TLS handshake" });
}

async function echoed(client: TLSSocket, text: string): Promise<string> {
  let got = "";
  client.on("data", (chunk) => got += chunk);
  client.write(text);
  await waitFor(() => got.length >= text.length, { what: "the echo" });
  return got;
}

const serverFiles = (more: TlsFiles = {}) => ({
  certFile: files.certFile,
  keyFile: files.keyFile,
  ...more,
});

describe("TLS towards clients", () => {
  it("starts after SSLRequest and tells version, cipher and protocol", async () => {
    const streams: ByteStream[] = [];
    using server = await serveTls(await loadServerTls(serverFiles()), (stream) => {
      streams.push(stream);
      echo(stream);
    });
    const client = await tlsClient(server.port, { ALPNProtocols: ["postgresql"] });
    expect(await echoed(client, "over TLS")).toBe("over TLS");
    expect(streams[0]?.tls).toMatchObject({ version: "TLSv1.3", alpn: "postgresql" });
    expect(streams[0]?.tls?.cipher).not.toBe("");
    expect(streams[0]?.tls?.peerCertificate).toBeUndefined();
    expect(streams[0]?.remoteHost).toBe("127.0.0.1");
    client.destroy();
    await waitFor(() => streams[0]?.closed, { what: "the server to notice" });
  });

  it("starts at once for clients that begin with it, if they name the protocol", async () => {
    const streams: ByteStream[] = [];
    let failures = 0;
    using server = await serveTls(
      await loadServerTls(serverFiles({ caFile: files.caFile })),
      (stream) => {
        streams.push(stream);
        echo(stream);
      },
      () => void failures++,
    );
    const options = {
      port: server.port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      cert: readFileSync(files.clientCert),
      key: readFileSync(files.clientKey),
    };
    const client = connectTls({ ...options, ALPNProtocols: ["postgresql"] });
    const text = "x".repeat(3 * MEGABYTE);
    expect(await echoed(client, text) === text).toBe(true);
    expect(streams[0]?.tls).toMatchObject({ alpn: "postgresql", commonName: "alice" });
    client.end();
    await waitFor(() => streams[0]?.closed, { what: "the server to notice" });
    const nameless = connectTls(options);
    nameless.on("error", () => {});
    await waitFor(() => failures === 1, { what: "the refusal" });
    nameless.destroy();
  });

  it("shows the certificate of a client that a CA vouches for, and of no other", async () => {
    const streams: ByteStream[] = [];
    const tls = await loadServerTls(
      serverFiles({ caFile: files.caFile, crlFile: files.crlFile }),
    );
    using server = await serveTls(tls, (stream) => void streams.push(stream));
    const as = (cert: string, key: string) =>
      tlsClient(server.port, { cert: readFileSync(cert), key: readFileSync(key) });
    const clients = [
      await as(files.clientCert, files.clientKey),
      await as(files.strangerCert, files.strangerKey),
      await as(files.revokedCert, files.revokedKey),
      await tlsClient(server.port),
    ];
    await waitFor(() => streams.length === 4, { what: "four clients" });
    expect(streams.map((stream) => stream.tls?.commonName)).toEqual([
      "alice",
      undefined,
      undefined,
      undefined,
    ]);
    expect(streams.map((stream) => stream.tls?.peerCertificate !== undefined)).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(streams[1]?.tls?.distrust).toBeDefined();
    expect(streams[2]?.tls?.distrust).toContain("REVOKED");
    expect(streams[3]?.tls?.distrust).toBeUndefined();
    clients.forEach((client) => client.destroy());
  });

  it("reads keys with a passphrase from a command", async () => {
    const encrypted = serverFiles({ keyFile: files.encryptedKeyFile });
    await expectFileError(loadServerTls(encrypted), files.encryptedKeyFile, "passphrase");
    const command = `test -n "%p" && echo '${PASSPHRASE}'`;
    using server = await serveTls(
      await loadServerTls({ ...encrypted, passphraseCommand: command }),
      echo,
    );
    const client = await tlsClient(server.port);
    expect(await echoed(client, "secret")).toBe("secret");
    client.destroy();
    const direct = connectTls({
      port: server.port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      ALPNProtocols: ["postgresql"],
    });
    expect(await echoed(direct, "again")).toBe("again");
    direct.destroy();
    const wrong = { ...encrypted, passphraseCommand: "echo wrong" };
    await expectFileError(loadServerTls(wrong), files.encryptedKeyFile, "passphrase is wrong");
    const failing = { ...encrypted, passphraseCommand: "exit 3" };
    await expectFileError(loadServerTls(failing), files.encryptedKeyFile, "exit status 3");
  });

  it("names the file that can not be used", async () => {
    const missing = join(dir, "missing.crt");
    const junk = join(dir, "junk.pem");
    writeFileSync(junk, "no certificate");
    await expectFileError(loadServerTls(serverFiles({ certFile: missing })), missing, missing);
    await expectFileError(loadServerTls(serverFiles({ certFile: junk })), junk, junk);
    await expectFileError(
      loadServerTls(serverFiles({ keyFile: files.strangerKey })),
      files.strangerKey,
      "does not fit",
    );
    await expectFileError(loadServerTls(serverFiles({ ciphers: "nonsense" })), "", "ssl_ciphers");
    await expectFileError(loadServerTls(serverFiles({ crlFile: junk })), junk, junk);
  });

  it("minds no client that begins with TLS and leaves as soon as it has it", async () => {
    const tls = await loadServerTls(serverFiles());
    const ends: unknown[] = [];
    using server = await serve((stream) => {
      stream.onData = (chunk) => {
        stream.onData = () => {};
        acceptDirectTls(stream, chunk, tls, 5000).then(() => ends.push("accepted"), (error) => {
          ends.push(error instanceof TlsHandshakeError ? error.reason : error);
        });
      };
    });
    for (let count = 1; count <= 3; count++) {
      // Its standard input is at its end, and so is its connection.
      const address = `127.0.0.1:${server.port}`;
      const client = Bun.spawn(
        ["openssl", "s_client", "-alpn", "postgresql", "-connect", address],
        { stdio: ["ignore", "ignore", "ignore"] },
      );
      await waitFor(() => ends.length === count, { what: "the end of the handshake" });
      client.kill();
    }
    expect(ends.filter((end) => end !== "accepted" && end !== "closed")).toEqual([]);
  });

  it("gives up on a client that does not shake hands", async () => {
    const tls = await loadServerTls(serverFiles());
    const errors: unknown[] = [];
    using server = await serve((stream) => {
      stream.onData = () => {
        stream.write(Buffer.from("S"));
        acceptTls(stream, tls, 100).catch((error) => errors.push(error));
      };
    });
    const silent = connectTcp(server.port, "127.0.0.1");
    silent.on("error", () => {});
    silent.write(HELLO);
    await waitFor(() => errors.length === 1, { what: "the deadline" });
    expect(errors[0]).toBeInstanceOf(TlsHandshakeError);
    const liar = connectTcp(server.port, "127.0.0.1");
    liar.on("error", () => {});
    liar.write(HELLO);
    liar.once("data", () => liar.write("this is not TLS at all"));
    await waitFor(() => errors.length === 2, { what: "the failed handshake" });
    silent.destroy();
    liar.destroy();
  });

  it("lets a client that does not read wait, without losing a byte", async () => {
    let stream: ByteStream | undefined;
    using server = await serveTls(
      await loadServerTls(serverFiles()),
      (accepted) => void (stream = accepted),
    );
    const client = await tlsClient(server.port);
    client.pause();
    const served = await present(() => stream);
    let drains = 0;
    served.onDrain = () => void drains++;
    let written = 0;
    while (served.buffered < MEGABYTE) {
      const size = 1 + (written * 7919) % 40_000;
      served.write(new Uint8Array(size).fill(written % 251));
      served.flush();
      written += size;
    }
    let read = 0;
    client.on("data", (chunk) => read += chunk.length);
    client.resume();
    await waitFor(() => read === written, { what: "all bytes" });
    await waitFor(() => drains === 1, { what: "the drain" });
    client.destroy();
  });
});

describe("TLS towards servers", () => {
  async function upgraded(port: number, clientFiles: TlsFiles, verifyHostName?: string) {
    const stream = await connectServer({ host: "127.0.0.1", port, timeoutMs: 5000 });
    const answered = Promise.withResolvers<void>();
    stream.onData = () => answered.resolve();
    stream.write(HELLO);
    await within(answered.promise, { what: "the answer to SSLRequest" });
    const tls = await loadClientTls(clientFiles);
    return await upgradeServerTls(stream, { tls, verifyHostName, timeoutMs: 5000 });
  }

  it("checks the server's certificate and name when asked to", async () => {
    const tls = await loadServerTls(serverFiles());
    using server = await serveTls(tls, (stream) => {
      stream.write(Buffer.from("welcome"));
      stream.end();
    });
    const trusting = await upgraded(server.port, {});
    expect(trusting.tls?.peerCertificate).toEqual(Buffer.from(tls.certificate));
    expect((await readAll(trusting)).toString()).toBe("welcome");
    const checked = await upgraded(server.port, { caFile: files.caFile }, "localhost");
    expect(checked.tls?.distrust).toBeUndefined();
    expect((await readAll(checked)).toString()).toBe("welcome");
    const anyName = await upgraded(server.port, { caFile: files.caFile });
    expect((await readAll(anyName)).toString()).toBe("welcome");
    const wrongHost = upgraded(server.port, { caFile: files.caFile }, "db.example");
    expect(await reason(wrongHost)).toBe("wrong-host");
    const wrongCa = upgraded(server.port, { caFile: files.strangerCert });
    expect(await reason(wrongCa)).toBe("untrusted");
  });

  it("presents our own certificate", async () => {
    const tls = await loadServerTls(serverFiles({ caFile: files.caFile }));
    using server = await serveTls(tls, (stream) => {
      stream.write(Buffer.from(stream.tls?.commonName ?? "nobody"));
      stream.end();
    });
    const own = { certFile: files.clientCert, keyFile: files.clientKey };
    expect((await readAll(await upgraded(server.port, own))).toString()).toBe("alice");
  });
});

async function expectFileError(attempt: Promise<unknown>, file: string, text: string) {
  const error = await attempt.then(() => undefined, (thrown) => thrown);
  expect(error).toBeInstanceOf(TlsFileError);
  expect(error.file).toBe(file);
  expect(error.message).toContain(text);
}

async function reason(attempt: Promise<ByteStream>): Promise<string> {
  const error = await attempt.then(() => undefined, (thrown) => thrown);
  return error instanceof TlsHandshakeError ? error.reason : String(error);
}
