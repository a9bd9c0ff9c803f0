import { randomBytes } from "node:crypto";
import { tlsServerEndPoint } from "../auth/channel-binding.ts";
import type { ServerCredentials, ServerRequestKind } from "../auth/credentials.ts";
import { ServerAuth, type ServerStep } from "../auth/server-side.ts";
import { connectServer, upgradeServerTls } from "../net/connect.ts";
import { ConnectError, TlsHandshakeError } from "../net/errors.ts";
import type { ByteStream } from "../net/stream.ts";
import type { ClientTls } from "../net/tls.ts";
import * as build from "../wire/build.ts";
import { ProtocolError } from "../wire/errors.ts";
import { Backend, StartupCode } from "../wire/protocol.ts";
import { parseParameterStatus, readInt32 } from "../wire/read.ts";
import { refusedBy, ServerRefused, ServerUnreachable, type UnreachableReason } from "./errors.ts";
import { ConnectionClosed, DeadlineExceeded, MessageStream } from "./message-stream.ts";
import { type ConnectionKey, ServerConnection } from "./server-connection.ts";
import { ServerParameters } from "./server-parameters.ts";

/** Longest message a server may send during its login. */
const MAX_LOGIN_MESSAGE = 256 * 1024;
/** About how long an operating system tries to connect, in milliseconds. */
const SYSTEM_CONNECT_MS = 130_000;
const TLS_ACCEPTED = 0x53;

/** How TLS towards servers is done. */
export type ServerTls =
  | {
    readonly tls: ClientTls;
    /** A server without TLS is not used. */
    readonly required: boolean;
    /** The server's certificate has to be for its host name. */
    readonly verifyHost: boolean;
  }
  /** Why servers can not be checked, although that is wanted: none may be connected to. */
  | { readonly unusable: string };

/** Where a server is and how it is reached. */
export interface ServerAddress {
  readonly node: number;
  readonly host: string;
  readonly port: number;
  /** Milliseconds for the connection itself; 0 leaves it to the operating system. */
  readonly connectTimeoutMs: number;
  /** Milliseconds for the login after it. */
  readonly loginTimeoutMs: number;
  readonly tls: ServerTls | undefined;
  /** Hears what the server answers when it is asked for TLS: `S` when it has it, `N` when not. */
  readonly onTlsAnswer?: (answer: string) => void;
}

export type { ServerCredentials };

/** Gives what answers a server's request for a password, asking the client if need be. */
export type CredentialSource = (asked: ServerRequestKind) => Promise<ServerCredentials>;

/** A login that worked. */
export interface Login {
  readonly connection: ServerConnection;
  /** How the server asked for a password, undefined when it trusted. */
  readonly asked: ServerRequestKind | undefined;
}

/**
 * Connects to a server and logs in.
 *
 * @throws {ServerUnreachable} when it can not be reached, does not answer in time or is no
 *   PostgreSQL server.
 * @throws {ServerRefused} when it refuses this client.
 */
export async function openConnection(
  address: ServerAddress,
  key: ConnectionKey,
  applicationName: string,
  initial: ServerCredentials,
  credentials: CredentialSource,
): Promise<Login> {
  let stream: ByteStream;
  try {
    stream = await connect(address);
  } catch (error) {
    if (error instanceof ServerRefused) throw error;
    throw unreachable(address, error);
  }
  const messages = new MessageStream(stream, address.loginTimeoutMs, MAX_LOGIN_MESSAGE);
  try {
    stream.write(build.startupPacket(key.minor, startupParameters(key, applicationName)));
    return await logIn(address, key, applicationName, messages, initial, credentials);
  } catch (error) {
    messages.detach();
    stream.destroy();
    if (error instanceof ClientFailed) throw error.cause;
    if (error instanceof ServerRefused || !isServersFault(error)) throw error;
    throw unreachable(address, error);
  }
}

function isServersFault(error: unknown): boolean {
  return error instanceof ProtocolError || error instanceof ConnectionClosed ||
    error instanceof DeadlineExceeded;
}

/**
 * The client could not be asked for its password. Its error may look like one of the server's,
 * which must not be blamed for it.
 */
class ClientFailed extends Error {
  override readonly name = "ClientFailed";
}

async function askClient(
  credentials: CredentialSource,
  asked: ServerRequestKind,
): Promise<ServerCredentials> {
  try {
    return await credentials(asked);
  } catch (cause) {
    throw new ClientFailed("the client gave no password", { cause });
  }
}

function unreachable(address: ServerAddress, error: unknown): ServerUnreachable {
  const reason = error instanceof Error ? error.message : String(error);
  const where = `"${address.host}:${address.port}"`;
  return new ServerUnreachable(
    address.node,
    unreachableReason(error),
    `failed to connect to PostgreSQL server on ${where}: ${reason}`,
    { cause: error },
  );
}

