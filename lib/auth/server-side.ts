import {
  type AuthRequest,
  passwordMessage,
  readAuthRequest,
  saslInitialResponse,
  saslResponse,
} from "./auth-messages.ts";
import {
  canAnswer,
  credentialsFromStored,
  type RandomBytes,
  type ServerCredentials,
  type ServerRequestKind,
  type StoredPassword,
} from "./credentials.ts";
import { AuthError, type AuthFailure, AuthSqlState, ScramError } from "./errors.ts";
import { noPasswordForServer } from "./frontend-failures.ts";
import { md5Answer, md5Password } from "./md5.ts";
import { ScramClient, type ScramClientSecret } from "./scram-client.ts";

export interface ServerAuthOptions {
  readonly user: string;
  readonly credentials: ServerCredentials | StoredPassword;
  /** tls-server-end-point hash of the server's certificate, when the connection has TLS. */
  readonly channelBinding?: Uint8Array | undefined;
  readonly random: RandomBytes;
}

/**
 * What to do next with the server.
 *
 * - continue: send `send` if there is any, wait for the next AuthenticationRequest
 * - need-password: the credentials do not answer what the server asks; get better ones from the
 *   client (`clientMethodForServerRequest`) and give them to `provide`, or give up
 * - ok: logged in; `proved` tells whether the server asked for a password and accepted ours
 * - failed: close the connection
 */
export type ServerStep =
  | { readonly state: "continue"; readonly send?: Uint8Array }
  | { readonly state: "need-password"; readonly asked: ServerRequestKind }
  | { readonly state: "ok"; readonly proved: boolean; readonly asked?: ServerRequestKind }
  | { readonly state: "failed"; readonly failure: AuthFailure };

type Stage =
  | { readonly at: "start" }
  | { readonly at: "need-password"; readonly request: AuthRequest }
  | { readonly at: "answered" }
  | { readonly at: "scram-continue"; readonly scram: ScramClient }
  | { readonly at: "scram-final"; readonly scram: ScramClient }
  | { readonly at: "done" };

/**
 * pgpool's login to one server, without I/O (behaviour.md 4; PostgreSQL documentation, "Message
 * Flow", Start-up). ErrorResponses of the server are the caller's.
 */
export class ServerAuth {
  readonly #options: ServerAuthOptions;
  #credentials: ServerCredentials;
  #stage: Stage = { at: "start" };
  #asked: ServerRequestKind | undefined;

  constructor(options: ServerAuthOptions) {
    this.#options = options;
    this.#credentials = toCredentials(options.credentials);
  }

  /** Takes the body of an AuthenticationRequest (`R`), without its 5-byte header. */
  onAuthentication(body: Uint8Array): ServerStep {
    return this.#guard(() => this.#onRequest(readAuthRequest(body)));
  }

  /** Goes on after need-password with credentials of a client that has been asked. */
  provide(credentials: ServerCredentials): ServerStep {
    const stage = this.#stage;
    if (stage.at !== "need-password") {
      throw new AuthError("credentials given to a server that did not ask");
    }
    this.#credentials = credentials;
    const step = this.#guard(() => this.#answer(stage.request));
    if (step.state !== "need-password") return step;
    this.#stage = { at: "done" };
    return { state: "failed", failure: noPasswordForServer(step.asked, undefined) };
  }

  #onRequest(request: AuthRequest): ServerStep {
    switch (request.kind) {
      case "ok":
        return this.#onOk();
      case "password":
      case "md5":
      case "sasl":
        if (this.#stage.at !== "start") throw outOfOrder();
        return this.#answer(request);
      case "sasl-continue":
        return this.#onSaslContinue(request.data);
      case "sasl-final":
        return this.#onSaslFinal(request.data);
      case "unsupported":
        throw new AuthError(
          `unsupported auth kind received from backend: authkind:${request.code}`,
        );
    }
  }

  /** A server that skips the end of SCRAM has not proved that it knows the password. */
  #onOk(): ServerStep {
    const { at } = this.#stage;
    if (at !== "start" && at !== "answered") throw outOfOrder();
    this.#stage = { at: "done" };
    const asked = this.#asked;
    return asked === undefined
      ? { state: "ok", proved: false }
      : { state: "ok", proved: true, asked };
  }

  #answer(request: AuthRequest): ServerStep {
    const asked = request.kind === "sasl" ? "scram-sha-256" : request.kind;
    if (asked !== "scram-sha-256" && asked !== "password" && asked !== "md5") throw outOfOrder();
    if (!canAnswer(this.#credentials, asked)) {
      this.#stage = { at: "need-password", request };
      return { state: "need-password", asked };
    }
    this.#asked = asked;
    if (request.kind === "sasl") return this.#startScram(request.mechanisms);
    this.#stage = { at: "answered" };
    const salt = request.kind === "md5" ? request.salt : undefined;
    return { state: "continue", send: passwordMessage(this.#passwordFor(salt)) };
  }

  #passwordFor(salt: Uint8Array | undefined): string {
    const credentials = this.#credentials;
    if (credentials.kind === "password") {
      const { password } = credentials;
      return salt === undefined
        ? password
        : md5Answer(md5Password(password, this.#options.user), salt);
    }
    if (credentials.kind === "md5" && salt !== undefined) return md5Answer(credentials.hash, salt);
    throw outOfOrder();
  }

  #startScram(mechanisms: readonly string[]): ServerStep {
    const { channelBinding, random } = this.#options;
    const scram = new ScramClient({ ...scramSecret(this.#credentials), channelBinding, random });
    const { mechanism, initial } = scram.start(mechanisms);
    this.#stage = { at: "scram-continue", scram };
    return { state: "continue", send: saslInitialResponse(mechanism, initial) };
  }

  #onSaslContinue(data: Uint8Array): ServerStep {
    if (this.#stage.at !== "scram-continue") throw outOfOrder();
    const { scram } = this.#stage;
    const send = saslResponse(scram.continue(data));
    this.#stage = { at: "scram-final", scram };
    return { state: "continue", send };
  }

  #onSaslFinal(data: Uint8Array): ServerStep {
    if (this.#stage.at !== "scram-final") throw outOfOrder();
    this.#stage.scram.finish(data);
    this.#stage = { at: "answered" };
    return { state: "continue" };
  }

  #guard(act: () => ServerStep): ServerStep {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      this.#stage = { at: "done" };
      return { state: "failed", failure: serverFailure(error) };
    }
  }
}

function serverFailure(error: AuthError): AuthFailure {
  if (error instanceof ScramError) {
    return {
      sqlstate: error.reason === "malformed"
        ? AuthSqlState.ProtocolViolation
        : AuthSqlState.InvalidPassword,
      message: "failed to authenticate with backend using SCRAM",
      detail: error.message,
    };
  }
  return { sqlstate: AuthSqlState.ProtocolViolation, message: error.message };
}

function scramSecret(credentials: ServerCredentials): ScramClientSecret {
  if (credentials.kind === "password") return { password: credentials.password };
  if (credentials.kind === "scram") return { keys: credentials };
  throw outOfOrder();
}

/** A stored password has a kind that credentials lack, or the same meaning. */
function toCredentials(given: ServerCredentials | StoredPassword): ServerCredentials {
  switch (given.kind) {
    case "plain":
    case "aes-undecryptable":
      return credentialsFromStored(given);
    case "scram":
      return "clientKey" in given ? given : { kind: "none" };
    case "none":
    case "password":
    case "md5":
      return given;
  }
}

function outOfOrder(): AuthError {
  return new AuthError("authentication request of the backend is out of order");
}
