import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger as LoggerType } from "../../lib/log/log.ts";
import { Logger } from "../../lib/log/log.ts";
import {
  closeListeners,
  type Listener,
  type ListenPlan,
  openListeners,
} from "../../lib/net/listen.ts";
import { serveListener } from "../../lib/net/serve.ts";
import type { ByteStream } from "../../lib/net/stream.ts";
import { waitFor } from "../support/wait.ts";
import { freePort } from "../support/ports.ts";

/** A logger that keeps its lines. */
export function memoryLogger(): { logger: LoggerType; lines: string[] } {
  const lines: string[] = [];
  const sink = {
    write: (_record: unknown, text: () => string) => void lines.push(text().trimEnd()),
    flush: () => {},
    close: () => {},
  };
  return { logger: new Logger({ prefix: "", level: "debug5", sinks: [sink] }), lines };
}

/** A plan for listening that tests complete. */
export function plan(parts: Partial<ListenPlan>): ListenPlan {
  const names = { addresses: "listen_addresses", directories: "unix_socket_directories" };
  return { tcp: [], unix: [], backlog: 16, names, ...parts };
}

export interface TestServer extends Disposable {
  readonly port: number;
  readonly listeners: readonly Listener[];
}

/** Serves a port of the loopback until disposed of. */
export async function serve(onStream: (stream: ByteStream) => void): Promise<TestServer> {
  const port = await freePort();
  const listeners = await openListeners(
    plan({ tcp: [{ host: "127.0.0.1", port }] }),
    memoryLogger().logger,
  );
  const served = listeners.map(({ fd, kind }) => serveListener(fd, kind, onStream));
  return {
    port,
    listeners,
    [Symbol.dispose]() {
      served.forEach((listener) => listener.stop());
      // The runtime has closed the descriptors with its listeners.
      closeListeners(listeners.filter(({ kind }) => kind === "unix"));
    },
  };
}

/** Waits until something is there. */
export async function present<T>(get: () => T | undefined): Promise<T> {
  const value = await waitFor(get, { what: "the connection" });
  if (value === undefined) throw new Error("unreachable: waitFor gives nothing false");
  return value;
}

/** All data of a stream until it closes. */
export async function readAll(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.onData = (chunk) => void chunks.push(chunk);
  stream.onClose = () => resolve();
  await promise;
  return Buffer.concat(chunks);
}

export interface TestCertificates {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly encryptedKeyFile: string;
  readonly clientCert: string;
  readonly clientKey: string;
  readonly strangerCert: string;
  readonly strangerKey: string;
  readonly revokedCert: string;
  readonly revokedKey: string;
  readonly crlFile: string;
}

/** Passphrase of `encryptedKeyFile`. */
export const PASSPHRASE = "open sesame";

/** A CA, a server for `localhost`, clients that are trusted, unknown and revoked. */
export function makeCertificates(dir: string): TestCertificates {
  const at = (name: string) => join(dir, name);
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: dir, stdio: ["ignore", "pipe", "ignore"] });
  const selfSigned = (name: string, subject: string) =>
    openssl(
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject],
      ...["-keyout", at(`${name}.key`), "-out", at(`${name}.crt`)],
    );
  const signed = (name: string, subject: string, extension: string) => {
    openssl(
      ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", subject],
      ...["-keyout", at(`${name}.key`), "-out", at(`${name}.csr`)],
    );
    writeFileSync(at(`${name}.ext`), extension);
    openssl(
      ...["x509", "-req", "-in", at(`${name}.csr`), "-CA", at("ca.crt"), "-CAkey", at("ca.key")],
      ...["-CAcreateserial", "-days", "2", "-extfile", at(`${name}.ext`)],
      ...["-out", at(`${name}.crt`)],
    );
  };
  selfSigned("ca", "/CN=Test CA");
  selfSigned("stranger", "/CN=stranger");
  signed("server", "/CN=localhost", "subjectAltName=DNS:localhost");
  signed("client", "/CN=alice", "basicConstraints=CA:FALSE");
  signed("revoked", "/CN=mallory", "basicConstraints=CA:FALSE");
  openssl(
    ...["rsa", "-aes256", "-in", at("server.key"), "-out", at("server-encrypted.key")],
    ...["-passout", `pass:${PASSPHRASE}`],
  );
  revoke(dir, openssl);
  return {
    caFile: at("ca.crt"),
    certFile: at("server.crt"),
    keyFile: at("server.key"),
    encryptedKeyFile: at("server-encrypted.key"),
    clientCert: at("client.crt"),
    clientKey: at("client.key"),
    strangerCert: at("stranger.crt"),
    strangerKey: at("stranger.key"),
    revokedCert: at("revoked.crt"),
    revokedKey: at("revoked.key"),
    crlFile: at("ca.crl"),
  };
}

function revoke(dir: string, openssl: (...args: string[]) => unknown): void {
  const at = (name: string) => join(dir, name);
  writeFileSync(at("index"), "");
  writeFileSync(at("crlnumber"), "01\n");
  const config = `[ca]\ndefault_ca=c\n[c]\ndatabase=${at("index")}\ncrlnumber=${at("crlnumber")}
default_md=sha256\ndefault_crl_days=2\n`;
  writeFileSync(at("ca.cnf"), config);
  const ca = ["ca", "-config", at("ca.cnf"), "-cert", at("ca.crt"), "-keyfile", at("ca.key")];
  openssl(...ca, "-revoke", at("revoked.crt"));
  openssl(...ca, "-gencrl", "-out", at("ca.crl"));
}
