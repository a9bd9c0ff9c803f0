import {
  authenticationCleartext,
  authenticationMd5,
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
  readPassword,
  readSaslInitialResponse,
} from "./auth-messages.ts";
import {
  credentialsFromStored,
  passwordMatches,
  type RandomBytes,
  type ServerCredentials,
  type ServerRequestKind,
  type StoredPassword,
} from "./credentials.ts";
import { AuthError, type AuthFailure, ScramError } from "./errors.ts";
import {
  certificateFailure,
  type FailedMethod,
  noPasswordForServer,
  protocolViolation,
  rejected,
  scramViolation,
  unavailableMethod,
  wrongPassword,
} from "./frontend-failures.ts";
import type { HbaMethod } from "./hba-parse.ts";
import { MD5_SALT_LENGTH, md5Password, verifyMd5Answer } from "./md5.ts";
import { ScramServer } from "./scram-server.ts";

/** What is known of the client's TLS. */
export interface ClientTls {
  /** tls-server-end-point hash of our own certificate (`tlsServerEndPoint`). */
  readonly certificateHash?: Uint8Array | undefined;
  /** CN of the client's certificate, only when it was verified against ssl_ca_cert. */
  readonly clientCertCommonName?: string | undefined;
}

export interface ClientAuthContext {
  /** Of the pool_hba.conf line, or as `clientMethodForServerRequest` says. */
  readonly method: HbaMethod;
  readonly user: string;
  /** The user's entry in pool_passwd, or what is remembered of a pooled connection. */
  readonly stored?: StoredPassword | undefined;
  readonly tls?: ClientTls | undefined;
  readonly random: RandomBytes;
  /** As in ScramServerOptions; one for all processes of a pgpool. */
  readonly saltSecret?: Uint8Array | undefined;
}

/**
 * What to do next. `send` holds complete protocol messages for the client. AuthenticationOk is
 * never among them: servers may still have something to ask or to refuse, so the caller sends it
 * (`authenticationOk`) when they are content.
 *
 * - continue: wait for the client's next password message
 * - ok: the client is who it says, as far as its method tells
 * - verify-with-server: the client gave a clear-text password and pgpool has nothing to compare
 *   it with. The session may be used only when a server asked for a password and accepted this
 *   one (`proved` of ServerStep).
 * - failed: send `failure` as a FATAL ErrorResponse and close
 */
export type AuthStep =
  | { readonly state: "continue"; readonly send: Uint8Array[] }
  | {
    readonly state: "ok";
    readonly send: Uint8Array[];
    readonly credentials: ServerCredentials;
    /** Line for the log (level LOG). */
    readonly log?: string;
  }
  | {
    readonly state: "verify-with-server";
    readonly send: Uint8Array[];
    readonly credentials: ServerCredentials;
  }
  | { readonly state: "failed"; readonly send: Uint8Array[]; readonly failure: AuthFailure };

type Expected =
  | { readonly what: "nothing" }
  | { readonly what: "password" }
  | { readonly what: "md5"; readonly salt: Uint8Array }
  | { readonly what: "sasl-initial"; readonly scram: ScramServer }
  | { readonly what: "sasl-first"; readonly scram: ScramServer; readonly mechanism: string }
  | { readonly what: "sasl-final"; readonly scram: ScramServer };

/** pgpool's check of one client, without I/O (behaviour.md 3). */
export class ClientAuth {
  readonly #context: ClientAuthContext;
  /** Undefined also for an empty stored password, which lets nobody in. */
  readonly #stored: StoredPassword | undefined;
  #expected: Expected = { what: "nothing" };

  constructor(context: ClientAuthContext) {
    this.#context = context;
    const { stored } = context;
    const empty = stored?.kind === "plain" && stored.password === "";
    this.#stored = empty ? undefined : stored;
  }

  /** The first step, before anything was read from the client. */
  start(): AuthStep {
    const { method } = this.#context;
    switch (method) {
      case "trust":
        return { state: "ok", send: [], credentials: { kind: "none" } };
      case "reject":
        return this.#fail(rejected());
      case "pam":
      case "ldap":
        return this.#fail(unavailableMethod(method));
      case "cert":
        return this.#checkCertificate();
      case "password":
        return this.#ask(authenticationCleartext(), { what: "password" });
      case "md5":
        // As in PostgreSQL, a client whose password is stored for SCRAM is asked for SCRAM.
        return this.#stored?.kind === "scram" ? this.#offerScram() : this.#offerMd5();
      case "scram-sha-256":
        return this.#offerScram();
    }
  }

  /** Takes the body of a message of type `p`, without its 5-byte header. */
  onPasswordMessage(body: Uint8Array): AuthStep {
    const expected = this.#expected;
    this.#expected = { what: "nothing" };
    try {
      switch (expected.what) {
        case "nothing":
          return this.#fail(protocolViolation("unexpected password message"));
        case "password":
          return this.#checkPassword(readPassword(body));
        case "md5":
          return this.#checkMd5(readPassword(body), expected.salt);
        case "sasl-initial":
          return this.#beginScram(body, expected.scram);
        case "sasl-first":
          return this.#continueScram(body, expected.mechanism, expected.scram);
        case "sasl-final":
          return this.#finishScram(body, expected.scram);
      }
    } catch (error) {
      return this.#failWith(error);
    }
  }

