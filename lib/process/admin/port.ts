import { resolve } from "node:path";
import { tlsServerEndPoint } from "../../auth/channel-binding.ts";
import type { Config } from "../../config/config.ts";
import type { Logger } from "../../log/log.ts";
import { TlsHandshakeError } from "../../net/errors.ts";
import { type Listener, type ListenPlan, openListeners } from "../../net/listen.ts";
import { removeSocketFile } from "../../net/listen-unix.ts";
import { type ServedListener, serveListener } from "../../net/serve.ts";
import type { ByteStream } from "../../net/stream.ts";
import { FailedAttempts } from "../../pcp/attempts.ts";
import type { ConsoleClient, ConsoleHandler } from "../../pcp/console.ts";
import { encodeError } from "../../pcp/notices.ts";
import { servePcp } from "../../pcp/server.ts";
import { PcpError, type PcpService } from "../../pcp/service.ts";
import { PcpUsers } from "../../pcp/users.ts";
import { ConnectionClosed, DeadlineExceeded } from "../../pool/message-stream.ts";
import * as build from "../../wire/build.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { LoginFailed } from "../client/login-failed.ts";
import { readFirstPacket } from "../client/login-request.ts";
import { loadTls, type TlsSettings } from "../client/tls-settings.ts";

/** Connections that have not logged in yet; the oldest makes room for another. */
const MOST_LOGINS = 256;
/** Connections that have logged in. */
const MOST_CONNECTIONS = 128;
/** Connections that may wait for being accepted. */
const BACKLOG = 128;
/** PCP sockets are open to everybody; who may do what is decided by pcp.conf (behaviour.md 1). */
const SOCKET_MODE = 0o777;
/** Seconds for a login when authentication_timeout is 0: nobody may hold a place for ever. */
const LOGIN_SECONDS = 60;

/** What the PCP port is made from. */
export interface AdminPortOptions {
  readonly config: () => Config;
  readonly pcpFile: string;
  readonly logger: Logger;
  readonly service: PcpService;
  readonly show: ConsoleClient["show"];
  /** Serves PostgreSQL clients. */
  readonly console: ConsoleHandler;
}

/**
 * Where administrators come in: pcp_listen_addresses, pcp_port and pcp_socket_dir. The first byte
 * of a client tells its protocol: a letter is PCP, everything else PostgreSQL's; a client of either
 * may begin with an SSLRequest. Nothing a client does or fails to do holds up anybody else.
 */
export class AdminPort {
  readonly #options: AdminPortOptions;
  readonly #attempts = new FailedAttempts(() => performance.now());
  /** In the order in which they came. */
  readonly #loggingIn = new Set<Connection>();
  readonly #loggedIn = new Set<Connection>();
  readonly #listeners: readonly Listener[];
  readonly #served: readonly ServedListener[];
  #tls: TlsSettings;

  /** @throws {ListenError} when an address can not be listened on */
  static async open(options: AdminPortOptions): Promise<AdminPort> {
    const tls = await loadTls(options.config(), options.logger);
    const listeners = await openListeners(listenPlan(options.config()), options.logger);
    // Connections have the name in the log that Pgpool-II's process for them has.
    return new AdminPort({ ...options, logger: options.logger.child("pcp_child") }, listeners, tls);
  }

  private constructor(
    options: AdminPortOptions,
    listeners: readonly Listener[],
    tls: TlsSettings,
  ) {
    this.#options = options;
    this.#listeners = listeners;
    this.#tls = tls;
    this.#served = listeners.map(({ fd, kind }) =>
      serveListener(fd, kind, (stream) => void this.#accept(stream))
    );
  }

  /** Reads certificates and keys anew. */
  async reload(): Promise<void> {
    this.#tls = await loadTls(this.#options.config(), this.#options.logger, this.#tls);
  }

