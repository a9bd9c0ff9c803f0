import type { PeerCertificate } from "node:tls";
import { BaseStream } from "./base-stream.ts";
import { TlsHandshakeError } from "./errors.ts";
import type { TlsInfo } from "./stream.ts";

type BunSocket = Bun.Socket<SocketStream | undefined>;

/** TLS settings as the runtime takes them; it knows more than its types tell. */
export interface TlsSocketOptions extends Bun.TLSOptions {
  /** Curves offered, separated by colons. */
  readonly ecdhCurve?: string;
}

/** Which end of a TLS handshake a socket is. */
export interface TlsUpgrade {
  readonly isServer: boolean;
  readonly options: TlsSocketOptions;
  /** Longest time for the handshake, in milliseconds. */
  readonly timeoutMs: number;
}

/** A stream over a socket of the runtime, plain or TLS. */
export class SocketStream extends BaseStream {
  readonly remoteHost: string;
  readonly remotePort: number;
  /** A handshake that is going on. */
  #handshake: Handshake | undefined;
  #socket: BunSocket;

  constructor(socket: BunSocket, readonly isUnix: boolean, like?: SocketStream) {
    super();
    this.#socket = socket;
    // Asking a Unix socket for its peer's address is an error in this runtime.
    this.remoteHost = like?.remoteHost ?? (isUnix ? "" : socket.remoteAddress);
    this.remotePort = like?.remotePort ?? (isUnix ? 0 : socket.remotePort);
  }

  send(bytes: Uint8Array, offset: number, length: number): number {
    return this.#socket.write(bytes, offset, length);
  }

  /**
   * Turns the connection into a TLS connection. This stream is spent afterwards, whatever comes
   * of the handshake; nothing may be queued on it.
   *
   * @throws {TlsHandshakeError} the connection is closed then.
   */
  async upgrade(upgrade: TlsUpgrade): Promise<SocketStream> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const spent = this.#socket;
    this.abandon();
    let stream: SocketStream;
    try {
      const options = {
        data: undefined,
        tls: upgrade.options,
        isServer: upgrade.isServer,
        socket: socketHandlers,
      };
      const [raw, tls] = spent.upgradeTLS<SocketStream | undefined>(options);
      // The old end still sees what travels on the wire, and is not interested.
      raw.data = undefined;
      stream = new SocketStream(tls, this.isUnix, this);
      tls.data = stream;
    } catch (cause) {
      spent.terminate();
      throw new TlsHandshakeError("handshake", "could not start TLS", { cause });
    }
    const timer = setTimeout(() => {
      stream.#failHandshake(
        new TlsHandshakeError("timeout", `no TLS handshake within ${upgrade.timeoutMs} ms`),
      );
    }, upgrade.timeoutMs);
    stream.#handshake = { isServer: upgrade.isServer, resolve, reject };
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
    return stream;
  }

  protected closeSocket(): void {
    this.#socket.end();
  }

  protected abortSocket(): void {
    this.#socket.terminate();
  }

  protected pauseSocket(): void {
    this.#socket.pause();
  }

  protected resumeSocket(): void {
    this.#socket.resume();
  }

  /** What the runtime tells of the socket. */
  static readonly data = (socket: BunSocket, chunk: Uint8Array): void => {
    socket.data?.received(chunk);
  };

  static readonly drain = (socket: BunSocket): void => {
    socket.data?.drained();
  };

  static readonly close = (socket: BunSocket, error?: Error): void => {
    const stream = socket.data;
    if (stream !== undefined) stream.#closedBy(error);
  };

  static readonly error = (socket: BunSocket, error: Error): void => {
    const stream = socket.data;
    if (stream !== undefined) stream.#failed(error);
  };

  static readonly handshake = (socket: BunSocket, success: boolean, error: Error | null): void => {
    const stream = socket.data;
    if (stream !== undefined) stream.#shakenHands(success, error);
  };

  #closedBy(error: Error | undefined): void {
    this.#handshake?.reject(
      new TlsHandshakeError("closed", "connection closed during the TLS handshake", {
        cause: error,
      }),
    );
    this.#handshake = undefined;
    this.gone(error);
  }

  #failed(error: Error): void {
    if (this.#handshake === undefined) return this.broken(error);
    this.#failHandshake(
      new TlsHandshakeError("handshake", "TLS handshake failed", { cause: error }),
    );
  }

  #shakenHands(success: boolean, error: Error | null): void {
    const handshake = this.#handshake;
    if (handshake === undefined) return;
    // A certificate that does not verify is reported as a failure too; it is judged by the caller.
    if (!success && !isVerification(error)) {
      const options = error === null ? {} : { cause: error };
      return this.#failHandshake(
        new TlsHandshakeError("handshake", "TLS handshake failed", options),
      );
    }
    this.#handshake = undefined;
    const socket = this.#socket;
    this.tls = describeTls({
      version: socket.getTLSVersion(),
      cipher: socket.getCipher().name,
      alpn: socket.alpnProtocol,
      certificate: socket.getPeerCertificate(),
      error,
      isServer: handshake.isServer,
    });
    handshake.resolve();
  }

  #failHandshake(error: TlsHandshakeError): void {
    const handshake = this.#handshake;
    this.#handshake = undefined;
    handshake?.reject(error);
    this.destroy();
  }
}

