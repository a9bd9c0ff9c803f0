import { type ClusterSnapshot, isUsable } from "../../cluster/types.ts";
import { backendOf, type Config } from "../../config/config.ts";
import type { Logger } from "../../log/log.ts";
import { ServerRefused, ServerUnreachable } from "../../pool/errors.ts";
import type { ServerAddress, ServerTls } from "../../pool/login.ts";
import { Pool } from "../../pool/pool.ts";
import {
  type ConnectionKey,
  keyText,
  type ServerConnection,
} from "../../pool/server-connection.ts";
import { chooseLoadBalanceNode } from "../../session/load-balance.ts";
import type { CommandResult } from "../../session/port.ts";
import { ReadKnowledge, SharedKnowledge } from "../../session/read-knowledge.ts";
import { Router } from "../../session/router.ts";
import type { SessionOptions } from "../../session/session.ts";
import type { SessionPatterns } from "../../session/settings.ts";
import type { PgpoolCommand } from "../../sql/pgpool-commands.ts";
import { StatementCache } from "../../sql/template.ts";
import type { GateState, NodeComplaint, ServerConnectionInfo, SessionInfo } from "../messages.ts";
import type { SharedFigures } from "../statistics/figures.ts";
import type { KnownLogin } from "./authenticate.ts";
import type { Client } from "./client.ts";
import { Lobby } from "./lobby.ts";
import { NodeWatch } from "./node-watch.ts";
import { compilePatterns } from "./patterns.ts";
import { runPgpoolCommand } from "./pgpool-command.ts";
import type { SupervisorPort, WorkerContext } from "./worker-context.ts";
import { WorkerGate } from "./worker-gate.ts";

/** How long a client without work keeps its connection when another client could use it. */
const UNTOUCHED_HOLD_MS = 1000;
/** Logins after which it is worth while to look for memory to give back. */
const COLLECT_AFTER_LOGINS = 500;
/** The same where there are many connections already, and what is many. */
const UNTOUCHED_HOLD_MANY_MS = 20;
const MANY_CONNECTIONS = 64;
/** Newest minor version of protocol 3 there is. */
const NEWEST_MINOR = 2;
/** Logins remembered for checking clients that get a pooled connection. */
const MOST_LOGINS = 10_000;

/** What the clients of a worker are given by it. */
export interface ClientsOptions {
  readonly workers: number;
  readonly logger: Logger;
  readonly figures: SharedFigures;
  readonly config: Config;
  readonly snapshot: ClusterSnapshot;
  readonly gate: GateState;
  /** Logins that have been let in and have not become clients yet. */
  readonly loggingIn: () => number;
  /** TLS towards servers, undefined when ssl is off. */
  readonly serverTls: () => ServerTls | undefined;
  readonly supervisor: SupervisorPort;
  readonly onEnded: (client: Client) => void;
}

/** All clients of one worker, and what they share: server connections, parsed statements, catalog. */
export class Clients implements WorkerContext {
  readonly logger: Logger;
  readonly figures: SharedFigures;
  readonly pool: Pool;
  readonly untouched = new Set<Client>();
  readonly all = new Set<Client>();
  readonly gate: WorkerGate;
  readonly lobby: Lobby;
  readonly #byCancelName = new Map<string, Client>();
  readonly #minors = new Map<number, number>();
  readonly #keys = new Map<string, ConnectionKey>();
  readonly #logins = new Map<string, KnownLogin>();
  readonly #statements: StatementCache;
  readonly #watches = new Set<NodeWatch>();
  /** Generation of the snapshot in which the use of nodes was told. */
  #useToldIn = -1;
  /** Milliseconds, undefined while there is a primary. */
  #primaryMissingSince: number | undefined;
  readonly #knowledge: SharedKnowledge;
  #config: Config;
  #patterns: SessionPatterns;
  #snapshot: ClusterSnapshot;
  #now = Date.now();
  #loginsSinceCollection = 0;
  #loginsAtLastTick = 0;

