import { lookupService } from "node:dns/promises";
import type { Logger } from "../../log/log.ts";
import type { ByteStream } from "../../net/stream.ts";

/** Longest time the name of a client's address is waited for, in milliseconds. */
const NAME_DEADLINE_MS = 2000;

/** Finds the host name of an address; rejects when it has none. */
export type NameLookup = (address: string) => Promise<string>;

const systemLookup: NameLookup = async (address) => (await lookupService(address, 0)).hostname;

/** Where a client is connected from. */
export interface ClientAddress {
  /** An address, or `[local]` for a Unix socket. */
  readonly host: string;
  /** Empty for a Unix socket. */
  readonly port: string;
}

/** Whose session has ended, and when it began in Unix milliseconds. */
export interface EndedSession {
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  readonly startTime: number;
  readonly address: ClientAddress;
}

/** Peer of a connection; to be asked while the connection is open. */
export function addressOf(stream: ByteStream): ClientAddress {
  return stream.isUnix
    ? { host: "[local]", port: "" }
    : { host: stream.remoteHost, port: String(stream.remotePort) };
}

/** Writes what log_connections and log_disconnections ask for (behaviour.md 2). */
export class ConnectionLog {
  constructor(
    readonly logger: Logger,
    /** log_hostname: names take the place of addresses. */
    readonly wantsNames: () => boolean,
    readonly lookup: NameLookup = systemLookup,
  ) {}

  /** log_connections: a connection has been accepted. */
  received(address: ClientAddress): void {
    this.#named(address, (host) => {
      const port = address.port === "" ? "" : ` port=${address.port}`;
      this.logger.log("log", "new connection received", {
        detail: `connecting host=${host}${port}`,
      });
    });
  }

  /** log_disconnections: a client that had logged in has left at `now`, Unix milliseconds. */
  ended(session: EndedSession, now: number): void {
    const { user, database, address, applicationName: application } = session;
    const time = sessionTime(now - session.startTime);
    this.#named(address, (host) => {
      const port = address.port === "" ? "" : ` port=${address.port}`;
      this.logger.log(
        "log",
        `frontend disconnection: session time: ${time} user=${user} database=${database} ` +
          `host=${host}${port}`,
        { application, user, database },
      );
    });
  }

  /** Nobody waits for a name: the line is written when it has come, or with the address. */
  #named({ host, port }: ClientAddress, write: (host: string) => void): void {
    if (port === "" || !this.wantsNames()) return write(host);
    const late = Promise.withResolvers<string>();
    const timer = setTimeout(() => late.resolve(host), NAME_DEADLINE_MS);
    timer.unref();
    const name = this.lookup(host).catch(() => host);
    void Promise.race([name, late.promise]).then((found) => {
      clearTimeout(timer);
      write(found);
    });
  }
}

/** A duration in milliseconds as `H:MM:SS.mmm`. */
export function sessionTime(duration: number): string {
  const ms = Math.max(0, Math.trunc(duration));
  const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  const hours = Math.trunc(ms / 3_600_000);
  const minutes = two(ms / 60_000 % 60);
  return `${hours}:${minutes}:${two(ms / 1000 % 60)}.${String(ms % 1000).padStart(3, "0")}`;
}
