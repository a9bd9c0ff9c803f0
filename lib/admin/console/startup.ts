import * as build from "../../wire/build.ts";
import { type StartupRequest, wantsReplication } from "../../wire/startup.ts";
import { SqlError } from "./errors.ts";

/** Newest minor version of protocol 3 that is spoken. */
const NEWEST_MINOR = 2;

/** What a startup packet asks for. */
export interface Startup {
  readonly user: string;
  readonly database: string;
  /** Length of the key in BackendKeyData. */
  readonly keyLength: number;
  /** Told to the client first; empty when it gets all it asks for. */
  readonly negotiation: Uint8Array;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Reads a startup packet. @throws {SqlError} what is fatal for the connection. */
export function readStartup(request: StartupRequest & { kind: "startup" }): Startup {
  const { major, minor, parameters } = request;
  if (major !== 3) {
    const message = `unsupported frontend protocol ${major}.${minor}: server supports 3.0 to 3.2`;
    throw new SqlError("0A000", message);
  }
  const user = parameters.get("user") ?? "";
  if (user === "") {
    throw new SqlError("28000", "no PostgreSQL user name specified in startup packet");
  }
  if (wantsReplication(parameters)) {
    throw new SqlError(
      "0A000",
      "the administration port does not support replication connections",
      {
        hint: "Connect to the PostgreSQL server itself for replication and base backups.",
      },
    );
  }
  const agreed = Math.min(minor, NEWEST_MINOR);
  const unknown = [...parameters.keys()].filter((name) => name.startsWith("_pq_."));
  const isAll = agreed === minor && unknown.length === 0;
  return {
    user,
    database: parameters.get("database") || user,
    keyLength: agreed >= 2 ? 32 : 4,
    negotiation: isAll ? new Uint8Array(0) : build.negotiateProtocolVersion(agreed, unknown),
    parameters,
  };
}
