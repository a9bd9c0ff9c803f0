import type { ErrorFields } from "../wire/build.ts";

/** The server can not be reached, or does not behave like a PostgreSQL server. */
export class ServerUnreachable extends Error {
  override readonly name = "ServerUnreachable";

  constructor(readonly node: number, message: string, options?: ErrorOptions) {
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
