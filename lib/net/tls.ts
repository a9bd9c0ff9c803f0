import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { DuplexTlsStream } from "./duplex-stream.ts";
import { TlsFileError, TlsHandshakeError } from "./errors.ts";
import { SocketStream, type TlsSocketOptions } from "./socket-stream.ts";
import type { ByteStream } from "./stream.ts";
import { passphraseFrom } from "./passphrase.ts";

/** ALPN name of PostgreSQL's protocol (PostgreSQL documentation, 54.2.11). */
const ALPN_PROTOCOL = "postgresql";

/** Wire form of the list of ALPN protocols: each with its length in front (RFC 7301). */
const ALPN_LIST = Buffer.from(`${String.fromCharCode(ALPN_PROTOCOL.length)}${ALPN_PROTOCOL}`);

/** SSL_OP_CIPHER_SERVER_PREFERENCE */
const SERVER_PREFERENCE = 0x00400000;

/** Files and settings as the configuration names them; all paths absolute, empty for none. */
export interface TlsFiles {
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  readonly caDir?: string;
  readonly crlFile?: string;
  readonly ciphers?: string;
  readonly preferServerCiphers?: boolean;
  readonly ecdhCurve?: string;
  /** Prints the passphrase of the key; `%p` in it is replaced by a prompt. */
  readonly passphraseCommand?: string;
}

/** Everything for TLS towards clients, read and checked. */
export interface ServerTls {
  readonly options: TlsSocketOptions;
  /** The own certificate in DER form, for channel binding. */
  readonly certificate: Uint8Array;
  /** Clients are asked for certificates because there is a CA to check them with. */
  readonly asksForCertificate: boolean;
}

/** Everything for TLS towards servers, read and checked. */
export interface ClientTls {
  readonly options: TlsSocketOptions;
  /** The server's certificate has to be signed by a known CA. */
  readonly verify: boolean;
}

/**
 * Reads what TLS towards clients needs.
 *
 * @throws {TlsFileError} names the file that is missing, unreadable or does not fit.
 */
export async function loadServerTls(files: TlsFiles): Promise<ServerTls> {
  const certFile = files.certFile ?? "";
  const cert = readPem(certFile, "SSL certificate");
  const authorities = readAuthorities(files);
  const options: TlsSocketOptions = {
    ...await keyOptions(files, cert),
    ...peerOptions(files, authorities),
    ...(files.ciphers ? { ciphers: files.ciphers } : {}),
    ...(files.ecdhCurve ? { ecdhCurve: files.ecdhCurve } : {}),
    ...(files.preferServerCiphers ? { secureOptions: SERVER_PREFERENCE } : {}),
    requestCert: authorities.length > 0,
    // A certificate that does not verify counts as none; what is required is the caller's matter.
    rejectUnauthorized: false,
    ALPNProtocols: ALPN_LIST,
  };
  check(options, files);
  return {
    options,
    certificate: firstCertificate(cert, certFile),
    asksForCertificate: authorities.length > 0,
  };
}

/**
 * Reads what TLS towards servers needs: the CA to check them with and, where servers ask for one,
 * a certificate of our own.
 *
 * @throws {TlsFileError}
 */
export async function loadClientTls(files: TlsFiles): Promise<ClientTls> {
  const authorities = readAuthorities(files);
  const hasCertificate = files.certFile && existsSync(files.certFile) && files.keyFile &&
    existsSync(files.keyFile);
  const options: TlsSocketOptions = {
    ...(hasCertificate ? await keyOptions(files, readPem(files.certFile ?? "", "")) : {}),
    ...peerOptions(files, authorities),
    ...(files.ciphers ? { ciphers: files.ciphers } : {}),
    rejectUnauthorized: false,
    ALPNProtocols: ALPN_LIST,
  };
  check(options, files);
  return { options, verify: authorities.length > 0 };
}

/**
 * Starts TLS with a client that was answered `S` to its SSLRequest. Nothing may have been read
 * beyond that request: bytes sent in the clear must never count as sent over TLS.
 *
 * @throws {TlsHandshakeError} the connection is closed then.
 */
export async function acceptTls(
  stream: ByteStream,
  tls: ServerTls,
  timeoutMs: number,
): Promise<ByteStream> {
  if (!(stream instanceof SocketStream)) {
    throw new TlsHandshakeError("handshake", "TLS can only be started on a plain connection");
  }
  stream.flush();
  return await stream.upgrade({ isServer: true, options: tls.options, timeoutMs });
}

