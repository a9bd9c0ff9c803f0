import type { AuthFailure } from "../../auth/errors.ts";
import type { ConsoleClient } from "../../pcp/console.ts";
import { ConnectionOver } from "../../pcp/server-wire.ts";
import { PcpError } from "../../pcp/service.ts";
import { ProtocolError } from "../../wire/errors.ts";
import { cutBytes } from "../format.ts";
import { SqlError } from "./errors.ts";
import type { Value } from "./values.ts";

/** So much of a statement, and of its parameters, is logged, in bytes. */
const LOGGED_BYTES = 1000;

/** What the log is told of one SQL connection to the PCP port: always with who it is. */
export class ConsoleLog {
  readonly #client: Pick<ConsoleClient, "stream" | "config" | "logger">;
  /** Who is logged in, undefined before that. */
  user: string | undefined;

  constructor(client: Pick<ConsoleClient, "stream" | "config" | "logger">) {
    this.#client = client;
  }

  /** A connection begins or ends. */
  session(event: string): void {
    this.#write(this.#optional, `${event} (${this.#who()})`);
  }

  /** A login that is refused. */
  refused(user: string, { message, detail, logDetail }: AuthFailure): void {
    this.#write("fatal", `PCP: ${message} (${this.#who(user)})`, logDetail ?? detail);
  }

  /** A text is about to be run. */
  statement(text: string, isActing: boolean, values: readonly Value[]): void {
    const statement = cutBytes(text.trim(), LOGGED_BYTES);
    const parameters = values.map((value, index) => `$${index + 1} = ${JSON.stringify(value)}`);
    this.#write(
      isActing ? "log" : this.#optional,
      `PCP: statement of ${this.#who()}: ${statement}`,
      cutBytes(parameters.join(", "), LOGGED_BYTES),
    );
  }

  /** What a client asks for wrongly is its own affair; a fault of pgpool's own is not. */
  failure(error: unknown): void {
    if (error instanceof SqlError) {
      this.#write("debug1", `PCP: ${error.message} (${this.#who()})`);
    } else if (error instanceof PcpError) {
      this.#write("error", `${error.message} (${this.#who()})`, error.detail);
    } else {
      const detail = error instanceof Error ? error.stack ?? error.message : String(error);
      this.#write("error", `unexpected error in a PCP connection (${this.#who()})`, detail);
    }
  }

  /** What has ended the connection before the client took its leave. */
  end(error: unknown): void {
    if (error instanceof ConnectionOver) {
      const text = `SQL connection to the PCP port is closed (${this.#who()})`;
      if (error.reason !== "") this.#write("log", text, error.reason);
    } else if (error instanceof SqlError || error instanceof ProtocolError) {
      this.#write("log", `PCP: ${error.message} (${this.#who()})`);
    } else {
      this.failure(error);
    }
  }

  /** What is only logged with log_pcp_processes. */
  get #optional(): "log" | "debug1" {
    return this.#client.config().values.log_pcp_processes ? "log" : "debug1";
  }

  #who(user = this.user): string {
    const { isUnix, remoteHost, remotePort } = this.#client.stream;
    const from = isUnix ? "[local]" : `${remoteHost}:${remotePort}`;
    return user === undefined ? from : `user "${user}" from ${from}`;
  }

  #write(severity: "debug1" | "log" | "error" | "fatal", text: string, detail = ""): void {
    const fields = detail === "" ? {} : { detail };
    this.#client.logger.log(severity, withoutControls(text), fields);
  }
}

/** Names and statements come from anybody: they must not look like lines of the log. */
function withoutControls(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]+/g, " ");
}
