import type { ByteStream } from "../../net/stream.ts";
import { MessageStream } from "../../pool/message-stream.ts";
import type { ConnectionKey } from "../../pool/server-connection.ts";
import * as build from "../../wire/build.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { MAX_STARTUP_LENGTH } from "../../wire/protocol.ts";
import {
  parseStartup,
  startupLength,
  type StartupRequest,
  wantsReplication,
} from "../../wire/startup.ts";
import { LoginFailed } from "./login-failed.ts";

/** Longest password message a client may send; PostgreSQL allows as much for GSSAPI tokens. */
const MAX_PASSWORD_MESSAGE = 64 * 1024;
const TLS_HANDSHAKE = 0x16;
const ACCEPTED = Buffer.from("S");
const REFUSED = Buffer.from("N");

/** How TLS is started with a client; undefined parts mean that TLS is not available. */
export interface ClientTlsStarter {
  /** Wraps the stream after SSLRequest has been answered with S. */
  upgrade(stream: ByteStream): Promise<ByteStream>;
  /** Wraps a stream whose first bytes are already those of a TLS handshake. */
  direct(stream: ByteStream, first: Uint8Array): Promise<ByteStream>;
}

/** What a client's first packets ask for. */
export type Opening =
  | { kind: "cancel"; stream: ByteStream; pid: number; key: Uint8Array }
  | { kind: "login"; messages: MessageStream; request: LoginRequest };

/** What a connection begins with, once TLS has been started where the client asks for it. */
export type FirstPacket =
  | {
    readonly kind: "packet";
    readonly messages: MessageStream;
    readonly request: StartupRequest & { kind: "startup" | "cancel" };
    readonly packet: Uint8Array;
    /** What has come behind it. */
    readonly rest: Uint8Array;
  }
  /** It is a letter: the client speaks another protocol. All its bytes are still to be read. */
  | { readonly kind: "letter"; readonly messages: MessageStream };

/** A client's wish to log in. */
export interface LoginRequest {
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  /** Minor version of protocol 3 the client asked for. */
  readonly minor: number;
  /** Options of the protocol itself that pgpool does not know. */
  readonly unknownOptions: readonly string[];
  readonly options: ConnectionKey["options"];
}

/**
 * Reads a client's packets up to its startup packet, starting TLS where it asks for it.
 *
 * @param deadlineMs time for the whole login.
 * @param onSecured is told of the stream that takes the place of the one before, after a handshake.
 * @throws {LoginFailed | ProtocolError | ConnectionClosed | DeadlineExceeded | TlsHandshakeError}
 */
export async function readOpening(
  stream: ByteStream,
  tls: ClientTlsStarter | undefined,
  deadlineMs: number,
  onSecured: (stream: ByteStream) => void,
): Promise<Opening> {
  const first = await readFirstPacket(stream, tls, deadlineMs, onSecured, () => false);
  if (first.kind === "letter") throw new ProtocolError("invalid startup packet");
  const { messages, request, rest } = first;
  if (request.kind === "cancel") {
    messages.detach();
    return { kind: "cancel", stream: messages.stream, pid: request.pid, key: request.key };
  }
  messages.unread(rest);
  return { kind: "login", messages, request: loginRequest(request) };
}

/**
 * Reads up to the first packet that says what a client wants, starting TLS where it asks for it.
 *
 * @param isLetter whether a first byte is that of another protocol.
 * @throws {LoginFailed | ProtocolError | ConnectionClosed | DeadlineExceeded | TlsHandshakeError}
 */
export async function readFirstPacket(
  stream: ByteStream,
  tls: ClientTlsStarter | undefined,
  deadlineMs: number,
  onSecured: (stream: ByteStream) => void,
  isLetter: (first: number) => boolean,
): Promise<FirstPacket> {
  let messages = new MessageStream(stream, deadlineMs, MAX_PASSWORD_MESSAGE);
  let encrypted = false;
  // SSLRequest and GSSENCRequest can come once each before the startup packet.
  for (let requests = 0; requests < 4; requests++) {
    const first = await messages.raw(1);
    if (!encrypted && first[0] === TLS_HANDSHAKE) {
      if (tls === undefined) throw new ProtocolError("TLS is not enabled");
      messages = await secured(messages, (stream) => tls.direct(stream, first));
      onSecured(messages.stream);
      encrypted = true;
      continue;
    }
    messages.unread(first);
    if (isLetter(first[0])) return { kind: "letter", messages };
    const { request, packet, rest } = await readPacket(messages);
    switch (request.kind) {
      case "ssl": {
        if (rest.length > 0) throw unencryptedData("SSL");
        const accept = !encrypted && tls !== undefined && !messages.stream.isUnix;
        messages.stream.write(accept ? ACCEPTED : REFUSED);
        if (!accept) break;
        messages = await secured(messages, (stream) => tls.upgrade(stream));
        onSecured(messages.stream);
        encrypted = true;
        break;
      }
      case "gssenc":
        if (rest.length > 0) throw unencryptedData("GSSAPI encryption");
        messages.stream.write(REFUSED);
        break;
      case "cancel":
      case "startup":
        return { kind: "packet", messages, request, packet, rest };
    }
  }
  throw new ProtocolError("too many requests before the startup packet");
}

