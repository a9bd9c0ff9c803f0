/**
 * When a value may change: only at start, also on reload, or also by PGPOOL SET in a session
 * (parameters.md 2).
 */
export type Context = "startup" | "reload" | "session";

/** Subjects by which parameters are grouped, named as Pgpool-II's table names them. */
export type Group =
  | "cache"
  | "connection"
  | "connection_pool"
  | "failover"
  | "file_location"
  | "general"
  | "health_check"
  | "load_balance"
  | "logging"
  | "main_replica"
  | "metrics"
  | "recovery"
  | "replication"
  | "ssl"
  | "streaming_replication"
  | "watchdog"
  | "watchdog_lifecheck";

/** The unit of a number that is written without one. */
export type Unit = "B" | "kB" | "ms" | "s" | "min";

/** A parameter that exists once per node: its name is followed by the node's number. */
export interface Indexed {
  readonly per: "backend" | "watchdog-node" | "heartbeat-node";
  /** Indexes run from 0 to this number less one. */
  readonly maxElements: number;
  /** Whether the name without a number sets the value of all nodes without an own value. */
  readonly bare: boolean;
}

/** A name that has been replaced by another. */
export interface Deprecation {
  readonly replacedBy: string;
  /** Version of Pgpool-II that renamed it. */
  readonly since: string;
  /** Whether the value goes to the new name; otherwise it has no effect. */
  readonly forwards: boolean;
}

/** What every parameter of the table says of itself. */
export interface ParameterBase {
  readonly context: Context;
  readonly group: Group;
  /** Heading under which the sample file and the reference page list it. */
  readonly section: string;
  /** One line on what it does. */
  readonly help: string;
  readonly indexed?: Indexed;
  /** Value shown in the sample file when it is not the default. */
  readonly sample?: string;
  /** Left out of the sample file. */
  readonly unlisted?: boolean;
  /** Shown as `*****`. */
  readonly hidden?: boolean;
  /** A password or key: may be given as `${file:...}` or `${env:...}`, never shown or logged. */
  readonly secret?: boolean;
  readonly deprecated?: Deprecation;
  /** Version of Pgpool-II that brings it, when that is after 4.7. */
  readonly since?: string;
  /** One of our own, unknown to Pgpool-II. */
  readonly own?: boolean;
  /** Read once at start although its context says reload (parameters.md 2, last paragraph). */
  readonly readOnce?: boolean;
}

export interface BoolParameter extends ParameterBase {
  readonly type: "bool";
  readonly default: boolean;
}

export interface IntParameter extends ParameterBase {
  readonly type: "int";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit?: Unit;
  /** Written and shown in octal. */
  readonly octal?: boolean;
  /** Written in octal in files although it is shown in decimal. */
  readonly writtenInOctal?: boolean;
}

export interface DoubleParameter extends ParameterBase {
  readonly type: "double";
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

export interface StringParameter extends ParameterBase {
  readonly type: "string";
  readonly default: string;
  /** Shown as `(null)` by SHOW POOL_STATUS while empty. */
  readonly nullWhenEmpty?: boolean;
}

export interface ListParameter extends ParameterBase {
  readonly type: "string-list";
  readonly default: readonly string[];
  readonly separator: "," | ";";
  /** Each item is a regular expression. */
  readonly regex?: boolean;
  /** Every further line adds to the list instead of replacing it (contracts.md 4.0). */
  readonly accumulates?: boolean;
}

/** A value that an older Pgpool-II took. */
export interface RetiredValue<Value extends string = string> {
  /** The version that no longer took it. */
  readonly since: string;
  readonly use: Value;
}

export interface EnumParameter<Value extends string = string> extends ParameterBase {
  readonly type: "enum";
  readonly default: Value;
  readonly values: readonly Value[];
  /** Other spellings and the value they stand for. */
  readonly aliases?: Readonly<Record<string, Value>>;
  /** Aliases that messages do not offer. */
  readonly hiddenAliases?: readonly string[];
  /** Values of older versions that are refused now. */
  readonly retired?: Readonly<Record<string, RetiredValue<Value>>>;
  /** Numbers SHOW POOL_STATUS prints, by value; the position from 1 when absent. */
  readonly numbers?: readonly number[] | "text";
}

/** Any entry of the table. */
export type Parameter =
  | BoolParameter
  | IntParameter
  | DoubleParameter
  | StringParameter
  | ListParameter
  | EnumParameter;

type Entry<P extends Parameter> = Omit<P, "type">;

/** The entry as written, with its type of value; keeps the literal types of the entry. */
export function bool<const E extends Entry<BoolParameter>>(entry: E): E & { type: "bool" } {
  return { ...entry, type: "bool" };
}

export function int<const E extends Entry<IntParameter>>(entry: E): E & { type: "int" } {
  return { ...entry, type: "int" };
}

export function double<const E extends Entry<DoubleParameter>>(entry: E): E & { type: "double" } {
  return { ...entry, type: "double" };
}

export function string<const E extends Entry<StringParameter>>(entry: E): E & { type: "string" } {
  return { ...entry, type: "string" };
}

export function list<const E extends Entry<ListParameter>>(entry: E): E & { type: "string-list" } {
  return { ...entry, type: "string-list" };
}

export function oneOf<const E extends Entry<EnumParameter>>(entry: E): E & { type: "enum" } {
  return { ...entry, type: "enum" };
}

/** Largest value of a 32-bit integer parameter. */
export const INT_MAX = 2147483647;

/** Largest value of a 64-bit integer parameter, to the precision of a double. */
export const LONG_MAX = 9223372036854775807;

/** Parameters of backends, `backend_hostname0` to `backend_hostname127`. */
export const perBackend = { per: "backend", maxElements: 128, bare: false } as const;

/** Parameters of backends that also have a value for all of them. */
export const perBackendOrAll = { per: "backend", maxElements: 128, bare: true } as const;

/** Parameters of the pgpools of a watchdog cluster. */
export const perWatchdogNode = { per: "watchdog-node", maxElements: 128, bare: false } as const;

/** Parameters of heartbeat destinations. */
export const perHeartbeat = { per: "heartbeat-node", maxElements: 256, bare: false } as const;
