import { randomBytes } from "node:crypto";
import { tlsServerEndPoint } from "../../auth/channel-binding.ts";
import {
  credentialsFromStored,
  passwordMatches,
  type ServerCredentials,
  type ServerRequestKind,
  storedFromCredentials,
  type StoredPassword,
} from "../../auth/credentials.ts";
import type { AuthFailure } from "../../auth/errors.ts";
import { ClientAuth, clientMethodForServerRequest } from "../../auth/frontend.ts";
import {
  type HbaConnection,
  type HbaMethod,
  hbaRejection,
  type HbaRule,
  type LocalAddress,
  matchHba,
} from "../../auth/hba.ts";
import type { MessageStream } from "../../pool/message-stream.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { Frontend } from "../../wire/protocol.ts";
import { LoginFailed } from "./login-failed.ts";
import type { LoginRequest } from "./login-request.ts";

/** What the authentication of clients goes by. */
export interface AuthSettings {
  /** Rules of pool_hba.conf, undefined when enable_pool_hba is off. */
  readonly rules: readonly HbaRule[] | undefined;
  readonly stored: (user: string) => StoredPassword | undefined;
  readonly allowClearText: boolean;
  readonly localAddresses: () => readonly LocalAddress[];
  readonly lookupName: (address: string) => Promise<string | null>;
  /** DER form of pgpool's own certificate. */
  readonly certificate: Uint8Array | undefined;
  readonly saltSecret: Uint8Array;
  readonly log: (text: string) => void;
}

/** How an earlier login with the same user, database and options went at the server. */
export interface KnownLogin {
  readonly asked: ServerRequestKind | undefined;
  readonly credentials: ServerCredentials;
}

/** One client's proof of who it is, given to pgpool or passed on to a server. */
export class Authentication {
  #method: HbaMethod | undefined;
  #credentials: ServerCredentials = { kind: "none" };
  /** The client has shown that it knows its password, or has the certificate. */
  #checked = false;
  /** A server has let the client in. */
  #admitted = false;
  /** Only a server that asks for the password and accepts it can tell whether it is right. */
  mustProve = false;

  constructor(
    readonly messages: MessageStream,
    readonly request: LoginRequest,
    readonly settings: AuthSettings,
  ) {}

  /**
   * What may be used towards servers in the client's name. An entry of pool_passwd must not open a
   * server's door to somebody who has proved nothing to anyone yet.
   */
  get credentials(): ServerCredentials {
    return this.#checked || this.#admitted ? this.#credentials : { kind: "none" };
  }

  /** Checks the client by pool_hba.conf, where that is in use. @throws {LoginFailed} */
  async checkByRules(): Promise<void> {
    const { rules, stored } = this.settings;
    this.#credentials = credentialsFromStored(stored(this.request.user));
    if (rules === undefined) return;
    this.#method = await this.#matchRules(rules);
    await this.#dialog(this.#method, stored(this.request.user));
    if (this.#method !== "trust") this.#checked = true;
  }

  /**
   * Checks a client that is going to get a connection somebody else logged in with, in the way the
   * server asked for then (behaviour.md 4, reuse).
   */
  async checkForReuse(known: KnownLogin): Promise<void> {
    if (this.mustProve) {
      const remembered = storedFromCredentials(known.credentials);
      const { user } = this.request;
      if (this.#credentials.kind !== "password" || remembered === undefined) return;
      if (passwordMatches(this.#credentials.password, remembered, user)) this.mustProve = false;
      return;
    }
    if (this.#checked || known.asked === undefined) return;
    await this.#ask(known.asked, storedFromCredentials(known.credentials));
  }

  /** Gives a server what it asks for, asking the client if need be. */
  async answerServer(asked: ServerRequestKind): Promise<ServerCredentials> {
    await this.#ask(asked, undefined);
    return this.#credentials;
  }

  /** A server has accepted or trusted the client; refuses a password that nobody has checked. */
  proved(asked: ServerRequestKind | undefined): void {
    if (!this.mustProve || asked !== undefined) {
      this.#admitted = true;
      return;
    }
    throw new LoginFailed({
      severity: "FATAL",
      sqlstate: "28P01",
      message: `password authentication failed for user "${this.request.user}"`,
    }, "the server trusts its clients and pool_passwd has no entry to check the password against");
  }

  async #ask(asked: ServerRequestKind, remembered: StoredPassword | undefined): Promise<void> {
    const stored = this.settings.stored(this.request.user) ?? remembered;
    const { allowClearText } = this.settings;
    const decision = clientMethodForServerRequest(asked, stored, allowClearText, this.#method);
    if ("failure" in decision) throw failed(decision.failure);
    await this.#dialog(decision.method, stored);
    this.#checked = true;
  }

  async #dialog(method: HbaMethod, stored: StoredPassword | undefined): Promise<void> {
    const { stream } = this.messages;
    const { certificate } = this.settings;
    const auth = new ClientAuth({
      method,
      user: this.request.user,
      stored,
      random: randomBytes,
      saltSecret: this.settings.saltSecret,
      tls: stream.tls === undefined ? undefined : {
        certificateHash: certificate === undefined ? undefined : tlsServerEndPoint(certificate),
        clientCertCommonName: stream.tls.commonName,
      },
    });
    let step = auth.start();
    for (;;) {
      for (const message of step.send) stream.write(message);
      if (step.state === "failed") throw failed(step.failure);
      if (step.state !== "continue") break;
      const { type, body } = await this.messages.next();
      if (type !== Frontend.Password) {
        throw new ProtocolError(`expected password response, got message type ${type}`);
      }
      step = auth.onPasswordMessage(body);
    }
    this.mustProve = step.state === "verify-with-server";
    if (step.credentials.kind !== "none") this.#credentials = step.credentials;
    if (step.state === "ok" && step.log !== undefined) this.settings.log(step.log);
  }

  async #matchRules(rules: readonly HbaRule[]): Promise<HbaMethod> {
    const { stream } = this.messages;
    let connection: HbaConnection = {
      type: stream.isUnix ? "local" : "host",
      tls: stream.tls !== undefined,
      address: stream.isUnix ? undefined : stream.remoteHost,
      database: this.request.database,
      user: this.request.user,
      localAddresses: this.settings.localAddresses(),
    };
    let match = matchHba(rules, connection);
    if (match.kind === "needs-name") {
      connection = { ...connection, hostName: await this.settings.lookupName(stream.remoteHost) };
      match = matchHba(rules, connection);
    }
    if (match.kind === "rule" && match.rule.method !== "reject") return match.rule.method;
    throw failed(hbaRejection(connection));
  }
}

function failed(failure: AuthFailure): LoginFailed {
  const { sqlstate, message, detail, hint } = failure;
  return new LoginFailed({
    severity: "FATAL",
    sqlstate,
    message,
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
  }, failure.logDetail);
}
