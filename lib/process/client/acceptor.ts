import type { Logger } from "../../log/log.ts";
import { TlsHandshakeError } from "../../net/errors.ts";
import type { ByteStream } from "../../net/stream.ts";
import { ServerRefused, ServerUnreachable } from "../../pool/errors.ts";
import {
  ConnectionClosed,
  DeadlineExceeded,
  type MessageStream,
} from "../../pool/message-stream.ts";
import { writeNode } from "../../session/load-balance.ts";
import * as build from "../../wire/build.ts";
import type { ErrorFields } from "../../wire/build.ts";
import { ProtocolError } from "../../wire/errors.ts";
import type { Admission } from "../admission.ts";
import { WaitEnded } from "../waiting-room.ts";
import { Authentication, type AuthSettings } from "./authenticate.ts";
import { Client } from "./client.ts";
import type { Clients } from "./clients.ts";
import { addressOf, type ConnectionLog } from "./connection-log.ts";
import { firstConnection } from "./first-connection.ts";
import { LoginFailed, loginFailure } from "./login-failed.ts";
import {
  type ClientTlsStarter,
  type LoginRequest,
  negotiatedMinor,
  negotiation,
  readOpening,
} from "./login-request.ts";
import { unreachableFields } from "./unreachable.ts";

/** First PostgreSQL version that speaks protocol 3.2, as server_version_num. */
const NEWEST_MINOR = 2;
const PROTOCOL_3_2_SINCE = 180_000;

/** What a client is let in by. */
export interface AcceptorOptions {
  readonly clients: Clients;
  readonly logger: Logger;
  readonly connectionLog: ConnectionLog;
  readonly tls: () => ClientTlsStarter | undefined;
  readonly auth: () => AuthSettings;
  readonly admission: Admission;
  /** A client, or a connection that has not become one, has left. */
  readonly onLeft: () => void;
  /** A cancel request for a client of another worker. */
  readonly passCancel: (pid: number, key: string) => void;
}

/** Takes clients from their first byte to the beginning of their session. */
export class Acceptor {
  /** Connections that have not finished their login. */
  readonly #pending = new Set<ByteStream>();
  readonly #slots = new Set<Client>();
  #connecting = 0;
  #nextId = 1;

  constructor(readonly options: AcceptorOptions) {}

  get pending(): number {
    return this.#pending.size;
  }

  /** Logins that have a client slot and do not wait for the cluster. */
  get connecting(): number {
    return this.#connecting - this.options.clients.lobby.waiting;
  }

  /** Serves a connection that has just been accepted. */
  async accept(stream: ByteStream): Promise<void> {
    const { config } = this.options.clients;
    this.#pending.add(stream);
    let current = stream;
    const onSecured = (secured: ByteStream) => {
      this.#pending.delete(current);
      this.#pending.add(secured);
      current = secured;
    };
    if (config.values.log_connections) this.options.connectionLog.received(addressOf(stream));
    try {
      const deadline = config.values.authentication_timeout * 1000;
      const opening = await readOpening(stream, this.options.tls(), deadline, onSecured);
      if (opening.kind === "cancel") {
        this.#cancel(opening.pid, opening.key);
        opening.stream.end();
        return;
      }
      await this.#logIn(opening.messages, opening.request);
    } catch (error) {
      this.#refuse(current, error);
    } finally {
      this.#pending.delete(current);
      this.options.onLeft();
    }
  }

