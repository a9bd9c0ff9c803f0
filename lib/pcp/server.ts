import { setImmediate as nextTurn } from "node:timers/promises";
import type { Logger } from "../log/log.ts";
import type { ByteStream } from "../net/stream.ts";
import { answerRequest } from "./answer.ts";
import type { FailedAttempts } from "./attempts.ts";
import { ConnectionOver, PcpWire } from "./server-wire.ts";
import { admitsNotices, type MessageLevel } from "./message-level.ts";
import { encodeError, encodeNotice } from "./notices.ts";
import { describeRequest, isActing } from "./request-text.ts";
import type { WorkRequest } from "./requests.ts";
import { PcpServerSession, type ServerStep } from "./server-session.ts";
import { PcpError, type PcpService } from "./service.ts";
import type { PcpUsers } from "./users.ts";

/** What a PCP server is made from. */
export interface PcpServerOptions {
  readonly service: PcpService;
  /** Reads pcp.conf. @throws {PcpUsersError} */
  readonly users: () => PcpUsers;
  readonly attempts: FailedAttempts;
  readonly logger: Logger;
  /** log_pcp_processes: connections and requests that only read are logged as well. */
  readonly logAll: () => boolean;
}

/** One connection of a client. */
export interface PcpClientStream {
  readonly stream: ByteStream;
  /** What has been read from it already. */
  readonly received: Uint8Array;
  /** Milliseconds that are left for the login, 0 without limit. */
  readonly loginMs: number;
  /** tls-server-end-point hash of the server's certificate, on a connection with TLS. */
  readonly channelBinding: Uint8Array | undefined;
  /** The client has logged in: it does not count among those who have not any more. */
  readonly onLogin: () => void;
}

/** Longest time that a client which has logged in may be silent, in milliseconds. */
const IDLE_MS = 30 * 60_000;
/** Longest time for the rest of a message that has begun, in milliseconds. */
const MESSAGE_MS = 30_000;

/** Serves one client until the connection is over. Never fails. */
export async function servePcp(client: PcpClientStream, options: PcpServerOptions): Promise<void> {
  await new Conversation(client, options).run();
}

class Conversation {
  readonly #session: PcpServerSession;
  readonly #wire: PcpWire;
  readonly #from: string;
  readonly #address: string;
  readonly #loginEnds: number;
  #level: MessageLevel = "notice";

