import { ServerRefused, ServerUnreachable } from "../../pool/errors.ts";
import type { ServerConnection } from "../../pool/server-connection.ts";
import type { Clock } from "../clock.ts";
import { parseLsn } from "../lsn.ts";
import { askSession, openSession, type ProbeIdentity } from "../server-session.ts";
import type { Endpoint } from "../socket.ts";
import { SwitchoverError } from "./error.ts";
import type { NewPrimary, OldPrimary, PrimaryState, StandbyState } from "./switchover.ts";

/** Milliseconds for a login, and for one answer. */
const DEADLINE = 5000;
/** Milliseconds for a reloaded setting to be seen by new sessions. */
const RELOAD_LIMIT = 5000;
const RELOAD_PAUSE = 20;
/** SQLSTATE of what the user may not do. */
const NO_PRIVILEGE = "42501";
const RESET = "ALTER SYSTEM RESET default_transaction_read_only";

const OTHERS = "backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()";
const LOADED = "SELECT pg_catalog.pg_conf_load_time()";
/** The value that ALTER SYSTEM has set, null when it has set none. */
const OWN_SETTING = "SELECT setting FROM pg_catalog.pg_settings " +
  "WHERE name = 'default_transaction_read_only' AND sourcefile LIKE '%postgresql.auto.conf'";

const PRIMARY_STATE = `SELECT pg_catalog.json_build_object(
  'system', (SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()),
  'recovery', pg_catalog.pg_is_in_recovery(),
  'file', CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
    ELSE pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) END,
  'position', CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
    ELSE pg_catalog.pg_current_wal_insert_lsn() END,
  'writers', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity
    WHERE ${OTHERS} AND backend_xid IS NOT NULL))`;

const STANDBY_STATE = `SELECT pg_catalog.json_build_object(
  'system', (SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()),
  'recovery', pg_catalog.pg_is_in_recovery(),
  'timeline', (SELECT received_tli FROM pg_catalog.pg_stat_wal_receiver LIMIT 1),
  'replayed', pg_catalog.pg_last_wal_replay_lsn(),
  'may_promote', pg_catalog.has_function_privilege(
    'pg_catalog.pg_promote(boolean, integer)', 'execute'))`;

/** A server as a switchover talks to it, in one session of sr_check_user's that is kept. */
class Voice {
  #session: ServerConnection | undefined;

  constructor(
    readonly node: number,
    readonly endpoint: Endpoint,
    readonly identity: () => ProbeIdentity,
  ) {}

  /** Asks for one value. @throws {SwitchoverError} */
  async ask(sql: string): Promise<string | null> {
    try {
      this.#session ??= await this.#open();
      return await askSession(this.#session, sql, DEADLINE);
    } catch (error) {
      if (this.#session?.closed !== false || error instanceof ServerUnreachable) this.close();
      throw this.#failure(error);
    }
  }

  /** Asks in a session of its own. @throws {SwitchoverError} */
  async askAnew(sql: string): Promise<string | null> {
    let session: ServerConnection | undefined;
    try {
      session = await this.#open();
      return await askSession(session, sql, DEADLINE);
    } catch (error) {
      throw this.#failure(error);
    } finally {
      session?.close();
    }
  }

  async json(sql: string): Promise<Fields> {
    const answer = await this.ask(sql);
    const value: unknown = JSON.parse(answer ?? "null");
    return new Fields(this.node, value);
  }

  close(): void {
    this.#session?.close();
    this.#session = undefined;
  }

  #open(): Promise<ServerConnection> {
    return openSession(this.endpoint, this.identity(), { connect: DEADLINE, total: DEADLINE });
  }

  #failure(error: unknown): unknown {
    if (!(error instanceof ServerUnreachable) && !(error instanceof ServerRefused)) return error;
    const message = `node ${this.node} can not be asked: ${error.message}`;
    return new SwitchoverError("unreachable", message, "", { cause: error });
  }
}

/** Members of a JSON object that a server has answered. */
class Fields {
  readonly #fields: ReadonlyMap<string, unknown>;