function unreachableReason(error: unknown): UnreachableReason {
  if (error instanceof ConnectError) {
    switch (error.failure) {
      case "refused":
      case "no-socket":
        return "refused";
      case "timeout":
        return "connect-timeout";
      case "unreachable":
      case "unknown-host":
      case "aborted":
      case "failed":
        return "network";
    }
  }
  if (error instanceof TlsHandshakeError || error instanceof TlsDemanded) return "tls";
  if (error instanceof DeadlineExceeded) return "no-answer";
  if (error instanceof ConnectionClosed) return "closed";
  return error instanceof ProtocolError ? "not-postgresql" : "network";
}

/** TLS is wanted and can not be had. */
class TlsDemanded extends Error {
  override readonly name = "TlsDemanded";
}

async function connect(address: ServerAddress): Promise<ByteStream> {
  const { host, port, connectTimeoutMs, tls } = address;
  const isLocal = host.startsWith("/");
  if (tls !== undefined && "unusable" in tls && !isLocal) throw new TlsDemanded(tls.unusable);
  const stream = await connectServer({
    host,
    port,
    timeoutMs: connectTimeoutMs || SYSTEM_CONNECT_MS,
  });
  if (tls === undefined || "unusable" in tls || isLocal) return stream;
  const messages = new MessageStream(stream, address.loginTimeoutMs, MAX_LOGIN_MESSAGE);
  try {
    stream.write(build.requestPacket(StartupCode.Ssl));
    const answer = await messages.raw(1);
    // More than one byte before the handshake could have been put there by somebody in between.
    if (answer.length !== 1) {
      throw new ProtocolError("received unencrypted data after SSL response");
    }
    messages.detach();
    address.onTlsAnswer?.(String.fromCharCode(answer[0] ?? 0));
    if (answer[0] !== TLS_ACCEPTED) {
      if (tls.required) throw new TlsDemanded("server does not support SSL");
      return stream;
    }
    const verifyHostName = tls.verifyHost ? host : undefined;
    const timeoutMs = address.loginTimeoutMs;
    return await upgradeServerTls(stream, { tls: tls.tls, verifyHostName, timeoutMs });
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

function startupParameters(key: ConnectionKey, applicationName: string): [string, string][] {
  const parameters: [string, string][] = [["user", key.user], ["database", key.database]];
  for (const [name, value] of key.options) parameters.push([name, value]);
  if (applicationName !== "") parameters.push(["application_name", applicationName]);
  return parameters;
}

async function logIn(
  address: ServerAddress,
  key: ConnectionKey,
  applicationName: string,
  messages: MessageStream,
  initial: ServerCredentials,
  credentials: CredentialSource,
): Promise<Login> {
  const { stream } = messages;
  const certificate = stream.tls?.peerCertificate;
  const auth = new ServerAuth({
    user: key.user,
    credentials: initial,
    channelBinding: certificate === undefined ? undefined : tlsServerEndPoint(certificate),
    random: randomBytes,
  });
  const parameters = new Map<string, string>();
  let asked: ServerRequestKind | undefined;
  let minor = key.minor;
  let pid = 0;
  let cancelKey: Uint8Array = new Uint8Array(0);
  for (;;) {
    const { type, body } = await messages.next();
    switch (type) {
      case Backend.Authentication: {
        let step: ServerStep = auth.onAuthentication(body);
        if (step.state === "need-password") {
          step = auth.provide(await askClient(credentials, step.asked));
        }
        if (step.state === "failed") {
          throw new ServerRefused(address.node, { severity: "FATAL", ...step.failure });
        }
        if (step.state === "ok") asked = step.asked;
        if (step.state === "continue" && step.send !== undefined) stream.write(step.send);
        break;
      }
      case Backend.NegotiateProtocolVersion:
        minor = readInt32(body, 0) & 0xffff;
        break;
      case Backend.ParameterStatus: {
        const parameter = parseParameterStatus(body);
        if (parameter !== undefined) parameters.set(parameter[0], parameter[1]);
        break;
      }
      case Backend.BackendKeyData:
        pid = readInt32(body, 0);
        cancelKey = Uint8Array.from(body.subarray(4));
        break;
      case Backend.NoticeResponse:
        break;
      case Backend.ErrorResponse:
        throw refusedBy(address.node, body);
      case Backend.ReadyForQuery: {
        messages.detach();
        const connection = new ServerConnection(
          address.node,
          key,
          stream,
          pid,
          cancelKey,
          minor,
          new ServerParameters(parameters),
          asked,
          applicationName,
        );
        return { connection, asked };
      }
      default:
        throw new ProtocolError(`unexpected message of type ${type} during the login`);
    }
  }
}
