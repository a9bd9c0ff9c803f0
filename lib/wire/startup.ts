import { ProtocolError } from "./errors.ts";
import { MAX_STARTUP_LENGTH, StartupCode } from "./protocol.ts";

/** The first packet of a connection, or one of those that may stand before it. */
export type StartupRequest =
  | { kind: "ssl" }
  | { kind: "gssenc" }
  | { kind: "cancel"; pid: number; key: Uint8Array }
  | {
    kind: "startup";
    major: number;
    minor: number;
    /** In the order of the packet; names that appear twice keep their last value. */
    parameters: Map<string, string>;
  };

/** Longest cancel key of protocol 3.2 (PostgreSQL documentation, 54.7 BackendKeyData). */
const MAX_CANCEL_KEY = 256;

/**
 * Length of the startup packet that begins at `start`, or 0 when fewer than 4 bytes are there.
 *
 * @throws {ProtocolError} when the length can not be that of a startup packet.
 */
export function startupLength(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 4) return 0;
  const length = new DataView(bytes.buffer, bytes.byteOffset + start).getInt32(0);
  if (length < 8 || length > MAX_STARTUP_LENGTH) {
    throw new ProtocolError(`invalid length of startup packet: ${length}`);
  }
  return length;
}

/**
 * Reads one complete startup packet.
 *
 * @throws {ProtocolError} on anything but well-formed requests.
 */
export function parseStartup(packet: Uint8Array): StartupRequest {
  const view = Buffer.from(packet.buffer, packet.byteOffset, packet.length);
  const code = view.readInt32BE(4);
  switch (code) {
    case StartupCode.Ssl:
      return { kind: "ssl" };
    case StartupCode.GssEnc:
      return { kind: "gssenc" };
    case StartupCode.Cancel: {
      const keyLength = view.length - 12;
      if (keyLength < 4 || keyLength > MAX_CANCEL_KEY) {
        throw new ProtocolError("invalid length of cancel request packet");
      }
      return { kind: "cancel", pid: view.readInt32BE(8), key: view.subarray(12) };
    }
    default: {
      const major = code >>> 16;
      const minor = code & 0xffff;
      if (major !== 3) return { kind: "startup", major, minor, parameters: new Map() };
      return { kind: "startup", major, minor, parameters: parseParameters(view) };
    }
  }
}

/** Whether a startup packet's `replication` asks for a replication connection. */
export function wantsReplication(parameters: ReadonlyMap<string, string>): boolean {
  const value = parameters.get("replication");
  return value !== undefined && !/^(?:off|false|no|0|f|n)$/i.test(value);
}

function parseParameters(packet: Buffer): Map<string, string> {
  const parameters = new Map<string, string>();
  let at = 8;
  while (at < packet.length) {
    const nameEnd = packet.indexOf(0, at);
    if (nameEnd < 0) break;
    if (nameEnd === at) {
      if (at !== packet.length - 1) break;
      return parameters;
    }
    const valueEnd = packet.indexOf(0, nameEnd + 1);
    if (valueEnd < 0) break;
    parameters.set(
      packet.toString("utf8", at, nameEnd),
      packet.toString("utf8", nameEnd + 1, valueEnd),
    );
    at = valueEnd + 1;
  }
  throw new ProtocolError("invalid startup packet layout: expected terminator as last byte");
}