  constructor(readonly node: number, value: unknown) {
    this.#fields = new Map(
      Object.entries(typeof value === "object" && value !== null ? value : {}),
    );
  }

  text(name: string): string {
    const value = this.#fields.get(name);
    return typeof value === "string" ? value : "";
  }

  number(name: string): number {
    const value = this.#fields.get(name);
    return typeof value === "number" ? value : 0;
  }

  is(name: string): boolean {
    return this.#fields.get(name) === true;
  }

  position(name: string): bigint {
    const text = this.text(name);
    return text === "" ? 0n : parseLsn(text);
  }
}

/** The old primary over SQL. */
export class PrimaryServer implements OldPrimary {
  readonly #voice: Voice;
  /** The fence is set, or may be. */
  #isFenced = false;

  constructor(
    readonly node: number,
    endpoint: Endpoint,
    identity: () => ProbeIdentity,
    readonly clock: Clock,
  ) {
    this.#voice = new Voice(node, endpoint, identity);
  }

  async state(): Promise<PrimaryState> {
    const fields = await this.#voice.json(PRIMARY_STATE);
    return {
      system: fields.text("system"),
      timeline: Number.parseInt(fields.text("file").slice(0, 8), 16) || 0,
      isInRecovery: fields.is("recovery"),
      position: fields.position("position"),
      writers: fields.number("writers"),
    };
  }

  async fence(): Promise<boolean> {
    const own = await this.#voice.ask(OWN_SETTING);
    if (own !== null) return own === "on";
    try {
      this.#isFenced = true;
      await this.#voice.ask("ALTER SYSTEM SET default_transaction_read_only = on");
      await this.#reload();
      return true;
    } catch (error) {
      if (!lacksRight(error)) throw error;
      await this.unfence();
      return false;
    }
  }

  async unfence(): Promise<void> {
    if (!this.#isFenced) return;
    try {
      await this.#voice.ask(RESET);
      await this.#reload();
    } catch (error) {
      // Who may not reset it was not allowed to set it either.
      if (!lacksRight(error)) throw error;
    }
    this.#isFenced = false;
  }

  async endWriters(): Promise<void> {
    await this.#voice.ask(
      "SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(pid)) " +
        `FROM pg_catalog.pg_stat_activity WHERE ${OTHERS} AND backend_xid IS NOT NULL`,
    );
  }

  /**
   * Sessions that do not come through pgpool have to notice that they are on a server of the past.
   * Those to come are read only, until the server starts again.
   */
  async retire(): Promise<void> {
    if (!this.#isFenced) return;
    await this.#voice.ask(
      "SELECT pg_catalog.count(pg_catalog.pg_terminate_backend(pid)) " +
        `FROM pg_catalog.pg_stat_activity WHERE ${OTHERS}`,
    );
    await this.#voice.ask(RESET);
  }

  close(): void {
    this.#voice.close();
  }

  /** Has the server read its files anew, which is done when a new session sees it. */
  async #reload(): Promise<void> {
    const before = await this.#voice.askAnew(LOADED);
    await this.#voice.ask("SELECT pg_catalog.pg_reload_conf()");
    const until = this.clock.now() + RELOAD_LIMIT;
    while (await this.#voice.askAnew(LOADED) === before) {
      if (this.clock.now() > until) {
        throw new SwitchoverError("unreachable", `node ${this.node} does not read its settings`);
      }
      await new Promise<void>((resolve) => this.clock.after(RELOAD_PAUSE, resolve));
    }
  }
}

/** The server has refused something because pgpool's user may not do it. */
function lacksRight(error: unknown): boolean {
  return error instanceof SwitchoverError && error.cause instanceof ServerRefused &&
    error.cause.fields.sqlstate === NO_PRIVILEGE;
}

/** The standby over SQL. */
export class StandbyServer implements NewPrimary {
  readonly #voice: Voice;

  constructor(readonly node: number, endpoint: Endpoint, identity: () => ProbeIdentity) {
    this.#voice = new Voice(node, endpoint, identity);
  }

  async state(): Promise<StandbyState> {
    const fields = await this.#voice.json(STANDBY_STATE);
    return {
      system: fields.text("system"),
      timeline: fields.number("timeline"),
      isInRecovery: fields.is("recovery"),
      replayed: fields.position("replayed"),
      mayPromote: fields.is("may_promote"),
    };
  }

  /** Begins the promotion; when it is done its {@link state} says so. */
  async promote(): Promise<void> {
    await this.#voice.ask("SELECT pg_catalog.pg_promote(false)");
  }

  close(): void {
    this.#voice.close();
  }
}
