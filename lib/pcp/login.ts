import { createHmac, randomBytes } from "node:crypto";
import { ScramError } from "../auth/errors.ts";
import { equalTexts, md5Hex } from "../auth/md5.ts";
import { encodePassword } from "../auth/password-bytes.ts";
import {
  DEFAULT_ITERATIONS,
  DEFAULT_SALT_LENGTH,
  ScramServer,
  type ScramVerifier,
} from "../auth/scram.ts";
import { authenticatedReply, saltReply, saslReply } from "./replies.ts";
import type { LoginRequest } from "./requests.ts";
import { PcpError } from "./service.ts";
import { PcpUsers, PcpUsersError } from "./users.ts";

const SALT_BYTES = 4;
/** Salts that one connection gets; clients need one. */
const MOST_SALTS = 10;
const KEY_BYTES = 32;
const saltSecret = randomBytes(KEY_BYTES);
const MD5_ONLY = "Commands of Pgpool-II can only use md5.";

/** What logins are checked by. */
export interface LoginOptions {
  /** Reads pcp.conf. @throws {PcpUsersError} */
  readonly users: () => PcpUsers;
  /** False while too many wrong passwords have come from where this client is. */
  readonly mayTry: () => boolean;
  /** tls-server-end-point hash of the server's certificate, on a connection with TLS. */
  readonly channelBinding: Uint8Array | undefined;
}

/** What a step of the login leads to. */
export type LoginStep =
  | { readonly kind: "answer"; readonly bytes: Uint8Array }
  | { readonly kind: "accepted"; readonly user: string; readonly bytes: Uint8Array }
  | {
    readonly kind: "refused";
    readonly user: string;
    readonly error: PcpError;
    /** The client has guessed, and guessed wrong. */
    readonly wrongPassword: boolean;
    /** For the log only: it tells what pcp.conf holds. */
    readonly logDetail: string;
  };

type State =
  | { readonly kind: "start" }
  | { readonly kind: "salted"; readonly salt: Uint8Array; readonly sasl: SaslOffer | undefined }
  | { readonly kind: "sasl"; readonly user: string; readonly scram: ScramServer };

interface SaslOffer {
  readonly user: string;
  readonly scram: ScramServer;
}

/** The server's side of one client's login (pcp-protocol.md 2), without I/O. */
export class PcpLogin {
  readonly #options: LoginOptions;
  #state: State = { kind: "start" };
  #salts = 0;

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  receive(request: LoginRequest): LoginStep {
    const state = this.#state;
    this.#state = { kind: "start" };
    const user = "user" in request ? request.user : state.kind === "sasl" ? state.user : "";
    try {
      switch (request.kind) {
        case "salt":
          return this.#salt(request.user, request.mechanisms);
        case "authenticate":
          return this.#checkHash(state, request.user, request.hash);
        case "sasl":
          return this.#continueSasl(state, request.mechanism, request.data);
      }
    } catch (error) {
      const refused = explain(error);
      return { kind: "refused", user, error: refused, wrongPassword: false, logDetail: "" };
    }
  }

  /**
   * A client that says who it is and that it knows SCRAM is offered it where the user has a
   * verifier. Unknown users are offered it as soon as anybody has one, so that they do not stand
   * out among those who have.
   */
  #salt(user: string, mechanisms: readonly string[]): LoginStep {
    if (++this.#salts > MOST_SALTS) throw refusal("authentication failed", "too many attempts");
    const salt = randomBytes(SALT_BYTES);
    const offer = mechanisms.length === 0 ? undefined : this.#saslOffer(user);
    this.#state = { kind: "salted", salt, sasl: offer };
    return { kind: "answer", bytes: saltReply(salt, offer?.scram.mechanisms ?? []) };
  }

  #saslOffer(user: string): SaslOffer | undefined {
    const users = this.#options.users();
    const verifier = users.verifier(user);
    const isUnknown = users.secrets(user).length === 0;
    if (verifier === undefined && !(isUnknown && users.hasVerifiers)) return undefined;
    const { channelBinding } = this.#options;
    const scram = new ScramServer({
      user,
      verifier: verifier ?? madeUpVerifier(user),
      alwaysVerifier: true,
      channelBinding,
      random: randomBytes,
    });
    return { user, scram };
  }

  #checkHash(state: State, user: string, hash: string): LoginStep {
    if (state.kind !== "salted") {
      throw refusal("authentication failed", "username and/or password does not match");
    }
    this.#mustBeAllowed();
    const users = this.#options.users();
    const matching = users.hashes(user).filter((each) =>
      equalTexts(hash, hashAnswer(each, user, state.salt))
    );
    if (matching.length > 0) return accepted(user);
    const isVerifier = users.verifier(user) !== undefined;
    return wrongPassword(user, isVerifier ? `"${user}" has a SCRAM verifier. ${MD5_ONLY}` : "");
  }

  #continueSasl(state: State, mechanism: string, data: Uint8Array): LoginStep {
    if (state.kind === "salted" && state.sasl !== undefined) {
      const { user, scram } = state.sasl;
      const bytes = saslReply(scram.first(data, mechanism));
      this.#state = { kind: "sasl", user, scram };
      return { kind: "answer", bytes };
    }
    if (state.kind !== "sasl") throw refusal("authentication failed", "unexpected SASL message");
    this.#mustBeAllowed();
    try {
      const { serverFinal } = state.scram.final(data);
      return accepted(state.user, saslReply(serverFinal));
    } catch (error) {
      if (error instanceof ScramError && error.reason === "mismatch") {
        return wrongPassword(state.user);
      }
      throw error;
    }
  }

  #mustBeAllowed(): void {
    if (this.#options.mayTry()) return;
    throw refusal("authentication failed", "too many failed attempts, try again later");
  }
}

/** What the client sends for a stored md5: the hash of hash and user, hashed with the salt. */
export function hashAnswer(hash: string, user: string, salt: Uint8Array): string {
  const withUser = md5Hex(Buffer.concat([Buffer.from(hash, "latin1"), encodePassword(user)]));
  return md5Hex(Buffer.concat([Buffer.from(withUser, "latin1"), salt]));
}

/** A verifier that no password fits, with the same salt whenever somebody asks for that user. */
function madeUpVerifier(user: string): ScramVerifier {
  const salt = createHmac("sha256", saltSecret).update(encodePassword(user)).digest();
  return {
    iterations: DEFAULT_ITERATIONS,
    salt: salt.subarray(0, DEFAULT_SALT_LENGTH),
    storedKey: randomBytes(KEY_BYTES),
    serverKey: randomBytes(KEY_BYTES),
  };
}

function accepted(user: string, before: Uint8Array = new Uint8Array()): LoginStep {
  return { kind: "accepted", user, bytes: Buffer.concat([before, authenticatedReply()]) };
}

function wrongPassword(user: string, logDetail: string = ""): LoginStep {
  return {
    kind: "refused",
    user,
    wrongPassword: true,
    logDetail,
    error: refusal(
      `authentication failed for user "${user}"`,
      "username and/or password does not match",
    ),
  };
}

function refusal(message: string, detail: string): PcpError {
  return new PcpError(message, { severity: "fatal", detail });
}

function explain(error: unknown): PcpError {
  if (error instanceof PcpError) return error;
  if (error instanceof ScramError) {
    return new PcpError("authentication failed", {
      severity: "fatal",
      detail: error.message,
      cause: error,
    });
  }
  if (error instanceof PcpUsersError) {
    return new PcpError("failed to authenticate PCP user", {
      severity: "fatal",
      detail: error.message,
      cause: error,
    });
  }
  throw error;
}
