import { booleans } from "./parameters/booleans.ts";
import { coming } from "./parameters/coming.ts";
import { enums } from "./parameters/enums.ts";
import { integers } from "./parameters/integers.ts";
import { lists } from "./parameters/lists.ts";
import { perNode } from "./parameters/nodes.ts";
import { own } from "./parameters/own.ts";
import { strings } from "./parameters/strings.ts";
import { moreStrings } from "./parameters/strings_more.ts";
import type { Parameter } from "./parameters/types.ts";

export type {
  BoolParameter,
  Context,
  DoubleParameter,
  EnumParameter,
  Group,
  Indexed,
  IntParameter,
  ListParameter,
  Parameter,
  StringParameter,
  Unit,
} from "./parameters/types.ts";

/**
 * The one table of parameters: loader, PGPOOL SHOW, SHOW POOL_STATUS, the sample file and the
 * command line are derived from it. The order is that of Pgpool-II's table, on which the order
 * of PGPOOL SHOW ALL depends; our own parameters come last.
 */
export const parameters = {
  ...booleans,
  ...strings,
  ...moreStrings,
  ...lists,
  ...perNode,
  ...integers,
  ...enums,
  ...coming,
  ...own,
} as const;

type Table = typeof parameters;

/** Name of a parameter, without an index. */
export type ParameterName = keyof Table;

type ValueOf<P> = P extends { type: "bool" } ? boolean
  : P extends { type: "int" | "double" } ? number
  : P extends { type: "string" } ? string
  : P extends { type: "string-list" } ? readonly string[]
  : P extends { type: "enum"; values: readonly (infer V)[] } ? V
  : never;

/** The type of value a parameter has. */
export type ParameterValue<N extends ParameterName> = ValueOf<Table[N]>;

/** Any value of any parameter. */
export type AnyValue = boolean | number | string | readonly string[];

/** Names of parameters that exist once per node. */
export type IndexedName = {
  [N in ParameterName]: Table[N] extends { indexed: object } ? N : never;
}[ParameterName];

type OnlyIndexedName = {
  [N in ParameterName]: Table[N] extends { indexed: { bare: false } } ? N : never;
}[ParameterName];

/** Names that have a value of their own without an index. */
export type PlainName = Exclude<ParameterName, OnlyIndexedName>;

/** Names of parameters that PGPOOL SET may change in a session. */
export type SessionName = {
  [N in ParameterName]: Table[N] extends { context: "session" } ? N : never;
}[ParameterName];

/** Value of every parameter that has one without an index. */
export type Values = { readonly [N in PlainName]: ParameterValue<N> };

/** Values given for single nodes; a node that is missing has the default. */
export type IndexedValues = {
  readonly [N in IndexedName]: ReadonlyMap<number, ParameterValue<N>>;
};

const byName: ReadonlyMap<string, Parameter> = new Map(Object.entries(parameters));

/** All names in the order of the table. */
export const parameterNames: readonly string[] = [...byName.keys()];

/** Entry of a parameter, undefined when there is none of this name. */
export function findParameter(name: string): Parameter | undefined {
  return byName.get(name);
}

/** Members of the groups that PGPOOL SHOW knows, in the order it lists them (parameters.json). */
export const showGroups = {
  backend: [
    "backend_hostname",
    "backend_port",
    "backend_weight",
    "backend_data_directory",
    "backend_application_name",
    "backend_flag",
  ],
  watchdog: ["hostname", "pgpool_port", "wd_port"],
  heartbeat: ["heartbeat_device", "heartbeat_hostname", "heartbeat_port"],
  health_check: [
    "health_check_period",
    "health_check_timeout",
    "health_check_user",
    "health_check_password",
    "health_check_database",
    "health_check_max_retries",
    "health_check_retry_delay",
    "connect_timeout",
  ],
} as const satisfies Record<string, readonly IndexedName[]>;

export type ShowGroup = keyof typeof showGroups;