  constructor(readonly options: ClientsOptions) {
    this.logger = options.logger;
    this.figures = options.figures;
    this.#config = options.config;
    this.#snapshot = options.snapshot;
    if (options.snapshot.primary < 0) this.#primaryMissingSince = this.#now;
    this.gate = new WorkerGate(options.gate, {
      clients: this.all,
      loggingIn: options.loggingIn,
      tellQuiet: (closing) => options.supervisor.gateQuiet(closing),
      onChange: () => this.lobby.changed(),
    });
    this.lobby = new Lobby({
      gate: this.gate,
      snapshot: () => this.#snapshot,
      limit: () => this.#config.values.failover_wait_timeout,
    });
    this.#patterns = compilePatterns(options.config.values);
    const { relcache_size, relcache_expire } = options.config.values;
    this.#knowledge = new SharedKnowledge(relcache_size, relcache_expire, () => this.#now);
    const entries = options.config.values.statement_cache_size;
    this.#statements = new StatementCache({ entries, maxBytes: entries * 1024 });
    this.pool = new Pool({
      limit: () => this.#poolLimit(),
      lifeTime: () => this.#lifeTime(),
      mostUses: () => this.#config.values.child_max_connections,
      resetQueries: () => this.#config.values.reset_query_list,
      caching: () => this.#config.values.connection_cache,
      address: (node) => this.address(node),
      steal: (node, key, urgent) => this.#steal(node, key, urgent),
      onReset: (connection, statement) => this.#logReset(connection, statement),
      figures: options.figures,
    });
  }

  get config(): Config {
    return this.#config;
  }

  /** Milliseconds, read once a second. */
  now(): number {
    return this.#now;
  }

  snapshot(): ClusterSnapshot {
    return this.#snapshot;
  }

