import { reachesClient, severityLabel } from "../log/severity.ts";
import * as build from "../wire/build.ts";
import { BackendMessageLog, ClientMessageLog, type LogLine } from "./message-log.ts";
import type { Session } from "./session.ts";

/** What a session writes to the log, and what of it its client is shown. */
export class SessionLog {
  #client: ClientMessageLog | undefined;
  #backend: BackendMessageLog | undefined;

  constructor(readonly session: Session) {}

  /** Writes to the log, and shows the client what its client_min_messages lets through. */
  tell(severity: "log" | "debug1", message: string, detail?: string): void {
    const { port, settings, ended, servers } = this.session;
    port.log(severity, message, detail);
    if (ended || !reachesClient(severity, settings.client_min_messages)) return;
    // Nothing may be put into the middle of a message.
    if (servers.some((server) => server?.midMessage === true)) return;
    port.toClient(build.noticeResponse({
      severity: severityLabel(severity),
      sqlstate: "XX000",
      message,
      ...(detail === undefined ? {} : { detail }),
    }));
  }

  /** What log_client_messages writes with. */
  get clientMessages(): ClientMessageLog {
    return this.#client ??= new ClientMessageLog(this.#line());
  }

  /** What log_backend_messages writes with. */
  get backendMessages(): BackendMessageLog {
    return this.#backend ??= new BackendMessageLog(this.#line());
  }

  /** The session ends: what was only counted so far is told. */
  end(): void {
    this.#backend?.flush();
  }

  #line(): LogLine {
    return (message, detail) => this.tell("log", message, detail);
  }
}
