/**
 * Why a login failed. `message`, `detail` and `hint` go to the client as an ErrorResponse;
 * `logDetail` is for the operator's log only, because it may tell whether a user exists.
 */
export interface AuthFailure {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly logDetail?: string;
}

/** SQLSTATEs of failed logins (PostgreSQL documentation, appendix A). */
export const AuthSqlState = {
  InvalidAuthorization: "28000",
  InvalidPassword: "28P01",
  ProtocolViolation: "08P01",
} as const;

/** A message of an authentication exchange, or a stored secret, that cannot be used. */
export class AuthError extends Error {
  override readonly name: string = "AuthError";
}

/**
 * What went wrong in a SCRAM exchange: a message that breaks RFC 5802, a wrong proof or server
 * signature, a channel binding that does not fit, or a request for absurd amounts of work.
 */
export type ScramErrorReason = "malformed" | "mismatch" | "channel-binding" | "limit";

/** Every failure of a SCRAM exchange; the text holds no secrets and none of the peer's bytes. */
export class ScramError extends AuthError {
  override readonly name: string = "ScramError";

  constructor(readonly reason: ScramErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
