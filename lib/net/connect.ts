import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { X509Certificate } from "node:crypto";
import { ConnectError, type ConnectFailure, NameError, TlsHandshakeError } from "./errors.ts";
import { lookupHost } from "./name.ts";
import { socketHandlers, SocketStream } from "./socket-stream.ts";
import type { ByteStream } from "./stream.ts";
import type { ClientTls } from "./tls.ts";

/** Where a server listens and how long connecting may take. */
export interface ConnectTarget {
  /** An address, a host name, or a directory of Unix sockets when it begins with `/`. */
  readonly host: string;
  readonly port: number;
  /** For everything: name, all addresses. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Seconds without traffic after which the operating system probes whether the peer lives. */
const KEEPALIVE_MS = 60_000;

/**
 * Connects to a server. All addresses of a host name are tried in turn.
 *
 * @throws {ConnectError} with the reason of the last address.
 */
export async function connectServer(target: ConnectTarget): Promise<ByteStream> {
  const { host, port, timeoutMs, signal } = target;
  const deadline = performance.now() + timeoutMs;
  if (host.startsWith("/")) {
    const unix = `${host.replace(/\/+$/, "")}/.s.PGSQL.${port}`;
    return await open({ unix }, unix, timeoutMs, signal);
  }
  let failure: unknown;
  for (const { address } of await addressesOf(host, timeoutMs)) {
    const left = deadline - performance.now();
    if (left <= 0) break;
    try {
      return await open({ hostname: address, port }, `${host}:${port}`, left, signal);
    } catch (error) {
      failure = error;
    }
  }
  throw failure ?? new ConnectError("timeout", timeoutText(`${host}:${port}`, timeoutMs));
}

/** How the server's end of TLS is checked. */
export interface ServerTlsOptions {
  readonly tls: ClientTls;
  /** The name to look for in the server's certificate, undefined to accept any name. */
  readonly verifyHostName?: string | undefined;
  readonly timeoutMs: number;
}

/**
 * Starts TLS on a connection to a server that has answered `S` to SSLRequest. Works on streams
 * of connectServer only.
 *
 * @throws {TlsHandshakeError} the connection is closed then.
 */
export async function upgradeServerTls(
  stream: ByteStream,
  { tls, verifyHostName, timeoutMs }: ServerTlsOptions,
): Promise<ByteStream> {
  if (!(stream instanceof SocketStream)) {
    throw new TlsHandshakeError("handshake", "TLS can only be started on a plain connection");
  }
  // A server name is sent for names only (RFC 6066 section 3 forbids addresses).
  const named = verifyHostName !== undefined && isIP(verifyHostName) === 0;
  const options = named ? { ...tls.options, serverName: verifyHostName } : tls.options;
  const secured = await stream.upgrade({ isServer: false, options, timeoutMs });
  const failure = distrustOf(secured, tls, verifyHostName);
  if (failure === undefined) return secured;
  secured.destroy();
  throw failure;
}

function distrustOf(
  stream: ByteStream,
  tls: ClientTls,
  hostName: string | undefined,
): TlsHandshakeError | undefined {
  const der = stream.tls?.peerCertificate;
  if (!tls.verify && hostName === undefined) return undefined;
  if (der === undefined) {
    return new TlsHandshakeError("untrusted", "the server sent no certificate");
  }
  // The name comes first, because the runtime calls a certificate for another name untrusted.
  const certificate = new X509Certificate(der).toLegacyObject();
  const mismatch = hostName === undefined ? undefined : checkServerIdentity(hostName, certificate);
  if (mismatch !== undefined) {
    return new TlsHandshakeError(
      "wrong-host",
      `certificate of the server is not for host name "${hostName}"`,
      { cause: mismatch },
    );
  }
  const distrust = stream.tls?.distrust;
  return !tls.verify || distrust === undefined ? undefined : new TlsHandshakeError(
    "untrusted",
    `certificate of the server is not trusted: ${distrust}`,
  );
}

async function addressesOf(host: string, timeoutMs: number) {
  try {
    return await lookupHost(host, timeoutMs);
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    const failure = error.reason === "timeout" ? "timeout" : "unknown-host";
    throw new ConnectError(failure, error.message, { cause: error });
  }
}

type Place = { readonly unix: string } | { readonly hostname: string; readonly port: number };

/** One attempt at one address. */
async function open(
  place: Place,
  name: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<ByteStream> {
  const { promise: given, reject: giveUp } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => giveUp(new ConnectError("timeout", timeoutText(name, timeoutMs))),
    timeoutMs,
  );
  const abort = () => giveUp(new ConnectError("aborted", `connecting to ${name} was called off`));
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort);
  const attempt = openSocket(place);
  try {
    return await Promise.race([attempt, given]);
  } catch (error) {
    // A connection that comes about after all is of no use to anybody.
    attempt.then((late) => late.destroy(), () => {});
    if (error instanceof ConnectError) throw error;
    const failure = failureOf(error);
    throw new ConnectError(failure, `could not connect to ${name}: ${FAILURE_TEXT[failure]}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

async function openSocket(place: Place): Promise<ByteStream> {
  const isUnix = "unix" in place;
  const socket: Bun.SocketHandler<SocketStream | undefined> = {
    ...socketHandlers,
    // The first bytes may come before the promise is seen to be fulfilled.
    open(opened) {
      opened.data = new SocketStream(opened, isUnix);
    },
  };
  const data: SocketStream | undefined = undefined;
  const opened = isUnix
    ? await Bun.connect<SocketStream | undefined>({ ...place, socket, data })
    : await Bun.connect<SocketStream | undefined>({ ...place, socket, data });
  if (!isUnix) {
    opened.setNoDelay(true);
    opened.setKeepAlive(true, KEEPALIVE_MS);
  }
  return opened.data ?? new SocketStream(opened, isUnix);
}

const FAILURE_TEXT: Readonly<Record<ConnectFailure, string>> = {
  refused: "connection refused",
  timeout: "timed out",
  unreachable: "host or network unreachable",
  "unknown-host": "unknown host",
  "no-socket": "no such socket",
  aborted: "called off",
  failed: "failed",
};

function failureOf(error: unknown): ConnectFailure {
  const code = error instanceof Error && "code" in error ? error.code : "";
  switch (code) {
    case "ECONNREFUSED":
      return "refused";
    case "ETIMEDOUT":
      return "timeout";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "unreachable";
    case "ENOENT":
      return "no-socket";
    default:
      return "failed";
  }
}

function timeoutText(name: string, timeoutMs: number): string {
  return `could not connect to ${name}: no answer within ${Math.ceil(timeoutMs)} ms`;
}
