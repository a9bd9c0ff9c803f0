import type { LoginFailure } from "../../pcp/statistics.ts";
import { ServerRefused, ServerUnreachable } from "../../pool/errors.ts";
import type { ErrorFields } from "../../wire/build.ts";

/** A client is not let in; the fields are what it is told. */
export class LoginFailed extends Error {
  override readonly name = "LoginFailed";

  /** @param logDetail for the log only: it may tell whether a user exists. */
  constructor(readonly fields: ErrorFields, readonly logDetail?: string) {
    super(fields.message);
  }
}

/**
 * What a login that failed is counted as.
 *
 * @param sqlstate what the client is told.
 */
export function loginFailure(error: unknown, sqlstate: string): LoginFailure {
  if (sqlstate.startsWith("28")) return "authentication";
  if (error instanceof ServerUnreachable || error instanceof ServerRefused) return "servers";
  switch (sqlstate) {
    case "53300":
      return "slots";
    case "08S01":
    case "57P03":
      return "servers";
    case "57014":
      return "timeout";
    default:
      return "other";
  }
}
