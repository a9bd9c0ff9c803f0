import type { Config } from "../config/config.ts";
import type { Logger } from "../log/log.ts";
import type { ByteStream } from "../net/stream.ts";
import type { AdminTable } from "../process/messages.ts";
import type { FailedAttempts } from "./attempts.ts";
import type { PcpService } from "./service.ts";
import type { PcpUsers } from "./users.ts";

/** A client on the PCP port that speaks PostgreSQL's protocol, and what it is served with. */
export interface ConsoleClient {
  /** After TLS, where the client asked for it; `stream.tls` tells of that. */
  readonly stream: ByteStream;
  /** What has been read from it: the startup or cancel packet, whole, and what came behind it. */
  readonly received: Uint8Array;
  /** Milliseconds that are left for the login, never 0. */
  readonly loginMs: number;
  /** tls-server-end-point hash of the server's certificate, on a connection with TLS. */
  readonly channelBinding: Uint8Array | undefined;
  /** Reads pcp.conf. @throws {PcpUsersError} */
  readonly users: () => PcpUsers;
  /** Shared with PCP: wrong passwords are slowed down for each address. */
  readonly attempts: FailedAttempts;
  readonly service: PcpService;
  /** Answers SHOW of a name that `isAdminView` knows. */
  readonly show: (view: string) => Promise<AdminTable>;
  readonly config: () => Config;
  readonly logger: Logger;
  /** To be called when the client has logged in: it does not have to make room any more. */
  readonly onLogin: () => void;
}

/** Serves such a client until the connection is over. Never fails. */
export type ConsoleHandler = (client: ConsoleClient) => Promise<void>;
