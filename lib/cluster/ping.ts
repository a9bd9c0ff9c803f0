import type { Socket } from "node:net";
import { startupPacket, TERMINATE } from "../wire/build.ts";
import { Backend } from "../wire/protocol.ts";
import { parseErrorFields } from "../wire/read.ts";
import type { PingOutcome, ProbeFailure } from "./facts.ts";
import { ConnectError, type Endpoint, errorCode, openSocket } from "./socket.ts";

/** First messages longer than this come from something that is no PostgreSQL server. */
const LONGEST_FIRST_MESSAGE = 30_000;

/** As whom a ping introduces itself; no password is ever sent. */
export interface PingIdentity {
  readonly user: string;
  readonly database: string;
}

/**
 * Asks whether a server takes connections, as libpq's PQping does: one start-up packet, and any
 * answer but "not now" means yes. Works without a password and for users that do not exist.
 * @param deadline milliseconds for the whole of it
 */
export async function ping(
  endpoint: Endpoint,
  identity: PingIdentity,
  deadline: number,
): Promise<PingOutcome> {
  const until = performance.now() + deadline;
  let socket: Socket;
  try {
    socket = await openSocket(endpoint, deadline);
  } catch (error) {
    if (error instanceof ConnectError) return error.failure;
    throw error;
  }
  try {
    return await firstAnswer(socket, identity, until - performance.now());
  } finally {
    socket.on("error", () => {});
    socket.destroy();
  }
}

function firstAnswer(
  socket: Socket,
  identity: PingIdentity,
  deadline: number,
): Promise<PingOutcome> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => resolve({ kind: "timeout" }), Math.max(0, deadline));
    const settle = (outcome: PingOutcome) => {
      clearTimeout(timer);
      if (outcome.kind === "answers") socket.end(TERMINATE);
      resolve(outcome);
    };
    socket.on("data", (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const outcome = readAnswer(received);
      if (outcome !== null) settle(outcome);
    });
    socket.on("error", (error: Error) => settle({ kind: "lost", code: errorCode(error) }));
    socket.on("close", () => settle({ kind: "lost", code: "closed" }));
    socket.write(startupPacket(0, new Map(Object.entries(identity))));
  });
}

/**
 * Reads the first message a server sends.
 * @returns null while more bytes are needed
 */
export function readAnswer(bytes: Buffer): PingOutcome | null {
  if (bytes.length === 0) return null;
  const type = bytes[0];
  if (type === Backend.Authentication || type === Backend.NegotiateProtocolVersion) {
    return { kind: "answers" };
  }
  if (type !== Backend.ErrorResponse) return { kind: "not-postgresql" };
  if (bytes.length < 5) return null;
  const length = bytes.readInt32BE(1);
  if (length < 5 || length > LONGEST_FIRST_MESSAGE) return { kind: "not-postgresql" };
  if (bytes.length < length + 1) return null;
  const fields = parseErrorFields(bytes.subarray(5, length + 1));
  return errorOutcome(fields.get("C") ?? "", fields.get("M") ?? "");
}

/** What an error of the server says about it (PostgreSQL documentation, appendix A). */
export function errorOutcome(code: string, message: string): ProbeFailure {
  if (code === "57P03") return { kind: "not-ready", message };
  if (code === "57P01" || code === "57P02") return { kind: "shutting-down" };
  if (code.startsWith("28")) return { kind: "auth-failed", code, message };
  return { kind: "failed", code, message };
}
