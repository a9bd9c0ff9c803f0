import { randomBytes } from "node:crypto";
import type { AuthFailure } from "../../auth/errors.ts";
import type { Message } from "../../pool/message-stream.ts";
import type { ConsoleClient, ConsoleHandler } from "../../pcp/console.ts";
import { PcpWire } from "../../pcp/server-wire.ts";
import { loadParser } from "../../sql/parser.ts";
import * as build from "../../wire/build.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { Frame, FrameReader } from "../../wire/frames.ts";
import { Frontend, TransactionStatus } from "../../wire/protocol.ts";
import { parseStartup, startupLength, type StartupRequest } from "../../wire/startup.ts";
import { ConsoleLog } from "./console-log.ts";
import type { Environment } from "./environment.ts";
import { SqlError } from "./errors.ts";
import { ConsoleLogin, type LoginStep } from "./login.ts";
import { ConsoleProtocol } from "./protocol.ts";
import { SessionSettings } from "./settings.ts";
import { readStartup, type Startup } from "./startup.ts";

/** Longest message, which is many times the longest statement that makes sense here. */
const MOST_MESSAGE = 64 * 1024;
/** Longest time for the rest of a message that has begun, in milliseconds. */
const MESSAGE_MS = 30_000;
/** Longest time that a client which has logged in may be silent, in milliseconds. */
const IDLE_MS = 24 * 3600_000;

/**
 * Serves a PostgreSQL client on the PCP port: an administrator with psql, a driver or a dashboard.
 * Done when the connection is over. Never fails.
 */
export const serveConsole: ConsoleHandler = async (client) => {
  const { received, stream } = client;
  const length = startupLength(received, 0, received.length);
  const request = parseStartup(received.subarray(0, length));
  // A cancel request is answered by closing, whatever becomes of it: nothing here can be cancelled.
  if (request.kind === "startup") {
    await new Conversation(client, received.subarray(length)).run(request);
  }
  stream.end();
};

class Conversation {
  readonly #client: ConsoleClient;
  readonly #reader = new FrameReader(MOST_MESSAGE);
  readonly #wire: PcpWire;
  /** Wrong passwords are counted by it. */
  readonly #address: string;
  readonly #log: ConsoleLog;
  readonly #loginEnds: number;

  constructor(client: ConsoleClient, received: Uint8Array) {
    const { stream, loginMs } = client;
    this.#client = client;
    this.#address = stream.isUnix ? "[local]" : stream.remoteHost;
    this.#log = new ConsoleLog(client);
    this.#loginEnds = performance.now() + loginMs;
    this.#reader.feed(received);
    this.#wire = new PcpWire(stream, this.#reader);
  }

  async run(request: StartupRequest & { kind: "startup" }): Promise<void> {
    this.#log.session("new SQL connection to the PCP port");
    try {
      const startup = readStartup(request);
      const settings = new SessionSettings(startup.user, startup.parameters);
      this.#wire.send(startup.negotiation);
      if (await this.#logIn(startup.user)) await this.#serve(startup, settings);
    } catch (error) {
      this.#endWith(error);
    }
    this.#log.session("SQL connection to the PCP port ended");
  }

  /** False when the client is refused. */
  async #logIn(user: string): Promise<boolean> {
    const { stream, users, attempts, channelBinding, onLogin } = this.#client;
    const login = new ConsoleLogin({
      user,
      users,
      mayTry: () => attempts.mayTry(this.#address),
      channelBinding,
      isPrivate: stream.tls !== undefined || stream.isUnix || isLoopback(stream.remoteHost),
    });
    let step = login.start();
    while (step.kind === "ask") {
      this.#wire.send(step.bytes);
      const { type, body } = await this.#next();
      if (type === Frontend.Terminate) return false;
      if (type !== Frontend.Password) {
        throw new ProtocolError(`expected password response, got message type ${type}`);
      }
      step = login.receive(body);
    }
    if (step.kind === "refused") {
      await this.#refuse(user, step);
      return false;
    }
    this.#wire.send(step.bytes);
    this.#log.user = user;
    onLogin();
    this.#log.session("PCP user has logged in by SQL");
    return true;
  }

  async #refuse(user: string, step: LoginStep & { kind: "refused" }): Promise<void> {
    const { attempts } = this.#client;
    const { failure, wrongPassword } = step;
    this.#log.refused(user, failure);
    if (wrongPassword) await attempts.holdBack(this.#address, (ms) => this.#wire.pause(ms));
    this.#wire.send(fatal(failure));
  }

  async #serve(startup: Startup, settings: SessionSettings): Promise<void> {
    const { service, show, config } = this.#client;
    const { user, database, keyLength } = startup;
    await loadParser();
    for (const [name, value] of settings.reported()) {
      this.#wire.send(build.parameterStatus(name, value));
    }
    this.#wire.send(build.backendKeyData(process.pid, randomBytes(keyLength)));
    this.#wire.send(build.readyForQuery(TransactionStatus.Idle));
    const notice = (message: string, detail: string) => this.#notice(message, detail);
    const environment: Environment = { service, show, config, user, database, settings, notice };
    const protocol = new ConsoleProtocol(environment, {
      send: (bytes) => this.#wire.sendSlowly(bytes),
      onStatement: (text, isActing, values) => this.#log.statement(text, isActing, values),
      onFailure: (error) => this.#log.failure(error),
    });
    while (await protocol.receive(await this.#next()));
  }

  async #next(): Promise<Message> {
    for (;;) {
      const found = this.#reader.next();
      const { type, length, bytes, start, end } = this.#reader;
      if (found === Frame.Whole && length <= MOST_MESSAGE) {
        return { type, body: bytes.subarray(start + 5, end) };
      }
      if (found !== Frame.None) throw new ProtocolError("message is too long");
      await this.#wire.more(...this.#patience());
    }
  }

  /** How long to wait for the client now, in milliseconds, and what for. */
  #patience(): [limit: number, what: string] {
    if (this.#log.user === undefined) {
      return [Math.max(1, this.#loginEnds - performance.now()), "its login"];
    }
    return this.#reader.pending > 0
      ? [MESSAGE_MS, "the rest of a message"]
      : [IDLE_MS, "a statement"];
  }

  #notice(message: string, detail: string): void {
    const more = detail === "" ? {} : { detail };
    this.#wire.send(
      build.noticeResponse({ severity: "NOTICE", sqlstate: "00000", message, ...more }),
    );
  }

  #endWith(error: unknown): void {
    this.#log.end(error);
    if (!(error instanceof SqlError) && !(error instanceof ProtocolError)) return;
    const more = error instanceof SqlError ? error.more : {};
    this.#wire.send(fatal({ sqlstate: error.sqlstate, message: error.message, ...more }));
  }
}

/** Where nothing leaves the machine. */
function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/i.test(address) || address === "::1";
}

function fatal({ sqlstate, message, detail, hint }: Omit<AuthFailure, "logDetail">): Uint8Array {
  return build.errorResponse({
    severity: "FATAL",
    sqlstate,
    message,
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
  });
}