  constructor(readonly client: PcpClientStream, readonly options: PcpServerOptions) {
    const { stream, received, loginMs, channelBinding } = client;
    this.#address = stream.isUnix ? "[local]" : stream.remoteHost;
    this.#from = stream.isUnix ? "[local]" : `${stream.remoteHost}:${stream.remotePort}`;
    this.#loginEnds = performance.now() + loginMs;
    this.#session = new PcpServerSession({
      users: options.users,
      mayTry: () => options.attempts.mayTry(this.#address),
      channelBinding,
    });
    this.#session.feed(received);
    this.#wire = new PcpWire(stream, this.#session);
  }

  async run(): Promise<void> {
    const { stream } = this.client;
    this.#logSession(`new PCP connection from ${this.#from}`);
    try {
      // Others have their turn between two requests, however many have come at once.
      while (await this.#step(await this.#next())) await nextTurn();
    } catch (error) {
      if (!(error instanceof ConnectionOver)) this.#logFault(error);
      else if (error.reason !== "") {
        this.#log("log", `PCP connection from ${this.#from} is closed`, error.reason);
      }
    }
    stream.end();
    this.#logSession(`PCP connection from ${this.#from} ended`);
  }

  async #next(): Promise<ServerStep> {
    for (;;) {
      const step = this.#session.next();
      if (step !== undefined) return step;
      const [limit, what] = this.#patience();
      await this.#wire.more(limit, what);
    }
  }

  /** How long to wait for the client now, in milliseconds (0: for ever), and what for. */
  #patience(): [limit: number, what: string] {
    if (this.#session.user === undefined) {
      const left = Math.max(1, this.#loginEnds - performance.now());
      return [this.client.loginMs === 0 ? 0 : left, "its login"];
    }
    return this.#session.pending > 0 ? [MESSAGE_MS, "the rest of a message"] : [
      IDLE_MS,
      "a request",
    ];
  }

  /** Does one thing; false when the connection is over. */
  async #step(step: ServerStep): Promise<boolean> {
    switch (step.kind) {
      case "answer":
        await this.#wire.sendSlowly(step.bytes);
        return true;
      case "accepted":
        this.#wire.send(step.bytes);
        this.client.onLogin();
        this.#logSession(`PCP user "${step.user}" has logged in from ${this.#from}`);
        return true;
      case "refused":
        await this.#refuse(step);
        return false;
      case "failed":
        return this.#tellError(step.error);
      case "work":
        return await this.#work(step.request);
      case "over":
        return false;
    }
  }

  async #refuse(step: ServerStep & { kind: "refused" }): Promise<void> {
    const { error, wrongPassword, logDetail } = step;
    const { attempts } = this.options;
    this.#logError("fatal", error.message, logDetail || error.detail);
    if (wrongPassword) await attempts.holdBack(this.#address, (ms) => this.#wire.pause(ms));
    this.#wire.send(encodeError(error));
  }

  #tellError(error: PcpError): boolean {
    const { severity, message, detail } = error;
    this.#logError(severity, message, detail);
    this.#wire.send(encodeError(error));
    return severity !== "fatal";
  }

  async #work(request: WorkRequest): Promise<boolean> {
    const text = `PCP: ${describeRequest(request)} requested by ${this.#who()}`;
    this.#log(isActing(request) || this.options.logAll() ? "log" : "debug1", text);
    try {
      const answer = await answerRequest(request, {
        service: this.options.service,
        progress: (message, detail = "") => this.#notice(message, detail),
        setMessageLevel: (level) => this.#level = level,
      });
      for (const message of answer) await this.#wire.sendSlowly(message);
      return true;
    } catch (error) {
      if (error instanceof PcpError) return this.#tellError(error);
      if (error instanceof ConnectionOver) throw error;
      this.#logFault(error);
      return this.#tellError(new PcpError("internal error of pgpool", { cause: error }));
    }
  }

  #notice(message: string, detail: string): void {
    if (!admitsNotices(this.#level)) return;
    const notice = { severity: "NOTICE", sqlState: "00000", message, detail, hint: "" };
    this.#wire.send(encodeNotice("N", notice));
  }

  #who(): string {
    const user = this.#session.user;
    return user === undefined ? this.#from : `user "${user}" from ${this.#from}`;
  }

  #logSession(text: string): void {
    this.#log(this.options.logAll() ? "log" : "debug1", text);
  }

  /** The message alone, as scripts know it; who it was stands beside it. */
  #logError(severity: "error" | "fatal", message: string, detail: string): void {
    const { logger } = this.options;
    const client = oneLine(`PCP client: ${this.#who()}`);
    // What a script wrote may be part of it: its lines stay lines.
    const sentences = [detail, client].filter((text) => text !== "");
    logger.log(severity, oneLine(message), { detail: sentences.join(". ") });
  }

  #log(severity: "debug1" | "log" | "error" | "fatal", text: string, detail: string = ""): void {
    this.options.logger.log(
      severity,
      oneLine(text),
      detail === "" ? {} : { detail: oneLine(detail) },
    );
  }

  /** A fault of pgpool's own is told to the log, and ends this connection at most. */
  #logFault(error: unknown): void {
    const detail = error instanceof Error ? error.stack ?? error.message : String(error);
    this.options.logger.error(`unexpected error in a PCP connection (${this.#who()})`, { detail });
  }
}

/** Names come from anybody: they must not look like lines of the log. */
function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, "?");
}