/** Codes of certificates that do not verify (Node.js documentation, X509 certificate error codes). */
const VERIFICATION_CODES = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_CRL",
  "UNABLE_TO_DECRYPT_CERT_SIGNATURE",
  "UNABLE_TO_DECRYPT_CRL_SIGNATURE",
  "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY",
  "CERT_SIGNATURE_FAILURE",
  "CRL_SIGNATURE_FAILURE",
  "CERT_NOT_YET_VALID",
  "CERT_HAS_EXPIRED",
  "CRL_NOT_YET_VALID",
  "CRL_HAS_EXPIRED",
  "ERROR_IN_CERT_NOT_BEFORE_FIELD",
  "ERROR_IN_CERT_NOT_AFTER_FIELD",
  "ERROR_IN_CRL_LAST_UPDATE_FIELD",
  "ERROR_IN_CRL_NEXT_UPDATE_FIELD",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_CHAIN_TOO_LONG",
  "CERT_REVOKED",
  "INVALID_CA",
  "PATH_LENGTH_EXCEEDED",
  "INVALID_PURPOSE",
  "CERT_UNTRUSTED",
  "CERT_REJECTED",
  "HOSTNAME_MISMATCH",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

function isVerification(error: Error | null): boolean {
  return error !== null && "code" in error && VERIFICATION_CODES.has(String(error.code));
}

interface Handshake {
  readonly isServer: boolean;
  resolve(): void;
  reject(error: Error): void;
}

/** Handlers for every socket whose `data` is its stream. */
export const socketHandlers: Bun.SocketHandler<SocketStream | undefined> = {
  data: SocketStream.data,
  drain: SocketStream.drain,
  close: SocketStream.close,
  error: SocketStream.error,
  handshake: SocketStream.handshake,
  end: () => {},
};

/** What a TLS library tells after a handshake. */
interface HandshakeResult {
  readonly version: string;
  readonly cipher: string;
  readonly alpn: string | false | null;
  /** Undefined or without `raw` when the peer sent none. */
  readonly certificate: PeerCertificate | undefined;
  readonly error: Error | null;
  readonly isServer: boolean;
}

/** The same for all TLS libraries. */
export function describeTls(result: HandshakeResult): TlsInfo {
  const { version, cipher, alpn, error, isServer } = result;
  const sent = result.certificate?.raw === undefined ? undefined : result.certificate;
  const distrust = sent === undefined ? undefined : distrustIn(error);
  const shown = isServer && distrust !== undefined ? undefined : sent;
  const name: string | string[] | undefined = shown?.subject?.CN;
  return {
    version,
    cipher,
    alpn: alpn === false || alpn === null ? undefined : alpn,
    peerCertificate: shown?.raw,
    // With several common names the last one is the most specific, as PostgreSQL takes it.
    commonName: Array.isArray(name) ? name.at(-1) : name,
    distrust,
  };
}

/**
 * Why the certificate is not trusted. That it is for another name does not count: the runtime
 * looks for names nobody asked for, and only in certificates that are otherwise trusted.
 */
function distrustIn(error: Error | null): string | undefined {
  const code = error !== null && "code" in error ? String(error.code) : "";
  if (error === null || code === "ERR_TLS_CERT_ALTNAME_INVALID") return undefined;
  return code === "" ? error.message : `${error.message} (${code})`;
}