  address(node: number): ServerAddress {
    const backend = backendOf(this.#config, node);
    if (backend === undefined) throw new RangeError(`there is no backend node ${node}`);
    const { values } = this.#config;
    return {
      node,
      host: backend.hostname === "" ? "/tmp" : backend.hostname,
      port: backend.port,
      connectTimeoutMs: this.#config.healthChecks.get(node)?.connectTimeout ?? 0,
      loginTimeoutMs: 1000 * (values.authentication_timeout || 60),
      tls: this.options.serverTls(),
      onTlsAnswer: (answer) => {
        const detail = `client->server SSL response: ${answer}`;
        this.logger.debug1(`asked node ${node} for TLS`, { detail });
      },
    };
  }

  poolKey(connection: ServerConnection): string {
    return `${connection.node}\0${keyText(connection.key)}`;
  }

  connectionInfo(connection: ServerConnection): ServerConnectionInfo {
    return {
      node: connection.node,
      pid: connection.pid,
      database: connection.key.database,
      user: connection.key.user,
      createdAt: Math.floor(connection.createdAt / 1000),
      uses: connection.uses,
      releasedAt: Math.floor(connection.releasedAt / 1000),
      protocolMinor: connection.minor,
    };
  }

  sessionOptions(client: Client): SessionOptions {
    const { values } = this.#config;
    const { request } = client;
    const streaming = values.backend_clustering_mode === "streaming_replication" &&
      this.#snapshot.nodes.length > 1;
    const key = keyText(client.key);
    // Options may set who the session acts as and where it looks for names.
    const user = request.options.length === 0 ? request.user : key;
    const scope = { database: request.database, user, searchPath: "" };
    const knowledge = new ReadKnowledge(
      this.#knowledge,
      () => client.settings,
      () => this.#patterns,
      key,
      scope,
    );
    const router = new Router({
      settings: () => client.settings,
      streaming,
      verdict: knowledge.verdict,
      defaultSerializable: knowledge.defaultSerializable,
      choose: (snapshot, avoid) => {
        const node = chooseLoadBalanceNode({
          snapshot,
          enabled: values.load_balance_mode && streaming,
          streaming,
          user: request.user,
          database: request.database,
          applicationName: request.applicationName,
          userRules: this.#patterns.userRules,
          databaseRules: this.#patterns.databaseRules,
          applicationRules: this.#patterns.applicationRules,
          preferLowerDelay: client.settings.prefer_lower_delay_standby,
          delayThreshold: client.settings.delay_threshold,
          delayThresholdByTime: client.settings.delay_threshold_by_time,
          avoid,
        }, Math.random);
        client.choseNode(node);
        return node;
      },
    }, this.#snapshot);
    return {
      port: client,
      statements: this.#statements,
      router,
      knowledge,
      gate: this.gate,
      mayWaitForPrimary: () => this.#mayWaitForPrimary(),
    };
  }

  runCommand(command: PgpoolCommand, client: Client): Promise<CommandResult> {
    return runPgpoolCommand(command, {
      overlay: client.overlay,
      session: { loadBalanceNode: client.session.router.loadBalanceNode },
      askAdmin: (view, session) => this.options.supervisor.askAdmin(view, session),
    });
  }

  /** The one object that stands for a key, so that clients alike share it. */
  sharedKey(key: ConnectionKey): ConnectionKey {
    const text = keyText(key);
    const known = this.#keys.get(text);
    if (known !== undefined) return known;
    if (this.#keys.size >= MOST_LOGINS) this.#keys.clear();
    this.#keys.set(text, key);
    return key;
  }

  /** A client has logged in with a connection. */
  add(client: Client): void {
    this.all.add(client);
    this.#loginsSinceCollection++;
    this.untouched.add(client);
    this.#byCancelName.set(client.cancelName, client);
  }

  ended(client: Client): void {
    if (!this.all.delete(client)) return;
    this.untouched.delete(client);
    this.#byCancelName.delete(client.cancelName);
    this.options.onEnded(client);
    this.gate.settled(client);
  }

  /** Cancels what runs for the client with this process id and key; false when there is none. */
  cancel(pid: number, key: string): boolean {
    const client = this.#byCancelName.get(`${pid}:${key}`);
    client?.cancel();
    return client !== undefined;
  }

  /** How the last login with the same user, database and options went at a node. */
  knownLogin(node: number, key: string): KnownLogin | undefined {
    return this.#logins.get(`${node}\0${key}`);
  }

  /** Minor version of protocol 3 that a node agreed to when it was asked for the newest. */
  agreedMinor(node: number): number | undefined {
    return this.#minors.get(node);
  }

  rememberLogin(connection: ServerConnection, login: KnownLogin): void {
    const key = this.poolKey(connection);
    if (this.#logins.size >= MOST_LOGINS) this.#logins.clear();
    this.#logins.set(key, login);
    // A client that asked for less says nothing of what the server could do.
    if (connection.key.minor >= NEWEST_MINOR || connection.minor < connection.key.minor) {
      this.#minors.set(connection.node, connection.minor);
    }
    this.noteUse(connection.node);
  }

  /** A client has reached a node: tells so while there are nodes that wait for their first one. */
  noteUse(node: number): void {
    const { generation, nodes } = this.#snapshot;
    if (!nodes.some(({ status }) => status === "waiting")) return;
    const isWaiting = nodes[node]?.status === "waiting";
    if (this.#useToldIn === generation && !isWaiting) return;
    this.#useToldIn = generation;
    this.options.supervisor.nodeUsed(node);
  }

  complain(node: number, complaint: NodeComplaint, detail: string): void {
    const { generation } = this.#snapshot;
    this.options.supervisor.complain(node, complaint, detail, generation);
  }

  complainOf(node: number, error: unknown): boolean {
    if (error instanceof ServerRefused) {
      if (error.notReady) this.complain(node, "shutdown", error.message);
      return error.notReady;
    }
    if (!(error instanceof ServerUnreachable)) return false;
    this.complain(node, "connect-failed", error.message);
    // A server that is not trusted will not be trusted more a moment later.
    if (error.reason === "tls") return false;
    const { failover_on_backend_error } = this.#config.values;
    return failover_on_backend_error && backendOf(this.#config, node)?.allowToFailover === true;
  }

  closeIdleEverywhere(): void {
    this.pool.closeIdle();
    this.options.supervisor.closeIdle();
  }

  /** Notices when a node stops being the one that takes writes, until it is disposed of. */
  watch(node: number): NodeWatch {
    return new NodeWatch(node, this.#watches);
  }

  locateBackend(pid: number): Promise<number> {
    for (const connection of this.pool.connections) {
      if (connection.pid === pid) return Promise.resolve(connection.node);
    }
    return this.options.supervisor.locate(pid);
  }

  setSnapshot(snapshot: ClusterSnapshot): void {
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    if (snapshot.primary >= 0) this.#primaryMissingSince = undefined;
    else this.#primaryMissingSince ??= this.#now = Date.now();
    const lost = snapshot.nodes.filter((node) => {
      const known = before.nodes[node.id];
      return !isUsable(node) && known !== undefined && isUsable(known);
    }).map((node) => node.id);
    if (lost.length > 0) this.pool.closeIdle((connection) => lost.includes(connection.node));
    for (const client of [...this.all]) client.session.setSnapshot(snapshot);
    for (const watch of this.#watches) watch.look(snapshot);
    this.lobby.changed();
  }

  reload(config: Config): void {
    this.#config = config;
    this.#patterns = compilePatterns(config.values);
    this.#knowledge.forget();
    this.#logins.clear();
    for (const client of this.all) client.reload(config);
  }

  /** Once a second: what has been idle for too long is ended. */
  tick(): void {
    this.#now = Date.now();
    this.#collectGarbage();
    this.pool.expire(this.#now);
    for (const client of [...this.all]) client.tick(this.#now);
    this.gate.check();
  }

  /** Whether a primary has been missing for so short that waiting for one makes sense. */
  #mayWaitForPrimary(): boolean {
    const limit = this.#config.values.failover_wait_timeout * 1000;
    const since = this.#primaryMissingSince;
    return limit > 0 && (since === undefined || this.#now - since < limit);
  }

  /**
   * After many logins their leftovers are given back to the system as soon as there is nothing to
   * do; the runtime itself does so only under pressure.
   */
  #collectGarbage(): void {
    if (this.#loginsSinceCollection < COLLECT_AFTER_LOGINS) return;
    const quietSince = this.#loginsAtLastTick === this.#loginsSinceCollection;
    this.#loginsAtLastTick = this.#loginsSinceCollection;
    if (!quietSince) return;
    this.#loginsSinceCollection = 0;
    Bun.gc(true);
  }

  sessions(): SessionInfo[] {
    return [...this.all].map((client) => client.info);
  }

  /** The sessions that have been at their statement, wait or open transaction for longest. */
  busiest(most: number): SessionInfo[] {
    const busy = [...this.all].filter(({ state }) => state !== "idle")
      .map((client) => ({ client, busyFor: client.busyFor() }));
    busy.sort((one, other) => other.busyFor - one.busyFor);
    return busy.slice(0, most).map(({ client }) => client.info);
  }

  idleConnections(): ServerConnectionInfo[] {
    return [...this.pool.idle()].map((each) => this.connectionInfo(each));
  }

  /**
   * Pgpool-II's idle children end after child_life_time, and their cached connections with them;
   * here only the connections are left to end.
   */
  #lifeTime(): number {
    const { connection_life_time, child_life_time } = this.#config.values;
    const limits = [connection_life_time, child_life_time].filter((limit) => limit > 0);
    return limits.length === 0 ? 0 : Math.min(...limits);
  }

  #poolLimit(): number {
    const { max_pool, num_init_children } = this.#config.values;
    const nodes = Math.max(1, this.#config.backends.length);
    const share = Math.ceil((max_pool * num_init_children) / this.options.workers);
    return Math.max(1, share) * nodes;
  }

  #steal(
    node: number,
    key: string | undefined,
    urgent: boolean,
  ): ServerConnection | undefined {
    const many = this.pool.connections.size >= MANY_CONNECTIONS;
    const hold = urgent ? 0 : many ? UNTOUCHED_HOLD_MANY_MS : UNTOUCHED_HOLD_MS;
    const oldEnough = Date.now() - hold;
    for (const client of this.untouched) {
      if (client.startTime > oldEnough) break;
      const connection = client.surrender(node, key, hold);
      if (connection === undefined) continue;
      // It has nothing more to give, and must not be asked again and again.
      this.untouched.delete(client);
      return connection;
    }
    return undefined;
  }

  #logReset(connection: ServerConnection, statement: string): void {
    if (!this.#config.values.log_per_node_statement) return;
    const { node, pid, applicationName, key } = connection;
    this.logger.log(
      "log",
      `DB node id: ${node} backend pid: ${pid} statement: ${statement}`,
      { application: applicationName, user: key.user, database: key.database },
    );
  }
}
