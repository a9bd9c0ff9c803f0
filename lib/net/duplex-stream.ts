import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { BaseStream } from "./base-stream.ts";
import { NetError, TlsHandshakeError } from "./errors.ts";
import { describeTls } from "./socket-stream.ts";
import type { ByteStream } from "./stream.ts";

/** So much may wait in the connection below before TLS above it has to wait. */
const HIGH_WATER = 64 * 1024;

/** What `node:tls` takes for the server's end. */
export interface DuplexTlsOptions {
  readonly isServer: true;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly ALPNProtocols: string[];
}

/**
 * TLS over another stream of which the first bytes have been read already, as happens when a
 * client begins with TLS at once. Slower than TLS of the runtime's own sockets.
 */
export class DuplexTlsStream extends BaseStream {
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly isUnix: boolean;
  readonly #inner: ByteStream;
  readonly #socket: TLSSocket;

  private constructor(inner: ByteStream, socket: TLSSocket) {
    super();
    this.#inner = inner;
    this.#socket = socket;
    this.remoteHost = inner.remoteHost;
    this.remotePort = inner.remotePort;
    this.isUnix = inner.isUnix;
    socket.on("data", (chunk: Uint8Array) => this.received(chunk));
    socket.on("drain", () => this.drained());
    socket.on("error", (error) => this.broken(error));
    socket.on("close", () => this.gone(undefined));
    socket.on("end", () => socket.end());
  }

  /**
   * Shakes hands as the server.
   *
   * @param first what has been read from `inner` already.
   * @throws {TlsHandshakeError} `inner` is closed then.
   */
  static async accept(
    inner: ByteStream,
    first: Uint8Array,
    options: DuplexTlsOptions,
    timeoutMs: number,
  ): Promise<DuplexTlsStream> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (error: TlsHandshakeError) => {
      reject(error);
      inner.destroy();
    };
    const timer = setTimeout(
      () => fail(new TlsHandshakeError("timeout", `no TLS handshake within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const duplex = wireOf(inner);
    const socket = new TLSSocket(duplex, options);
    const onError = (cause: Error) =>
      fail(new TlsHandshakeError("handshake", "TLS handshake failed", { cause }));
    const onClose = () =>
      fail(new TlsHandshakeError("closed", "connection closed during the TLS handshake"));
    socket.once("error", onError);
    socket.once("close", onClose);
    const stream = new DuplexTlsStream(inner, socket);
    socket.once("secure", () => resolve());
    duplex.push(first);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      socket.off("error", onError);
      socket.off("close", onClose);
    }
    // The types do not know that a client which has left already leaves nothing to tell of.
    const cipher: { readonly name: string } | undefined = socket.getCipher();
    if (cipher === undefined) {
      inner.destroy();
      throw new TlsHandshakeError("closed", "connection closed after the TLS handshake");
    }
    stream.tls = describeTls({
      version: socket.getProtocol() ?? "",
      cipher: cipher.name,
      alpn: socket.alpnProtocol ?? false,
      certificate: socket.getPeerCertificate(),
      error: distrust(socket.authorizationError),
      isServer: true,
    });
    return stream;
  }

  send(bytes: Uint8Array, offset: number, length: number): number {
    if (this.#socket.destroyed) return -1;
    if (this.#socket.writableNeedDrain) return 0;
    // The library keeps what it is given.
    this.#socket.write(Buffer.from(bytes.subarray(offset, offset + length)));
    return length;
  }

  protected closeSocket(): void {
    this.#socket.end(() => this.#inner.end());
  }

  protected abortSocket(): void {
    this.#socket.destroy();
    this.#inner.destroy();
  }

  protected pauseSocket(): void {
    this.#socket.pause();
  }

  protected resumeSocket(): void {
    this.#socket.resume();
  }
}

/** The runtime gives a bare text for certificates that do not verify, unlike what its types say. */
function distrust(reason: unknown): Error | null {
  if (reason instanceof Error) return reason;
  return reason === null || reason === undefined ? null : new Error(String(reason));
}

/** A stream as the standard library's kind of stream. */
function wireOf(inner: ByteStream): Duplex {
  let resumed: (() => void) | undefined;
  const duplex = new Duplex({
    read() {
      inner.resume();
    },
    write(chunk: Uint8Array, _encoding, done) {
      // The library may use its buffer again.
      inner.write(Uint8Array.from(chunk));
      // What is left after this was refused by the socket, which then tells when it has drained.
      if (inner.buffered > HIGH_WATER) inner.flush();
      if (inner.buffered <= HIGH_WATER) done();
      else resumed = done;
    },
    final(done) {
      inner.end();
      done();
    },
    destroy(_error, done) {
      inner.destroy();
      done(null);
    },
  });
  inner.onData = (chunk) => {
    if (!duplex.push(chunk)) inner.pause();
  };
  inner.onDrain = () => {
    const done = resumed;
    resumed = undefined;
    done?.();
  };
  inner.onClose = (error) => {
    if (error !== undefined) duplex.destroy(new NetError("connection lost", { cause: error }));
    else duplex.push(null);
  };
  return duplex;
}
