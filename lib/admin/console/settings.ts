import { mostSimilar } from "../../config/similar.ts";
import { POOL_VERSION } from "../pool-version.ts";
import { adminViews } from "../views.ts";
import { SqlError } from "./errors.ts";
import { isZone, localZone } from "./time.ts";

/** A setting that drivers ask for or set. */
interface Setting {
  /** As PostgreSQL spells it. */
  readonly name: string;
  readonly initial: string;
  /** Told to the client at its login and with every change. */
  readonly reported?: true;
  /** Takes a value and gives it as it is shown; without it the setting can not be changed. */
  readonly accept?: (value: string, name: string) => string;
}

/**
 * The version that clients go by. 14 is the oldest that tells a client by itself whether it can
 * write; psql warns of servers newer than itself.
 */
const SERVER_VERSION = `14.0 (pgpool-II ${POOL_VERSION.split(" ")[0]})`;
const SERVER_VERSION_NUM = "140000";

const any = (value: string) => value;

/** The settings that mean something here, and those that drivers set and nothing here depends on. */
const SETTINGS: readonly Setting[] = [
  { name: "server_version", initial: SERVER_VERSION, reported: true },
  { name: "server_version_num", initial: SERVER_VERSION_NUM },
  { name: "server_encoding", initial: "UTF8", reported: true },
  { name: "client_encoding", initial: "UTF8", reported: true, accept: encoding },
  { name: "DateStyle", initial: "ISO, MDY", reported: true, accept: dateStyle },
  { name: "TimeZone", initial: "", reported: true, accept: zone },
  { name: "IntervalStyle", initial: "postgres", reported: true, accept: any },
  { name: "integer_datetimes", initial: "on", reported: true },
  { name: "standard_conforming_strings", initial: "on", reported: true, accept: mustBeOn },
  { name: "application_name", initial: "", reported: true, accept: any },
  { name: "is_superuser", initial: "on", reported: true },
  { name: "session_authorization", initial: "", reported: true },
  { name: "in_hot_standby", initial: "off", reported: true },
  { name: "default_transaction_read_only", initial: "off", reported: true, accept: any },
  { name: "transaction_read_only", initial: "off", accept: any },
  { name: "default_transaction_isolation", initial: "read committed", accept: any },
  { name: "transaction_isolation", initial: "read committed", accept: any },
  { name: "default_transaction_deferrable", initial: "off", accept: any },
  { name: "transaction_deferrable", initial: "off", accept: any },
  { name: "max_identifier_length", initial: "63" },
  { name: "bytea_output", initial: "hex", accept: any },
  { name: "client_min_messages", initial: "notice", accept: any },
  { name: "extra_float_digits", initial: "1", accept: any },
  { name: "idle_in_transaction_session_timeout", initial: "0", accept: any },
  { name: "lock_timeout", initial: "0", accept: any },
  { name: "row_security", initial: "on", accept: any },
  { name: "search_path", initial: "public", accept: any },
  { name: "statement_timeout", initial: "0", accept: any },
  { name: "synchronize_seqscans", initial: "on", accept: any },
];

const BY_NAME = new Map(SETTINGS.map((setting) => [setting.name.toLowerCase(), setting]));

/** The settings of one session; names are taken in any case. */
export class SessionSettings {
  readonly #initial: ReadonlyMap<string, string>;
  readonly #changed = new Map<string, string>();

  /**
   * @param startup what the startup packet sets; what is not known here is left out.
   * @throws {SqlError} for values that can not be.
   */
  constructor(user: string, startup: ReadonlyMap<string, string>) {
    const initial = new Map([["timezone", localZone()], ["session_authorization", user]]);
    for (const [name, value] of startup) {
      const setting = BY_NAME.get(name.toLowerCase());
      if (setting?.accept === undefined) continue;
      initial.set(name.toLowerCase(), setting.accept(value, setting.name));
    }
    this.#initial = initial;
  }

  get zone(): string {
    return this.get("timezone").value;
  }

  /** A setting as it is spelt, and its value. @throws {SqlError} */
  get(name: string): { readonly name: string; readonly value: string } {
    const setting = find(name);
    const key = setting.name.toLowerCase();
    const value = this.#changed.get(key) ?? this.#initial.get(key) ?? setting.initial;
    return { name: setting.name, value };
  }

  /** Sets a value, or without one the initial value. Gives what the client has to be told. */
  set(name: string, value: string | undefined): readonly [name: string, value: string][] {
    const setting = find(name);
    if (setting.accept === undefined) {
      throw new SqlError("55P02", `parameter "${setting.name}" cannot be changed`);
    }
    const key = setting.name.toLowerCase();
    if (value === undefined) this.#changed.delete(key);
    else this.#changed.set(key, setting.accept(value, setting.name));
    return setting.reported ? [[setting.name, this.get(key).value]] : [];
  }

  /** Every setting gets its initial value again. */
  resetAll(): readonly [name: string, value: string][] {
    return [...this.#changed.keys()].flatMap((name) => this.set(name, undefined));
  }

  /** What the client is told at its login. */
  reported(): readonly [name: string, value: string][] {
    return SETTINGS.filter(({ reported }) => reported)
      .map(({ name }) => [name, this.get(name).value]);
  }

  /** All settings by their names. */
  all(): readonly (readonly [name: string, value: string])[] {
    return SETTINGS.map(({ name }) => [name, this.get(name).value] as const)
      .sort(([one], [other]) => one.toLowerCase() < other.toLowerCase() ? -1 : 1);
  }
}

function find(name: string): Setting {
  const setting = BY_NAME.get(name.toLowerCase());
  if (setting !== undefined) return setting;
  const near = mostSimilar(name, [...adminViews, ...BY_NAME.keys()]);
  throw new SqlError("42704", `unrecognized configuration parameter "${name}"`, {
    hint: near === undefined
      ? "PGPOOL SHOW ALL lists the parameters of pgpool, SHOW ALL those of this session."
      : `Perhaps you meant "${near}".`,
  });
}

/** SQL_ASCII means that the client takes bytes as they come. */
function encoding(value: string): string {
  const plain = value.toUpperCase().replace(/[^A-Z0-9]/g, "");
  if (plain === "UTF8" || plain === "UNICODE") return "UTF8";
  if (plain === "SQLASCII") return "SQL_ASCII";
  throw new SqlError("0A000", `conversion between ${value} and UTF8 is not supported`);
}

function dateStyle(value: string): string {
  const [, order = "MDY"] = /\b(MDY|DMY|YMD)\b/i.exec(value) ?? [];
  if (/^\s*ISO\b/i.test(value)) return `ISO, ${order.toUpperCase()}`;
  throw new SqlError("0A000", "only the date style ISO is supported");
}

function zone(value: string, name: string): string {
  if (isZone(value)) return value;
  throw new SqlError("22023", `invalid value for parameter "${name}": "${value}"`);
}

function mustBeOn(value: string, name: string): string {
  if (/^(?:on|true|yes|1)$/i.test(value)) return "on";
  throw new SqlError("0A000", `parameter "${name}" can only be on`);
}
