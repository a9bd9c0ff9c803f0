import type { StoredPassword } from "./credentials.ts";
import { type AuthFailure, AuthSqlState, type ScramError } from "./errors.ts";

/** How the client is told and the log knows why it was not let in. */
export type FailedMethod = "password" | "md5" | "scram-sha-256";

/**
 * The client's password is wrong, or there is nothing to compare it with. The client is told the
 * same in all cases (unlike Pgpool-II, which tells strangers who has an entry in pool_passwd).
 */
export function wrongPassword(
  method: FailedMethod,
  user: string,
  stored: StoredPassword | undefined,
): AuthFailure {
  const logDetail = explain(method, user, stored);
  const sqlstate = AuthSqlState.InvalidPassword;
  switch (method) {
    case "password":
      return {
        sqlstate,
        message: "clear text password authentication failed",
        detail: "password does not match",
        logDetail,
      };
    case "md5":
      return {
        sqlstate,
        message: "md5 authentication failed",
        detail: "password does not match",
        logDetail,
      };
    case "scram-sha-256":
      return {
        sqlstate,
        message: "authentication failed",
        detail: `username "${user}" or password does not exist in backend`,
        logDetail,
      };
  }
}

/** A message that breaks the protocol. */
export function protocolViolation(message: string): AuthFailure {
  return { sqlstate: AuthSqlState.ProtocolViolation, message };
}

/** A SCRAM exchange that failed for another reason than the password. */
export function scramViolation(error: ScramError): AuthFailure {
  const sqlstate = error.reason === "channel-binding"
    ? AuthSqlState.InvalidAuthorization
    : AuthSqlState.ProtocolViolation;
  return { sqlstate, message: error.message };
}

/** Clients of a line `reject`; a caller that knows the connection has `hbaRejection`. */
export function rejected(): AuthFailure {
  return {
    sqlstate: AuthSqlState.InvalidAuthorization,
    message: "client authentication failed",
    hint: "see pgpool log for details",
    logDetail: "pool_hba.conf rejects the connection",
  };
}

/** A method of pool_hba.conf that is understood but cannot be carried out. */
export function unavailableMethod(method: string): AuthFailure {
  return {
    sqlstate: AuthSqlState.InvalidAuthorization,
    message: "client authentication failed",
    hint: "see pgpool log for details",
    logDetail: `authentication method ${method} of pool_hba.conf is not available yet`,
  };
}

/** Method cert without a certificate, or with one for somebody else (behaviour.md 3). */
export function certificateFailure(user: string, commonName: string | undefined): AuthFailure {
  const logDetail = commonName === undefined
    ? "the client presented no certificate"
    : `the certificate is for "${commonName}" but the user is "${user}"`;
  return {
    sqlstate: AuthSqlState.InvalidAuthorization,
    message: "CERT authentication failed",
    detail: "no valid certificate presented",
    logDetail,
  };
}

/** A server asks for a password and nothing that would answer it is known (behaviour.md 4). */
export function noPasswordForServer(
  asked: FailedMethod,
  stored: StoredPassword | undefined,
): AuthFailure {
  const sqlstate = AuthSqlState.InvalidPassword;
  if (stored?.kind === "aes-undecryptable" && asked === "scram-sha-256") {
    return {
      sqlstate,
      message: "SCRAM authentication failed",
      detail: "unable to decrypt password from pool_passwd",
      hint: "verify the valid pool_key exists",
    };
  }
  const name = asked === "scram-sha-256" ? "SCRAM" : asked;
  return {
    sqlstate,
    message: `failed to authenticate with backend using ${name}`,
    detail: "valid password not found",
  };
}

function explain(method: FailedMethod, user: string, stored: StoredPassword | undefined): string {
  if (stored === undefined) return `pool_passwd file does not contain an entry for "${user}"`;
  if (stored.kind === "aes-undecryptable") {
    return stored.reason === "no-key"
      ? `the pool_passwd entry of "${user}" is encrypted and there is no key to decrypt it`
      : `the pool_passwd entry of "${user}" cannot be decrypted with the key`;
  }
  const unusable = method === "scram-sha-256" && stored.kind === "md5";
  return unusable
    ? `the pool_passwd entry of "${user}" is an md5 hash, which method ${method} cannot use`
    : `user "${user}" gave a wrong password`;
}
