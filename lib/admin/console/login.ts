import { randomBytes } from "node:crypto";
import {
  authenticationCleartext,
  authenticationOk,
  readPassword,
} from "../../auth/auth-messages.ts";
import { AuthError, type AuthFailure, AuthSqlState } from "../../auth/errors.ts";
import { type AuthStep, ClientAuth } from "../../auth/frontend.ts";
import { equalTexts, md5Hex } from "../../auth/md5.ts";
import { type PcpUsers, PcpUsersError } from "../../pcp/users.ts";

/** What an administrator is let in by. */
export interface LoginOptions {
  readonly user: string;
  /** Reads pcp.conf. @throws {PcpUsersError} */
  readonly users: () => PcpUsers;
  /** False while too many wrong passwords have come from where this client is. */
  readonly mayTry: () => boolean;
  /** tls-server-end-point hash of the server's certificate, on a connection with TLS. */
  readonly channelBinding: Uint8Array | undefined;
  /** Nobody can listen on the way: TLS, a Unix socket or the loopback. */
  readonly isPrivate: boolean;
}

/** What comes next. */
export type LoginStep =
  /** Send the bytes and wait for a password message. */
  | { readonly kind: "ask"; readonly bytes: Uint8Array }
  /** Send the bytes; the client is in. */
  | { readonly kind: "accepted"; readonly bytes: Uint8Array }
  | {
    readonly kind: "refused";
    readonly failure: AuthFailure;
    /** The client has guessed, and guessed wrong. */
    readonly wrongPassword: boolean;
  };

/** A hash that no password has, so that unknown users take as long as known ones. */
const NOBODY = "-".repeat(32);

/**
 * The login of a PostgreSQL client by pcp.conf, without I/O. A user with a verifier is asked for
 * SCRAM. From the md5 of a password nothing follows that PostgreSQL's md5 method could be checked
 * with, which has the user's name in it: such users are asked for the password itself, where nobody
 * can listen. Unknown users are asked like those with a verifier as soon as anybody has one.
 */
export class ConsoleLogin {
  readonly #options: LoginOptions;
  #scram: ClientAuth | undefined;
  #hashes: readonly string[] = [];

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  start(): LoginStep {
    const { user, users, channelBinding, isPrivate } = this.#options;
    let known: PcpUsers;
    try {
      known = users();
    } catch (error) {
      if (!(error instanceof PcpUsersError)) throw error;
      return refused({
        sqlstate: AuthSqlState.InvalidAuthorization,
        message: "failed to authenticate PCP user",
        hint: "see pgpool log for details",
        logDetail: error.message,
      });
    }
    const verifier = known.verifier(user);
    const isUnknown = known.secrets(user).length === 0;
    if (verifier !== undefined || isUnknown && known.hasVerifiers) {
      this.#scram = new ClientAuth({
        method: "scram-sha-256",
        user,
        stored: verifier && { kind: "scram", verifier },
        tls: channelBinding && { certificateHash: channelBinding },
        random: randomBytes,
      });
      return this.#fromScram(this.#scram.start());
    }
    if (!isPrivate) return refused(NOT_PRIVATE);
    this.#hashes = known.hashes(user);
    return { kind: "ask", bytes: authenticationCleartext() };
  }

  /** Takes the body of a password message. */
  receive(body: Uint8Array): LoginStep {
    if (!this.#options.mayTry()) return refused(TOO_MANY);
    if (this.#scram !== undefined) return this.#fromScram(this.#scram.onPasswordMessage(body));
    try {
      return this.#checkPassword(readPassword(body));
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      return refused({ sqlstate: AuthSqlState.ProtocolViolation, message: error.message });
    }
  }

  #checkPassword(password: string): LoginStep {
    const given = md5Hex(password);
    const hashes = this.#hashes.length === 0 ? [NOBODY] : this.#hashes;
    const matching = hashes.filter((hash) => equalTexts(given, hash));
    if (password !== "" && matching.length > 0) {
      return { kind: "accepted", bytes: authenticationOk() };
    }
    return this.#wrongPassword();
  }

  #fromScram(step: AuthStep): LoginStep {
    switch (step.state) {
      case "continue":
        return { kind: "ask", bytes: Buffer.concat(step.send) };
      case "ok":
        return { kind: "accepted", bytes: Buffer.concat([...step.send, authenticationOk()]) };
      case "verify-with-server":
        throw new TypeError("SCRAM is never left to a server");
      case "failed":
        return step.failure.sqlstate === AuthSqlState.InvalidPassword
          ? this.#wrongPassword()
          : refused(step.failure);
    }
  }

  #wrongPassword(): LoginStep {
    const failure = {
      sqlstate: AuthSqlState.InvalidPassword,
      message: `password authentication failed for user "${this.#options.user}"`,
    };
    return { kind: "refused", failure, wrongPassword: true };
  }
}

function refused(failure: AuthFailure): LoginStep {
  return { kind: "refused", failure, wrongPassword: false };
}

const NOT_PRIVATE: AuthFailure = {
  sqlstate: AuthSqlState.InvalidAuthorization,
  message: "the connection is not encrypted, and the password would be sent as it is",
  hint: "Connect with sslmode=require, or store the password in pcp.conf as a SCRAM verifier.",
};

const TOO_MANY: AuthFailure = {
  sqlstate: AuthSqlState.InvalidAuthorization,
  message: "authentication failed",
  detail: "too many failed attempts, try again later",
};