  #checkCertificate(): AuthStep {
    const { user, tls } = this.#context;
    const commonName = tls?.clientCertCommonName;
    if (commonName?.toLowerCase() !== user.toLowerCase()) {
      return this.#fail(certificateFailure(user, commonName));
    }
    return {
      state: "ok",
      send: [],
      credentials: credentialsFromStored(this.#stored),
      log: `SSL certificate authentication for user "${user}" with Pgpool-II is successful`,
    };
  }

  #checkPassword(password: string): AuthStep {
    if (password === "") return this.#wrongPassword("password");
    const credentials: ServerCredentials = { kind: "password", password };
    if (this.#stored === undefined) {
      return { state: "verify-with-server", send: [], credentials };
    }
    return passwordMatches(password, this.#stored, this.#context.user)
      ? { state: "ok", send: [], credentials }
      : this.#wrongPassword("password");
  }

  #offerMd5(): AuthStep {
    const salt = this.#context.random(MD5_SALT_LENGTH);
    return this.#ask(authenticationMd5(salt), { what: "md5", salt });
  }

  #checkMd5(answer: string, salt: Uint8Array): AuthStep {
    const hash = md5HashOf(this.#stored, this.#context.user);
    // A comparison is made even when there is nothing to compare with, so that it costs the same.
    const matches = verifyMd5Answer(answer, hash ?? md5Password("", ""), salt);
    if (hash === undefined || !matches) return this.#wrongPassword("md5");
    return { state: "ok", send: [], credentials: credentialsFromStored(this.#stored) };
  }

  #offerScram(): AuthStep {
    const stored = this.#stored;
    const scram = new ScramServer({
      user: this.#context.user,
      verifier: stored?.kind === "scram" ? stored.verifier : undefined,
      password: stored?.kind === "plain" ? stored.password : undefined,
      channelBinding: this.#context.tls?.certificateHash,
      random: this.#context.random,
      saltSecret: this.#context.saltSecret,
    });
    return this.#ask(authenticationSasl(scram.mechanisms), { what: "sasl-initial", scram });
  }

  #beginScram(body: Uint8Array, scram: ScramServer): AuthStep {
    const { mechanism, data } = readSaslInitialResponse(body);
    if (data !== undefined) return this.#continueScram(data, mechanism, scram);
    const expected: Expected = { what: "sasl-first", scram, mechanism };
    return this.#ask(authenticationSaslContinue(new Uint8Array()), expected);
  }

  #continueScram(data: Uint8Array, mechanism: string, scram: ScramServer): AuthStep {
    const serverFirst = scram.first(data, mechanism);
    return this.#ask(authenticationSaslContinue(serverFirst), { what: "sasl-final", scram });
  }

  #finishScram(body: Uint8Array, scram: ScramServer): AuthStep {
    const { serverFinal, clientKey } = scram.final(body);
    const stored = this.#stored;
    const credentials: ServerCredentials = stored?.kind === "scram"
      ? { kind: "scram", clientKey, ...stored.verifier }
      : credentialsFromStored(stored);
    return { state: "ok", send: [authenticationSaslFinal(serverFinal)], credentials };
  }

  #ask(message: Uint8Array, expected: Expected): AuthStep {
    this.#expected = expected;
    return { state: "continue", send: [message] };
  }

  #wrongPassword(method: FailedMethod): AuthStep {
    return this.#fail(wrongPassword(method, this.#context.user, this.#stored));
  }

  #fail(failure: AuthFailure): AuthStep {
    return { state: "failed", send: [], failure };
  }

  #failWith(error: unknown): AuthStep {
    if (error instanceof ScramError) {
      return error.reason === "mismatch"
        ? this.#wrongPassword("scram-sha-256")
        : this.#fail(scramViolation(error));
    }
    if (error instanceof AuthError) return this.#fail(protocolViolation(error.message));
    throw error;
  }
}

/** How to ask a client that a server wants to know more about, or why that is not possible. */
export type ClientMethodDecision =
  | { readonly method: "password" | "md5" | "scram-sha-256" }
  | { readonly failure: AuthFailure };

/**
 * A server asked for a password and what is known of the client does not answer it: how shall
 * pgpool ask the client? (behaviour.md 4, table; run a ClientAuth with the method and `stored`.)
 *
 * @param asked what the server wants
 * @param stored the user's entry in pool_passwd, or what a pooled connection remembers
 * @param allowClearText allow_clear_text_frontend_auth
 * @param hbaMethod method of the pool_hba.conf line; undefined when enable_pool_hba is off
 */
export function clientMethodForServerRequest(
  asked: ServerRequestKind,
  stored: StoredPassword | undefined,
  allowClearText: boolean,
  hbaMethod: HbaMethod | undefined,
): ClientMethodDecision {
  if (asked === "password") {
    const allowed = hbaMethod === undefined || hbaMethod === "password" || allowClearText ||
      stored?.kind === "plain";
    return allowed ? { method: "password" } : { failure: noPasswordForServer(asked, stored) };
  }
  if (stored?.kind === "plain" || (stored?.kind === "md5" && asked === "md5")) {
    return { method: asked };
  }
  if (stored?.kind === "scram" && asked === "scram-sha-256") return { method: asked };
  const mayAskClearText = hbaMethod === undefined && allowClearText &&
    stored?.kind !== "aes-undecryptable";
  return mayAskClearText ? { method: "password" } : { failure: noPasswordForServer(asked, stored) };
}

function md5HashOf(stored: StoredPassword | undefined, user: string): string | undefined {
  if (stored?.kind === "plain") return md5Password(stored.password, user);
  return stored?.kind === "md5" ? stored.hash : undefined;
}