/**
 * Starts TLS with a client that began with it at once (first byte 0x16). The protocol must have
 * been agreed upon by ALPN (PostgreSQL documentation, 54.2.11).
 *
 * @param first all that has been read so far.
 * @throws {TlsHandshakeError} the connection is closed then.
 */
export async function acceptDirectTls(
  stream: ByteStream,
  first: Uint8Array,
  tls: ServerTls,
  timeoutMs: number,
): Promise<ByteStream> {
  const secured = await DuplexTlsStream.accept(stream, first, {
    ...tls.options,
    isServer: true,
    requestCert: tls.asksForCertificate,
    rejectUnauthorized: false,
    ALPNProtocols: [ALPN_PROTOCOL],
  }, timeoutMs);
  if (secured.tls?.alpn === ALPN_PROTOCOL) return secured;
  secured.destroy();
  throw new TlsHandshakeError(
    "handshake",
    "direct TLS connection without ALPN protocol negotiation",
  );
}

async function keyOptions(files: TlsFiles, cert: string): Promise<TlsSocketOptions> {
  const keyFile = files.keyFile ?? "";
  const key = readPem(keyFile, "private key");
  if (!isEncrypted(key)) return { cert, key };
  if (!files.passphraseCommand) {
    throw new TlsFileError(
      keyFile,
      `private key file "${keyFile}" cannot be reloaded because it requires a passphrase`,
    );
  }
  return { cert, key, passphrase: await passphraseFrom(files.passphraseCommand, keyFile) };
}

function peerOptions(files: TlsFiles, authorities: readonly string[]): TlsSocketOptions {
  return {
    ...(authorities.length > 0 ? { ca: [...authorities] } : {}),
    ...(files.crlFile ? { crl: readPem(files.crlFile, "revocation list") } : {}),
  };
}

function readAuthorities(files: TlsFiles): string[] {
  const found: string[] = [];
  if (files.caFile) found.push(readPem(files.caFile, "CA certificate"));
  if (files.caDir) {
    for (const name of listDirectory(files.caDir)) {
      const text = readPem(join(files.caDir, name), "CA certificate");
      if (text.includes("-----BEGIN CERTIFICATE-----")) found.push(text);
    }
  }
  return found;
}

/** Names under which OpenSSL looks for certificates: hash and number, as `openssl rehash` links. */
function listDirectory(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name)).sort();
  } catch (cause) {
    throw new TlsFileError(dir, `could not read CA certificate directory "${dir}"`, { cause });
  }
}

function readPem(file: string, what: string): string {
  if (file === "") throw new TlsFileError(file, `no ${what} file is configured`);
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new TlsFileError(file, `could not load ${what} file "${file}"`, { cause });
  }
}

/** PKCS#8 and the older form with its own header (RFC 5958, RFC 1421). */
function isEncrypted(key: string): boolean {
  return key.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----") ||
    /^Proc-Type:\s*4,ENCRYPTED/m.test(key);
}

function firstCertificate(pem: string, file: string): Uint8Array {
  const match = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/.exec(pem);
  if (match?.[1] === undefined) {
    throw new TlsFileError(file, `file "${file}" holds no certificate in PEM form`);
  }
  return Buffer.from(match[1], "base64");
}

/** Lets the TLS library look at everything now, and not when the first client comes. */
function check(options: TlsSocketOptions, files: TlsFiles): void {
  const { ca, crl, cert, key, passphrase, ciphers, ecdhCurve } = options;
  const attempt = (file: string, what: string, part: TlsSocketOptions) => {
    try {
      createSecureContext(Object.fromEntries(Object.entries(part).filter(([, v]) => v)));
    } catch (cause) {
      throw new TlsFileError(file, what, { cause });
    }
  };
  const { certFile = "", keyFile = "", caFile = "", caDir = "", crlFile = "" } = files;
  attempt(certFile, `could not load SSL certificate file "${certFile}"`, { cert });
  attempt(
    keyFile,
    `could not load private key file "${keyFile}": it does not fit the certificate, or the passphrase is wrong`,
    { cert, key, ...(passphrase === undefined ? {} : { passphrase }) },
  );
  attempt(caFile || caDir, `could not load CA certificates of "${caFile || caDir}"`, { ca });
  attempt(crlFile, `could not load revocation list "${crlFile}"`, { crl });
  attempt("", `could not use ciphers "${ciphers}" (ssl_ciphers)`, ciphers ? { ciphers } : {});
  attempt(
    "",
    `could not use curve "${ecdhCurve}" (ssl_ecdh_curve)`,
    ecdhCurve ? { ecdhCurve } : {},
  );
}
