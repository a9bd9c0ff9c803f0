import type { ServerRequestKind } from "../auth/credentials.ts";
import type { ByteStream } from "../net/stream.ts";
import * as build from "../wire/build.ts";
import type { ServerParameters } from "./server-parameters.ts";

/** What a pooled connection is kept under: only equal connections are shared by clients. */
export interface ConnectionKey {
  readonly database: string;
  readonly user: string;
  /** Minor version of protocol 3 that the client speaks. */
  readonly minor: number;
  /** Everything else of the startup packet but application_name, sorted by name. */
  readonly options: readonly (readonly [string, string])[];
}

/** The key as text, the same for equal keys. */
export function keyText(key: ConnectionKey): string {
  const options = key.options.map(([name, value]) => `${name}\0${value}`).join("\0");
  return `${key.database}\0${key.user}\0${key.minor}\0${options}`;
}

/** Who takes what comes from a server connection at the moment. */
export interface ConnectionOwner {
  data(chunk: Uint8Array): void;
  drained(): void;
  closed(reason: string): void;
}

/** A logged-in connection to one server. */
export class ServerConnection {
  owner: ConnectionOwner | undefined;
  closed = false;
  /** How often it has been handed to a client. */
  uses = 0;
  /** Unix time in milliseconds when it was last given back, 0 while it is lent. */
  releasedAt = 0;
  /** application_name the server has at the moment. */
  applicationName: string;
  /** Cancel requests that are on their way to the server. */
  cancels = 0;
  readonly createdAt = Date.now();

  constructor(
    readonly node: number,
    readonly key: ConnectionKey,
    readonly stream: ByteStream,
    readonly pid: number,
    readonly cancelKey: Uint8Array,
    /** Minor version the server agreed to. */
    readonly minor: number,
    /** Parameters the server has reported, kept up to date by whoever owns the connection. */
    readonly parameters: ServerParameters,
    /** How the server asked for a password, undefined when it trusted. */
    readonly asked: ServerRequestKind | undefined,
    /** application_name of the startup packet, to which DISCARD ALL goes back. */
    readonly startupName: string,
  ) {
    this.applicationName = startupName;
    stream.onData = (chunk) => this.owner?.data(chunk);
    stream.onDrain = () => this.owner?.drained();
    stream.onClose = (error) => {
      this.closed = true;
      this.owner?.closed(error?.message ?? "EOF encountered with backend");
    };
  }

  write(bytes: Uint8Array): void {
    if (!this.closed) this.stream.write(bytes);
  }

  /** Says goodbye and closes; what was written before is still sent. */
  close(): void {
    this.owner = undefined;
    if (this.closed) return;
    this.stream.resume();
    this.stream.write(build.TERMINATE);
    this.stream.end();
  }
}
