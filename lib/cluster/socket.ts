import { createConnection, type Socket } from "node:net";
import type { ProbeFailure } from "./facts.ts";

/** Where a server listens. */
export interface Endpoint {
  /** Host name, address, or a directory of Unix sockets (empty means /tmp). */
  readonly hostname: string;
  readonly port: number;
}

/** A socket could not be had; `failure` says why. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  constructor(readonly failure: ProbeFailure, options?: ErrorOptions) {
    super(`could not connect: ${failure.kind}`, options);
  }
}

/** Whether the endpoint is a Unix socket (a directory in the place of a host). */
export function isLocal(endpoint: Endpoint): boolean {
  return endpoint.hostname === "" || endpoint.hostname.startsWith("/");
}

/**
 * Connects to a server's socket.
 * @param deadline milliseconds allowed for it
 * @throws ConnectError
 */
export function openSocket(endpoint: Endpoint, deadline: number): Promise<Socket> {
  const { hostname, port } = endpoint;
  const socket = isLocal(endpoint)
    ? createConnection({ path: `${hostname || "/tmp"}/.s.PGSQL.${port}` })
    : createConnection({ host: hostname, port });
  return new Promise((resolve, reject) => {
    const fail = (failure: ProbeFailure, cause?: unknown) => {
      clearTimeout(timer);
      socket.on("error", () => {});
      socket.destroy();
      reject(new ConnectError(failure, { cause }));
    };
    const timer = setTimeout(() => fail({ kind: "connect-timeout" }), Math.max(0, deadline));
    const failed = (error: Error) => fail(socketFailure(error), error);
    socket.once("error", failed);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeListener("error", failed);
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

/** The system's error code of anything thrown, `unknown` when there is none. */
export function errorCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return "unknown";
}

function socketFailure(error: unknown): ProbeFailure {
  const code = errorCode(error);
  switch (code) {
    // A socket file that is not there is a server that does not listen.
    case "ECONNREFUSED":
    case "ENOENT":
      return { kind: "refused", code };
    case "ETIMEDOUT":
      return { kind: "connect-timeout" };
    case "ECONNRESET":
    case "EPIPE":
      return { kind: "lost", code };
    default:
      return { kind: "unreachable", code };
  }
}
