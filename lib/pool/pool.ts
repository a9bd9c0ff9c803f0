import type { ServerCredentials } from "../auth/credentials.ts";
import { ServerRefused } from "./errors.ts";
import { type CredentialSource, openConnection, type ServerAddress } from "./login.ts";
import { runStatements } from "./reset.ts";
import { type ConnectionKey, keyText, type ServerConnection } from "./server-connection.ts";

/** What the pool goes by; read anew at each use, so that a reload takes effect. */
export interface PoolOptions {
  /** Connections of this worker, lent and idle together. */
  readonly limit: () => number;
  /** Seconds an idle connection is kept, 0 for ever. */
  readonly lifeTime: () => number;
  /** Clients after which a connection is closed instead of kept, 0 for no limit. */
  readonly mostUses: () => number;
  /** Statements that bring a connection back to its first state. */
  readonly resetQueries: () => readonly string[];
  readonly caching: () => boolean;
  readonly address: (node: number) => ServerAddress;
  /**
   * Takes back a connection of a client that has asked for nothing yet, with the given key or with
   * any; undefined if there is none. Clients may keep theirs for a moment unless it is `urgent`.
   */
  readonly steal: (
    node: number,
    key: string | undefined,
    urgent: boolean,
  ) => ServerConnection | undefined;
  readonly onReset: (connection: ServerConnection, statement: string) => void;
  readonly figures: PoolFigures;
}

/** What the pool counts its work in. */
export interface PoolFigures {
  /** `hits`, `misses`: a connection was there, or none; `opened`: a new one is there. */
  count(node: number, figure: "hits" | "misses" | "opened"): void;
  /** Counts how long somebody waited for a connection. */
  took(node: number, what: "connection", milliseconds: number): void;
}

/** What a client needs a connection for. */
export interface ConnectionRequest {
  readonly node: number;
  readonly key: ConnectionKey;
  readonly applicationName: string;
  readonly credentials: ServerCredentials;
  readonly askClient: CredentialSource;
  /** Only a new connection will do: the server has to check the client's password. */
  readonly fresh?: boolean;
}

/** How often a server that has no connection left is tried, and the pause between. */
const FULL_ATTEMPTS = 10;
const FULL_PAUSE_MS = 50;

/** Databases whose connections are never kept (behaviour.md 6; `postgres` is, unlike there). */
const NOT_KEPT = new Set(["template0", "template1", "regression"]);

/**
 * The server connections of one worker: shared by all its clients with the same user, database and
 * start-up options.
 */
export class Pool {
  readonly #idle = new Map<string, ServerConnection[]>();
  readonly #all = new Set<ServerConnection>();
  #epoch = 0;
  #opening = 0;

  constructor(readonly options: PoolOptions) {}

  /** All connections, lent and idle. */
  get connections(): ReadonlySet<ServerConnection> {
    return this.#all;
  }

  /** Idle connections, the one used last at the end of each list. */
  *idle(): IterableIterator<ServerConnection> {
    for (const list of this.#idle.values()) yield* list;
  }

  /** An idle connection for the key, if there is one; it stays in the pool. */
  peek(node: number, key: ConnectionKey): ServerConnection | undefined {
    return this.#idle.get(`${node}\0${keyText(key)}`)?.at(-1);
  }

  /**
   * Lends a connection: an idle one, or one that a client without work gives back, or a new one.
   *
   * @throws {ServerUnreachable | ServerRefused}
   */
  async acquire(request: ConnectionRequest): Promise<ServerConnection> {
    const { figures } = this.options;
    const began = performance.now();
    const known = await this.#fromPool(request);
    figures.count(request.node, known === undefined ? "misses" : "hits");
    const connection = this.#lend(known ?? await this.#open(request));
    figures.took(request.node, "connection", performance.now() - began);
    return connection;
  }

  /** Takes a connection back. */
  async release(
    connection: ServerConnection,
    state: "untouched" | "used" | "broken",
    inTransaction: boolean,
  ): Promise<void> {
    const epoch = this.#epoch;
    const mostUses = this.options.mostUses();
    const usedUp = mostUses > 0 && connection.uses >= mostUses;
    const keep = state !== "broken" && !usedUp && !connection.closed && this.options.caching() &&
      !NOT_KEPT.has(connection.key.database);
    if (!keep) {
      this.#discard(connection);
      return;
    }
    if (state === "used") {
      const statements = this.options.resetQueries().filter((each) =>
        inTransaction || each.toUpperCase() !== "ABORT"
      );
      for (const statement of statements) this.options.onReset(connection, statement);
      if (!await runStatements(connection, statements)) {
        this.#discard(connection);
        return;
      }
      connection.applicationName = connection.startupName;
    }
    // Something has asked for idle connections to be closed while this one was being reset.
    if (epoch !== this.#epoch || connection.closed) this.#discard(connection);
    else this.#keep(connection);
  }

  /** Closes all idle connections, and those that are being reset when they are done. */
  closeIdle(matches: (connection: ServerConnection) => boolean = () => true): void {
    this.#epoch++;
    for (const connection of [...this.idle()]) {
      if (matches(connection)) this.#discard(connection);
    }
  }

  /** Closes what has been idle for longer than connection_life_time. To be called now and then. */
  expire(now: number): void {
    const lifeTime = this.options.lifeTime() * 1000;
    if (lifeTime <= 0) return;
    for (const connection of [...this.idle()]) {
      if (now - connection.releasedAt >= lifeTime) this.#discard(connection);
    }
  }

  #takeIdle(key: string): ServerConnection | undefined {
    const list = this.#idle.get(key);
    if (list === undefined) return undefined;
    for (let at = list.length - 1; at >= 0; at--) {
      // A cancel on its way to this connection must not hit the next client.
      if (list[at].cancels > 0) continue;
      const [connection] = list.splice(at, 1);
      if (list.length === 0) this.#idle.delete(key);
      return connection;
    }
    return undefined;
  }

  /** An idle connection, or one that a client without work gives back. */
  async #fromPool({ node, key, applicationName, fresh }: ConnectionRequest) {
    if (fresh === true) return undefined;
    const text = `${node}\0${keyText(key)}`;
    for (;;) {
      const connection = this.#takeIdle(text) ?? this.options.steal(node, text, false);
      if (connection === undefined) return undefined;
      if (await this.#prepare(connection, applicationName)) return connection;
      this.#discard(connection);
    }
  }

  async #prepare(connection: ServerConnection, applicationName: string): Promise<boolean> {
    connection.owner = undefined;
    if (connection.closed) return false;
    if (connection.applicationName === applicationName) return true;
    const quoted = applicationName.replaceAll("'", "''").replaceAll("\\", "\\\\");
    const set = `SET application_name TO E'${quoted}'`;
    if (!await runStatements(connection, [set])) return false;
    connection.applicationName = applicationName;
    return true;
  }

