/** Why a connection to a server did not come about. */
export type ConnectFailure =
  | "refused"
  | "timeout"
  | "unreachable"
  | "unknown-host"
  | "no-socket"
  | "aborted"
  | "failed";

/** Something about sockets, addresses or certificates; the text says to what it happened. */
export class NetError extends Error {
  override readonly name: string = "NetError";
}

/** No connection to a server. */
export class ConnectError extends NetError {
  override readonly name = "ConnectError";

  constructor(readonly failure: ConnectFailure, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** An address can not be listened on. */
export class ListenError extends NetError {
  override readonly name = "ListenError";

  constructor(
    readonly reason: "in-use" | "not-permitted" | "bad-address" | "path-too-long" | "failed",
    /** `127.0.0.1:9999` or the path of the socket. */
    readonly address: string,
    message: string,
    /** What the operator can do about it. */
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A host name that is not known, or not answered in time. */
export class NameError extends NetError {
  override readonly name = "NameError";

  constructor(
    readonly reason: "not-found" | "timeout" | "failed",
    readonly host: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Certificates, keys and lists that can not be used; names the file. */
export class TlsFileError extends NetError {
  override readonly name = "TlsFileError";

  constructor(readonly file: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A TLS handshake that failed. */
export class TlsHandshakeError extends NetError {
  override readonly name = "TlsHandshakeError";

  constructor(
    readonly reason: "handshake" | "timeout" | "closed" | "untrusted" | "wrong-host",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