/** The same client after its handshake, with the time that is left of the whole login. */
async function secured(
  plain: MessageStream,
  start: (stream: ByteStream) => Promise<ByteStream>,
): Promise<MessageStream> {
  plain.stopClock();
  const { timeLeft } = plain;
  const began = Date.now();
  plain.detach();
  const stream = await start(plain.stream);
  const left = timeLeft === 0 ? 0 : Math.max(1, timeLeft - (Date.now() - began));
  return new MessageStream(stream, left, MAX_PASSWORD_MESSAGE);
}

async function readPacket(
  messages: MessageStream,
): Promise<{ request: StartupRequest; packet: Uint8Array; rest: Uint8Array }> {
  let bytes = await messages.raw(4);
  const length = startupLength(bytes, 0, bytes.length);
  while (bytes.length < length && length <= MAX_STARTUP_LENGTH) {
    messages.unread(bytes);
    bytes = await messages.raw(length);
  }
  // The packet is kept beyond the life of the chunk it came in.
  const packet = Uint8Array.from(bytes.subarray(0, length));
  return { request: parseStartup(packet), packet, rest: bytes.subarray(length) };
}

function unencryptedData(after: string): LoginFailed {
  return new LoginFailed({
    severity: "FATAL",
    sqlstate: "08P01",
    message: `received unencrypted data after ${after} request`,
    detail: "This could be either a client-software bug or evidence of an attempted " +
      "man-in-the-middle attack.",
  });
}

function loginRequest(startup: StartupRequest & { kind: "startup" }): LoginRequest {
  if (startup.major !== 3) {
    throw new LoginFailed({
      severity: "FATAL",
      sqlstate: "0A000",
      message: `unsupported frontend protocol ${startup.major}.${startup.minor}: ` +
        "server supports 3.0 to 3.2",
    });
  }
  const { parameters } = startup;
  const user = parameters.get("user") ?? "";
  if (user === "") {
    throw new LoginFailed({
      severity: "FATAL",
      sqlstate: "28000",
      message: "no PostgreSQL user name specified in startup packet",
    });
  }
  if (wantsReplication(parameters)) throw replicationRefused();
  const unknownOptions: string[] = [];
  const options: [string, string][] = [];
  for (const [name, value] of parameters) {
    if (name.startsWith("_pq_.")) unknownOptions.push(name);
    else if (!SEPARATE.has(name)) options.push([name, value]);
  }
  options.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
  return {
    user,
    database: parameters.get("database") || user,
    applicationName: parameters.get("application_name") ?? "",
    minor: startup.minor,
    unknownOptions,
    options,
  };
}

/** Parameters that are not part of what pooled connections are told apart by. */
const SEPARATE = new Set(["user", "database", "application_name"]);

function replicationRefused(): LoginFailed {
  return new LoginFailed({
    severity: "FATAL",
    sqlstate: "0A000",
    message: "pgpool does not support replication connections",
    hint: "Connect to the PostgreSQL server itself for replication and base backups.",
  });
}

/** The minor version served to a client, given the newest one the servers speak. */
export function negotiatedMinor(request: LoginRequest, newest: number): number {
  return Math.min(request.minor, newest);
}

/** Tells the client what of its protocol wishes is not fulfilled, if there is anything. */
export function negotiation(request: LoginRequest, newest: number): Uint8Array | undefined {
  if (request.minor <= newest && request.unknownOptions.length === 0) return undefined;
  return build.negotiateProtocolVersion(negotiatedMinor(request, newest), request.unknownOptions);
}