  async #open(request: ConnectionRequest): Promise<ServerConnection> {
    if (this.#all.size + this.#opening >= this.options.limit()) this.#makeRoom();
    this.#opening++;
    try {
      return await this.#openOrSteal(request);
    } finally {
      this.#opening--;
    }
  }

  async #openOrSteal(request: ConnectionRequest): Promise<ServerConnection> {
    const { node, key, applicationName, credentials, askClient } = request;
    const address = this.options.address(node);
    const open = async () => {
      const opened = await openConnection(address, key, applicationName, credentials, askClient);
      this.options.figures.count(node, "opened");
      return opened.connection;
    };
    for (let attempt = 1;; attempt++) {
      try {
        return await open();
      } catch (error) {
        // The server is full: connections that nobody uses make room, ours before other people's.
        if (!(error instanceof ServerRefused) || !error.full) throw error;
        const stolen = await this.#stealFor(request);
        if (stolen !== undefined) return stolen;
        if (attempt === FULL_ATTEMPTS || !this.#makeRoom(node)) throw error;
        await Bun.sleep(FULL_PAUSE_MS);
      }
    }
  }

  /** An equal connection of a client that has asked for nothing yet, however fresh it is. */
  async #stealFor(request: ConnectionRequest): Promise<ServerConnection | undefined> {
    if (request.fresh === true) return undefined;
    const key = `${request.node}\0${keyText(request.key)}`;
    for (;;) {
      const connection = this.options.steal(request.node, key, true);
      if (connection === undefined) return undefined;
      if (await this.#prepare(connection, request.applicationName)) return connection;
      this.#discard(connection);
    }
  }

  /** Closes the connection that has been idle longest, or one of a client without work. */
  #makeRoom(node?: number): boolean {
    let oldest: ServerConnection | undefined;
    for (const connection of this.idle()) {
      if (node !== undefined && connection.node !== node) continue;
      if (oldest === undefined || connection.releasedAt < oldest.releasedAt) oldest = connection;
    }
    oldest ??= node === undefined ? undefined : this.options.steal(node, undefined, true);
    if (oldest === undefined) return false;
    this.#discard(oldest);
    return true;
  }

  #lend(connection: ServerConnection): ServerConnection {
    connection.uses++;
    connection.releasedAt = 0;
    this.#all.add(connection);
    return connection;
  }

  #keep(connection: ServerConnection): void {
    const key = `${connection.node}\0${keyText(connection.key)}`;
    connection.releasedAt = Date.now();
    connection.owner = {
      // Whatever a server says unasked to an idle connection is no good sign.
      data: () => this.#discard(connection),
      drained() {},
      closed: () => this.#discard(connection),
    };
    const list = this.#idle.get(key);
    if (list === undefined) this.#idle.set(key, [connection]);
    else list.push(connection);
  }

  #discard(connection: ServerConnection): void {
    this.#all.delete(connection);
    const key = `${connection.node}\0${keyText(connection.key)}`;
    const list = this.#idle.get(key);
    const at = list?.indexOf(connection) ?? -1;
    if (list !== undefined && at >= 0) {
      list.splice(at, 1);
      if (list.length === 0) this.#idle.delete(key);
    }
    connection.close();
  }
}
