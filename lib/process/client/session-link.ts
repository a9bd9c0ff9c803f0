import type { ConnectionOwner, ServerConnection } from "../../pool/server-connection.ts";
import type { ByteStream } from "../../net/stream.ts";
import type { Pool } from "../../pool/pool.ts";
import type { ServerParameters } from "../../pool/server-parameters.ts";
import type { ServerLink } from "../../session/port.ts";
import type { Session } from "../../session/session.ts";

/** Bytes queued for a peer beyond which what comes from the other side is not read any further. */
export const CONGESTED = 256 * 1024;

/** Whether a peer takes its bytes too slowly. Bytes nobody has tried to send yet do not count. */
export function isCongested(stream: ByteStream): boolean {
  if (stream.buffered <= CONGESTED) return false;
  stream.flush();
  return stream.buffered > CONGESTED;
}

/** What a link tells its client's connection about congestion. */
export interface Congestion {
  serverCongested(): void;
  serverDrained(): void;
}

/** A pooled connection lent to a session. */
export class SessionLink implements ServerLink, ConnectionOwner {
  readonly lentAt = Date.now();
  #over = false;

  constructor(
    readonly connection: ServerConnection,
    readonly session: Session,
    readonly pool: Pool,
    readonly congestion: Congestion,
    readonly onOver: (link: SessionLink) => void,
  ) {
    connection.owner = this;
  }

  get node(): number {
    return this.connection.node;
  }

  get pid(): number {
    return this.connection.pid;
  }

  get parameters(): ServerParameters {
    return this.connection.parameters;
  }

  write(bytes: Uint8Array): void {
    if (this.#over) return;
    this.connection.write(bytes);
    if (isCongested(this.connection.stream)) this.congestion.serverCongested();
  }

  release(state: "untouched" | "used" | "broken"): void {
    if (this.#over) return;
    const inTransaction = this.session.router.inTransaction;
    const connection = this.take();
    void this.pool.release(connection, state, inTransaction);
  }

  /** Takes the connection away from the session without giving it back to the pool. */
  take(): ServerConnection {
    this.#over = true;
    this.connection.owner = undefined;
    if (!this.connection.closed) this.connection.stream.resume();
    this.onOver(this);
    return this.connection;
  }

  data(chunk: Uint8Array): void {
    this.session.serverData(this.node, chunk);
  }

  drained(): void {
    if (this.connection.stream.buffered <= CONGESTED) this.congestion.serverDrained();
  }

  closed(reason: string): void {
    this.session.serverClosed(this.node, reason);
  }
}