  /** Accepts nobody any more and closes all connections, when what was sent to them is out. */
  close(): void {
    for (const listener of this.#served) listener.stop();
    for (const { kind, address } of this.#listeners) {
      if (kind === "unix") removeSocketFile(address);
    }
    for (const { stream } of [...this.#loggingIn, ...this.#loggedIn]) stream.end();
  }

  async #accept(stream: ByteStream): Promise<void> {
    const connection: Connection = { stream };
    this.#makeRoom();
    this.#loggingIn.add(connection);
    try {
      await this.#serve(connection);
    } catch (error) {
      this.#refuse(connection, error);
    } finally {
      this.#loggingIn.delete(connection);
      this.#loggedIn.delete(connection);
    }
  }

  #makeRoom(): void {
    const [oldest] = this.#loggingIn;
    if (this.#loggingIn.size < MOST_LOGINS || oldest === undefined) return;
    this.#loggingIn.delete(oldest);
    oldest.stream.destroy();
    this.#options.logger.warning("a PCP connection is closed to make room for others", {
      detail: `${MOST_LOGINS} connections have not logged in yet.`,
    });
  }

  async #serve(connection: Connection): Promise<void> {
    const { config, logger, pcpFile, service, show, console } = this.#options;
    const deadline = 1000 * (config().values.authentication_timeout || LOGIN_SECONDS);
    const onSecured = (stream: ByteStream) => connection.stream = stream;
    const { clients, certificate } = this.#tls;
    const first = await readFirstPacket(
      connection.stream,
      clients,
      deadline,
      onSecured,
      isLetter,
    );
    const { stream } = first.messages;
    const isFull = this.#loggedIn.size >= MOST_CONNECTIONS;
    const client = {
      stream,
      loginMs: first.messages.timeLeft,
      channelBinding: stream.tls && certificate && tlsServerEndPoint(certificate),
      onLogin: () => {
        this.#loggingIn.delete(connection);
        this.#loggedIn.add(connection);
      },
    };
    const rest = first.messages.detach();
    const users = () => PcpUsers.load(pcpFile);
    if (isFull) {
      logger.warning("a PCP connection is refused", { detail: TOO_MANY.message });
      stream.write(first.kind === "letter" ? encodeError(TOO_MANY) : CONSOLE_FULL);
      stream.end();
      return;
    }
    if (first.kind === "letter") {
      const logAll = () => config().values.log_pcp_processes;
      const options = { service, users, attempts: this.#attempts, logger, logAll };
      return await servePcp({ ...client, received: rest }, options);
    }
    const received = Buffer.concat([first.packet, first.rest, rest]);
    const attempts = this.#attempts;
    await console({ ...client, received, users, attempts, service, show, config, logger });
  }

  /** What has gone wrong before anybody knew what the client wants. */
  #refuse(connection: Connection, error: unknown): void {
    const { logger } = this.#options;
    const { stream } = connection;
    const from = stream.isUnix ? "[local]" : `${stream.remoteHost}:${stream.remotePort}`;
    if (error instanceof DeadlineExceeded) {
      logger.log("log", `PCP connection from ${from} is closed`, {
        detail: "The client took too long for its login.",
      });
    } else if (
      error instanceof ProtocolError || error instanceof LoginFailed ||
      error instanceof TlsHandshakeError
    ) {
      logger.log("log", `PCP connection from ${from} is closed`, { detail: error.message });
    } else if (!(error instanceof ConnectionClosed)) {
      const detail = error instanceof Error ? error.stack ?? error.message : String(error);
      logger.error(`unexpected error in a PCP connection from ${from}`, { detail });
    }
    stream.end();
  }
}

interface Connection {
  /** Another one after TLS has been started. */
  stream: ByteStream;
}

const TOO_MANY = new PcpError("too many PCP connections", {
  severity: "fatal",
  sqlState: "53300",
  detail: `${MOST_CONNECTIONS} administrators are connected`,
});

const CONSOLE_FULL = build.errorResponse({
  severity: "FATAL",
  sqlstate: TOO_MANY.sqlState,
  message: TOO_MANY.message,
  detail: TOO_MANY.detail,
});

/** PCP messages begin with a letter; startup packets with a zero byte, TLS with 0x16. */
function isLetter(byte: number): boolean {
  return byte !== 0x00 && byte !== 0x16;
}

function listenPlan({ values, directory: base }: Config): ListenPlan {
  return {
    tcp: values.pcp_listen_addresses.map((host) => ({ host, port: values.pcp_port })),
    unix: values.pcp_socket_dir.map((directory) => ({
      directory: resolve(base, directory),
      port: values.pcp_port,
      permissions: SOCKET_MODE,
      group: "",
    })),
    backlog: BACKLOG,
    names: { addresses: "pcp_listen_addresses", directories: "pcp_socket_dir" },
  };
}
