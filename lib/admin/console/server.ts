import { randomBytes } from "node:crypto";
import type { AuthFailure } from "../../auth/errors.ts";
import type { Message } from "../../pool/message-stream.ts";
import type { ConsoleClient, ConsoleHandler } from "../../pcp/console.ts";
import { ConnectionOver, PcpWire } from "../../pcp/server-wire.ts";
import { PcpError } from "../../pcp/service.ts";
import { loadParser } from "../../sql/parser.ts";
import * as build from "../../wire/build.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { Frame, FrameReader } from "../../wire/frames.ts";
import { Frontend, TransactionStatus } from "../../wire/protocol.ts";
import { parseStartup, startupLength } from "../../wire/startup.ts";
import { cutBytes } from "../format.ts";
import type { Environment } from "./environment.ts";
import { SqlError } from "./errors.ts";
import { ConsoleLogin, type LoginStep } from "./login.ts";
import { ConsoleProtocol } from "./protocol.ts";
import { SessionSettings } from "./settings.ts";
import { readStartup, type Startup } from "./startup.ts";
import type { Value } from "./values.ts";

/** Longest message, which is many times the longest statement that makes sense here. */
const MOST_MESSAGE = 64 * 1024;
/** Longest time for the rest of a message that has begun, in milliseconds. */
const MESSAGE_MS = 30_000;
/** Longest time that a client which has logged in may be silent, in milliseconds. */
const IDLE_MS = 24 * 3600_000;
/** So much of a statement is logged, in bytes. */
const LOGGED_BYTES = 1000;

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
    await new Conversation(client, received.subarray(length)).run(() => readStartup(request));
  }
  stream.end();
};

class Conversation {
  readonly #client: ConsoleClient;
  readonly #reader = new FrameReader(MOST_MESSAGE);
  readonly #wire: PcpWire;
  /** Wrong passwords are counted by it. */
  readonly #address: string;
  readonly #from: string;
  readonly #loginEnds: number;
  #user: string | undefined;

  constructor(client: ConsoleClient, received: Uint8Array) {
    const { stream, loginMs } = client;
    this.#client = client;
    this.#address = stream.isUnix ? "[local]" : stream.remoteHost;
    this.#from = stream.isUnix ? "[local]" : `${stream.remoteHost}:${stream.remotePort}`;
    this.#loginEnds = performance.now() + loginMs;
    this.#reader.feed(received);
    this.#wire = new PcpWire(stream, this.#reader);
  }

  async run(start: () => Startup): Promise<void> {
    this.#logSession(`new SQL connection to the PCP port from ${this.#from}`);
    try {
      const startup = start();
      const settings = new SessionSettings(startup.user, startup.parameters);
      this.#wire.send(startup.negotiation);
      if (!await this.#logIn(startup.user)) return;
      await this.#serve(startup, settings);
    } catch (error) {
      this.#endWith(error);
    }
    this.#logSession(`SQL connection to the PCP port from ${this.#from} ended`);
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
    this.#user = user;
    onLogin();
    this.#logSession(`PCP user "${user}" has logged in by SQL from ${this.#from}`);
    return true;
  }

  async #refuse(user: string, step: LoginStep & { kind: "refused" }): Promise<void> {
    const { attempts, logger } = this.#client;
    const { failure, wrongPassword } = step;
    const detail = failure.logDetail ?? failure.detail ?? "";
    logger.log("fatal", `PCP: ${failure.message} (user "${user}" from ${this.#from})`, {
      ...(detail === "" ? {} : { detail }),
    });
    const pause = wrongPassword ? attempts.failed(this.#address) : 0;
    if (pause > 0) {
      try {
        await this.#wire.pause(pause);
      } finally {
        attempts.answered(this.#address);
      }
    }
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
      onStatement: (text, isActing, values) => this.#logStatement(text, isActing, values),
      onFailure: (error) => this.#logFailure(error),
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
    if (this.#user === undefined) {
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
    if (error instanceof ConnectionOver) {
      if (error.reason !== "") {
        this.#log(
          "log",
          `SQL connection to the PCP port from ${this.#from} is closed`,
          error.reason,
        );
      }
    } else if (error instanceof SqlError || error instanceof ProtocolError) {
      this.#log("log", `PCP: ${error.message} (${this.#who()})`);
      const more = error instanceof SqlError ? error.more : {};
      this.#wire.send(fatal({ sqlstate: error.sqlstate, message: error.message, ...more }));
    } else {
      this.#logFailure(error);
    }
  }

  #logStatement(text: string, isActing: boolean, values: readonly Value[]): void {
    const severity = isActing || this.#client.config().values.log_pcp_processes ? "log" : "debug1";
    const statement = cutBytes(text.trim(), LOGGED_BYTES);
    const parameters = values.map((value, index) => `$${index + 1} = ${JSON.stringify(value)}`);
    const detail = cutBytes(parameters.join(", "), LOGGED_BYTES);
    this.#log(severity, `PCP: statement of ${this.#who()}: ${statement}`, detail);
  }

  /** What the client asked for wrongly is its own affair; a fault of pgpool's own is not. */
  #logFailure(error: unknown): void {
    if (error instanceof SqlError) {
      this.#log("debug1", `PCP: ${error.message} (${this.#who()})`);
    } else if (error instanceof PcpError) {
      this.#log("error", `PCP: ${error.message} (${this.#who()})`, error.detail);
    } else {
      const detail = error instanceof Error ? error.stack ?? error.message : String(error);
      this.#log("error", `unexpected error in a PCP connection (${this.#who()})`, detail);
    }
  }

  #who(): string {
    return this.#user === undefined ? this.#from : `user "${this.#user}" from ${this.#from}`;
  }

  #logSession(text: string): void {
    this.#log(this.#client.config().values.log_pcp_processes ? "log" : "debug1", text);
  }

  #log(severity: "debug1" | "log" | "error", text: string, detail: string = ""): void {
    this.#client.logger.log(severity, text, detail === "" ? {} : { detail });
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
