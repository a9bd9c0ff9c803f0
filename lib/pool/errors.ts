import type { ErrorFields } from "../wire/build.ts";
import { parseErrorFields } from "../wire/read.ts";

/** In what way a server failed to be one. */
export type UnreachableReason =
  /** Nobody listens. */
  | "refused"
  /** Nobody answered the attempt to connect: the host is gone, or packets are dropped. */
  | "connect-timeout"
  /** Names, routes or the network. */
  | "network"
  /** Connected, and then no answer in time. */
  | "no-answer"
  /** Connected, and hung up on before the login was over. */
  | "closed"
  /** No agreement on TLS, or a certificate that is not trusted. */
  | "tls"
  /** What answers does not speak the protocol. */
  | "not-postgresql";

/** The server can not be reached, or does not behave like a PostgreSQL server. */
export class ServerUnreachable extends Error {
  override readonly name = "ServerUnreachable";

  constructor(
    readonly node: number,
    readonly reason: UnreachableReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The server answered and refused the login: its own words are for the client. */
export class ServerRefused extends Error {
  override readonly name = "ServerRefused";

  constructor(readonly node: number, readonly fields: ErrorFields) {
    super(fields.message);
  }

  /** The server starts up, shuts down or recovers (SQLSTATE 57P01 to 57P03): not the client's fault. */
  get notReady(): boolean {
    return this.fields.sqlstate.startsWith("57P0");
  }

  /** The server has no connection left (SQLSTATE 53300). */
  get full(): boolean {
    return this.fields.sqlstate === "53300";
  }
}

/** The error that the body of an ErrorResponse holds. */
export function refusedBy(node: number, body: Uint8Array): ServerRefused {
  const fields = parseErrorFields(body);
  const detail = fields.get("D");
  const hint = fields.get("H");
  return new ServerRefused(node, {
    severity: fields.get("V") ?? fields.get("S") ?? "FATAL",
    sqlstate: fields.get("C") ?? "08004",
    message: fields.get("M") ?? "the server refused the connection",
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
  });
}
