import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as startTls } from "node:tls";
import { tlsServerEndPoint } from "../auth/channel-binding.ts";
import { PcpClientError, type PcpConnectOptions } from "./client-types.ts";
import { timerUntil } from "./timer.ts";

/** Where Unix sockets are when nobody says where. */
const SOCKET_DIRECTORY = "/tmp";
/** PostgreSQL's SSLRequest, which a PCP port of ours understands. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const TLS_ACCEPTED = 0x53;
const TLS_REFUSED = 0x4e;

/** What the operating system says, in its words, as C programs print it. */
const SYSTEM_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Connection refused",
  ECONNRESET: "Connection reset by peer",
  EACCES: "Permission denied",
  EHOSTUNREACH: "No route to host",
  ENETUNREACH: "Network is unreachable",
  ENOENT: "No such file or directory",
  ENOTSOCK: "Socket operation on non-socket",
  ETIMEDOUT: "Connection timed out",
};

/** What the resolver says, in its words. */
const NAME_TEXTS: Readonly<Record<string, string>> = {
  EAI_AGAIN: "Temporary failure in name resolution",
  EAI_FAIL: "Non-recoverable failure in name resolution",
  EAI_NONAME: "Name or service not known",
  ENOTFOUND: "Name or service not known",
};

/** A socket that is connected, and encrypted where both ends want it. */
export interface ConnectedSocket {
  readonly socket: Socket;
  /** tls-server-end-point hash of the other end's certificate, on a connection with TLS. */
  readonly channelBinding: Uint8Array | undefined;
}

/**
 * Connects to a PCP port, and starts TLS where both ends want it.
 *
 * @param deadline a time of `performance.now()`
 * @throws {PcpClientError}
 */
export async function connectSocket(
  options: PcpConnectOptions,
  deadline: number,
): Promise<ConnectedSocket> {
  const isUnix = options.host === "" || options.host.startsWith("/");
  const required = options.tls === "require" || options.tlsCa !== undefined;
  const wanted = !isUnix && (required || options.tls !== "disable");
  const socket = await connected(options, deadline);
  const plain = { socket, channelBinding: undefined };
  if (!wanted) return plain;
  const answer = await askForTls(socket, deadline);
  if (answer === TLS_ACCEPTED) return await secured(socket, options, deadline);
  if (answer === TLS_REFUSED && !required) return plain;
  socket.destroy();
  if (required) {
    const hint = "The pool offers TLS when its pgpool.conf has ssl = on.";
    throw new PcpClientError("connect", "the server does not offer TLS", "ERROR", "", hint);
  }
  // Pgpool-II's own server takes the request for a broken message and hangs up.
  return { socket: await connected(options, deadline), channelBinding: undefined };
}

async function connected(options: PcpConnectOptions, deadline: number): Promise<Socket> {
  const { host, port } = options;
  const isUnix = host === "" || host.startsWith("/");
  const path = `${host || SOCKET_DIRECTORY}/.s.PGSQL.${port}`;
  const place = isUnix ? `socket "${path}"` : `host "${host}"`;
  const socket = isUnix ? connectPlain(path) : connectPlain({ host, port, noDelay: true });
  await happened(socket, "connect", deadline, (error) => {
    const code = codeOf(error);
    const nameFailure = NAME_TEXTS[code];
    if (nameFailure !== undefined) {
      const hint = "Is the name of the host right?";
      return connectFailure(`getaddrinfo failed "${nameFailure}"`, error, hint);
    }
    const text = SYSTEM_TEXTS[code] ?? error.message;
    return connectFailure(`connection to ${place} failed with error "${text}"`, error);
  }, `connection to ${place} failed with error "Connection timed out"`);
  return socket;
}

/** The first byte of the answer, undefined when the other end hangs up. */
async function askForTls(socket: Socket, deadline: number): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const onData = (chunk: Uint8Array) => {
    // Nothing may follow: it would not have come over TLS.
    resolve(chunk.length === 1 ? chunk[0] : undefined);
    socket.pause();
  };
  const onGone = () => resolve(undefined);
  socket.on("data", onData).on("error", onGone).on("close", onGone);
  const timer = timerUntil(deadline, () => reject(late("the server did not answer in time")));
  try {
    socket.write(SSL_REQUEST);
    return await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    socket.off("data", onData).off("error", onGone).off("close", onGone);
    // A late error concerns nobody.
    socket.on("error", () => {});
  }
}

async function secured(
  socket: Socket,
  { host, tlsCa }: PcpConnectOptions,
  deadline: number,
): Promise<ConnectedSocket> {
  const secure = startTls({
    socket,
    ...(isIP(host) === 0 ? { servername: host } : { host }),
    ...(tlsCa === undefined ? { rejectUnauthorized: false } : { ca: tlsCa }),
  });
  await happened(
    secure,
    "secureConnect",
    deadline,
    (error) => connectFailure(`TLS could not be started: ${error.message}`, error),
    "TLS could not be started in time",
  );
  const { raw } = secure.getPeerCertificate();
  const channelBinding = raw === undefined ? undefined : tlsServerEndPoint(raw);
  return { socket: secure, channelBinding };
}

/** Waits for an event of a socket. */
async function happened(
  socket: Socket,
  event: "connect" | "secureConnect",
  deadline: number,
  explain: (error: Error) => PcpClientError,
  lateText: string,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onError = (error: Error) => reject(explain(error));
  const onClose = () => reject(explain(new Error("the connection was closed")));
  const timer = timerUntil(deadline, () => reject(late(lateText)));
  socket.once(event, resolve).on("error", onError).on("close", onClose);
  try {
    await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    socket.off("error", onError).off("close", onClose).on("error", () => {});
  }
}

function late(message: string): PcpClientError {
  return new PcpClientError("timeout", message);
}

function connectFailure(message: string, cause: Error, hint = ""): PcpClientError {
  return new PcpClientError("connect", message, "ERROR", "", hint, { cause });
}

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : "";
}