  /** The client has left; its slot is free again. */
  left(client: Client): void {
    if (this.#slots.delete(client)) this.options.admission.release();
    if (client.context.config.values.log_disconnections) {
      this.options.connectionLog.ended(client.logIdentity, Date.now());
    }
    this.options.onLeft();
  }

  /** Ends all logins that are under way. */
  destroyPending(): void {
    for (const stream of this.#pending) stream.destroy();
  }

  #cancel(pid: number, key: Uint8Array): void {
    const { clients, logger } = this.options;
    if (clients.config.values.log_client_messages) {
      logger.log("log", "Cancel message from frontend.", { detail: `process id: ${pid}` });
    }
    const text = Buffer.from(key).toString("hex");
    if (!clients.cancel(pid, text)) this.options.passCancel(pid, text);
  }

  async #logIn(messages: MessageStream, request: LoginRequest): Promise<void> {
    const { clients } = this.options;
    const newest = this.#newestMinor();
    const negotiate = negotiation(request, newest);
    if (negotiate !== undefined) messages.stream.write(negotiate);
    messages.stopClock();
    await this.#admit(messages);
    messages.startClock();
    let client: Client | undefined;
    this.#connecting++;
    try {
      const authentication = new Authentication(messages, request, this.options.auth());
      await authentication.checkByRules();
      const key = clients.sharedKey({
        database: request.database,
        user: request.user,
        minor: negotiatedMinor(request, newest),
        options: request.options,
      });
      const newcomer = { messages, request, key, authentication };
      const connection = await firstConnection(clients, newcomer);
      client = new Client(
        this.#nextId++,
        messages,
        request,
        authentication.credentials,
        key,
        clients,
      );
      if (connection.minor < key.minor) {
        const agreed = negotiation({ ...request, unknownOptions: [] }, connection.minor);
        if (agreed !== undefined) messages.stream.write(agreed);
      }
      this.#slots.add(client);
      client.start(connection, messages);
      clients.figures.countWorker("logins");
    } finally {
      this.#connecting--;
      if (client === undefined) {
        this.options.admission.release();
        clients.gate.check();
      }
    }
  }

  async #admit(messages: MessageStream): Promise<void> {
    const { admission, logger } = this.options;
    const admitted = admission.admit(messages.gone);
    if (admission.waiting > 0) {
      logger.log("log", "a client waits because all client slots are taken", {
        detail: `Clients of this worker that wait: ${admission.waiting}.`,
        hint: "Raise num_init_children if this goes on.",
      });
    }
    await admitted;
  }

  #newestMinor(): number {
    const snapshot = this.options.clients.snapshot();
    const version = snapshot.nodes[writeNode(snapshot)]?.serverVersion ?? 0;
    if (version > 0) return version >= PROTOCOL_3_2_SINCE ? 2 : 0;
    // Nobody has asked the server for its version: what it agreed to at the last login counts, and
    // before the first login the newest is worth a try.
    return this.options.clients.agreedMinor(writeNode(snapshot)) ?? NEWEST_MINOR;
  }

  #refuse(stream: ByteStream, error: unknown): void {
    const fields = this.#errorFor(error);
    if (fields !== undefined) {
      stream.write(build.errorResponse(fields));
      this.options.clients.figures.countWorker(`failed-${loginFailure(error, fields.sqlstate)}`);
    }
    stream.end();
  }

  /** What a client is told; undefined when there is nobody left to be told. */
  #errorFor(error: unknown): ErrorFields | undefined {
    const { logger } = this.options;
    if (error instanceof ConnectionClosed || error instanceof WaitEnded) return undefined;
    if (error instanceof DeadlineExceeded) {
      logger.log("log", "authentication timeout");
      return { severity: "FATAL", sqlstate: "57014", message: "authentication timeout" };
    }
    if (error instanceof LoginFailed) {
      const { message, detail } = error.fields;
      const details = error.logDetail ?? detail;
      logger.log("fatal", message, details === undefined ? {} : { detail: details });
      return error.fields;
    }
    if (error instanceof ProtocolError) {
      logger.log("log", `protocol error before the session began: ${error.message}`);
      return { severity: "FATAL", sqlstate: error.sqlstate, message: error.message };
    }
    if (error instanceof ServerRefused) {
      return error.fields;
    }
    if (error instanceof ServerUnreachable) {
      const { failover_on_backend_error } = this.options.clients.config.values;
      return unreachableFields(error, failover_on_backend_error);
    }
    if (error instanceof TlsHandshakeError) {
      logger.log("log", `could not accept SSL connection: ${error.message}`);
      return undefined;
    }
    // A fault of pgpool's own must not take the other clients of this worker along.
    const detail = error instanceof Error ? error.stack : String(error);
    logger.error("unexpected error during a login", detail === undefined ? {} : { detail });
    return INTERNAL;
  }
}

const INTERNAL: ErrorFields = {
  severity: "FATAL",
  sqlstate: "XX000",
  message: "internal error of pgpool",
  hint: "see pgpool log for details",
};
