import { findParameter, parameterNames } from "./parameters.ts";
import type { AnyValue, IndexedValues, Values } from "./parameters.ts";
import { hasTypeOf } from "./values.ts";

/** A server as the configuration describes it. */
export interface BackendConfig {
  readonly id: number;
  /** Host name, address, or directory of its Unix socket when it begins with `/`. */
  readonly hostname: string;
  readonly port: number;
  /** As written; the share of reads is this through the sum of all weights. */
  readonly weight: number;
  readonly dataDirectory: string;
  readonly applicationName: string;
  readonly allowToFailover: boolean;
  readonly alwaysPrimary: boolean;
}

/** How one server is checked: its own values, or those for all servers. */
export interface HealthCheckConfig {
  /** Seconds between checks, 0 for none. */
  readonly period: number;
  /** Seconds, 0 for no limit. */
  readonly timeout: number;
  readonly user: string;
  readonly password: string;
  /** Empty: postgres, then template1. */
  readonly database: string;
  readonly maxRetries: number;
  /** Seconds. */
  readonly retryDelay: number;
  /** Milliseconds for connecting, also of ordinary connections; 0 for no limit. */
  readonly connectTimeout: number;
}

/** One pgpool of a watchdog cluster. */
export interface WatchdogNodeConfig {
  readonly id: number;
  readonly hostname: string;
  readonly pgpoolPort: number;
  readonly wdPort: number;
}

/** One destination of heartbeats. */
export interface HeartbeatConfig {
  readonly id: number;
  readonly hostname: string;
  readonly device: string;
  readonly port: number;
}

/** Where a parameter is set. */
export interface Source {
  readonly file: string;
  readonly line: number;
  /** The value as written; `*****` for a secret. */
  readonly text: string;
}

/** A complete, checked configuration. Nothing in it ever changes. */
export interface Config {
  readonly values: Values;
  /** Values of single nodes, only those that are set. */
  readonly indexed: IndexedValues;
  /** Servers with a port, by id; an id that is missing is an unused slot. */
  readonly backends: readonly BackendConfig[];
  /** By id of the server. */
  readonly healthChecks: ReadonlyMap<number, HealthCheckConfig>;
  readonly watchdogNodes: readonly WatchdogNodeConfig[];
  readonly heartbeats: readonly HeartbeatConfig[];
  /** Content of the file pgpool_node_id, undefined without watchdog. */
  readonly watchdogNodeId: number | undefined;
  /** By name as written, with its index. Parameters that are missing have their default. */
  readonly sources: ReadonlyMap<string, Source>;
  /** Absolute path of the main file and its directory. */
  readonly path: string;
  readonly directory: string;
}

/** Values by name; those of single nodes under name and index. The input of `buildConfig`. */
export type Settings = ReadonlyMap<string, AnyValue>;

/** What of a configuration does not come out of its settings. */
export interface ConfigOrigin {
  readonly sources: ReadonlyMap<string, Source>;
  readonly path: string;
  readonly directory: string;
  readonly watchdogNodeId: number | undefined;
  /** Name of this machine, for the local watchdog node without an own name. */
  readonly localHostname: string;
}

/**
 * Makes a configuration out of single settings; what is not set has its default. Settings must
 * be of the type of their parameter (a TypeError otherwise, which is a fault of the caller).
 */
export function buildConfig(settings: Settings, origin: ConfigOrigin): Config {
  const values = plainValues(settings);
  const indexed = indexedValues(settings);
  const backends = buildBackends(indexed);
  return {
    values,
    indexed,
    backends,
    healthChecks: new Map(
      backends.map(({ id }) => [id, buildHealthCheck(id, values, indexed)]),
    ),
    watchdogNodes: buildWatchdogNodes(indexed, origin),
    heartbeats: usedSlots(indexed.heartbeat_port).map(([id, port]) => ({
      id,
      port,
      hostname: indexed.heartbeat_hostname.get(id) ?? "",
      device: indexed.heartbeat_device.get(id) ?? "",
    })),
    watchdogNodeId: origin.watchdogNodeId,
    sources: origin.sources,
    path: origin.path,
    directory: origin.directory,
  };
}

/** The settings a configuration was made of, defaults of plain parameters included. */
export function settingsOf(config: Config): Map<string, AnyValue> {
  const settings = new Map<string, AnyValue>(Object.entries(config.values));
  for (const [base, byIndex] of Object.entries(config.indexed)) {
    for (const [index, value] of byIndex) settings.set(`${base}${index}`, value);
  }
  return settings;
}

/** The configuration with other values for some parameters, as a session sees it. */
export function withValues(config: Config, overrides: Settings): Config {
  if (overrides.size === 0) return config;
  const values = { ...config.values, ...Object.fromEntries(overrides) };
  if (!areValues(values)) throw new TypeError("a setting is not of its parameter's type");
  return { ...config, values };
}

/** A server by its id, undefined for an unused slot. */
export function backendOf(config: Config, id: number): BackendConfig | undefined {
  return config.backends.find((backend) => backend.id === id);
}

/** Number of backend slots: the highest id in use plus one; slots between may be unused. */
export function backendSlots(config: Config): number {
  return (config.backends.at(-1)?.id ?? -1) + 1;
}

/** Flags of a backend (parameters.md 3, 8); `wrong` is the text that cannot be. */
export interface BackendFlags {
  readonly allowToFailover: boolean;
  readonly alwaysPrimary: boolean;
  readonly wrong?: string;
}

/** Reads `backend_flagN`: names joined with `|`. */
export function parseBackendFlags(text: string): BackendFlags {
  const flags = text.split("|").map((flag) => flag.trim()).filter((flag) => flag !== "");
  const allow = flags.includes("ALLOW_TO_FAILOVER");
  const disallow = flags.includes("DISALLOW_TO_FAILOVER");
  const unknown = flags.find((flag) =>
    !["ALLOW_TO_FAILOVER", "DISALLOW_TO_FAILOVER", "ALWAYS_PRIMARY"].includes(flag)
  );
  const result = { allowToFailover: !disallow, alwaysPrimary: flags.includes("ALWAYS_PRIMARY") };
  if (unknown !== undefined) return { ...result, wrong: `unknown backend flag:${unknown}` };
  if (allow && disallow) {
    const wrong = "cannot set ALLOW_TO_FAILOVER and DISALLOW_TO_FAILOVER at the same time";
    return { ...result, wrong };
  }
  return result;
}

function buildBackends(indexed: IndexedValues): BackendConfig[] {
  return usedSlots(indexed.backend_port).map(([id, port]) => {
    const flags = parseBackendFlags(indexed.backend_flag.get(id) ?? "");
    return {
      id,
      // An empty host means the default directory of Unix sockets (parameters.md 3, 2).
      hostname: indexed.backend_hostname.get(id) || "/tmp",
      port,
      weight: indexed.backend_weight.get(id) ?? 0,
      dataDirectory: indexed.backend_data_directory.get(id) ?? "",
      applicationName: indexed.backend_application_name.get(id) ?? "",
      allowToFailover: flags.allowToFailover,
      alwaysPrimary: flags.alwaysPrimary,
    };
  });
}

function buildHealthCheck(id: number, values: Values, indexed: IndexedValues): HealthCheckConfig {
  return {
    period: indexed.health_check_period.get(id) ?? values.health_check_period,
    timeout: indexed.health_check_timeout.get(id) ?? values.health_check_timeout,
    user: indexed.health_check_user.get(id) ?? values.health_check_user,
    password: indexed.health_check_password.get(id) ?? values.health_check_password,
    database: indexed.health_check_database.get(id) ?? values.health_check_database,
    maxRetries: indexed.health_check_max_retries.get(id) ?? values.health_check_max_retries,
    retryDelay: indexed.health_check_retry_delay.get(id) ?? values.health_check_retry_delay,
    connectTimeout: indexed.connect_timeout.get(id) ?? values.connect_timeout,
  };
}

function buildWatchdogNodes(indexed: IndexedValues, origin: ConfigOrigin): WatchdogNodeConfig[] {
  return usedSlots(indexed.wd_port).map(([id, wdPort]) => ({
    id,
    wdPort,
    hostname: indexed.hostname.get(id) ??
      (id === origin.watchdogNodeId ? origin.localHostname : "localhost"),
    pgpoolPort: indexed.pgpool_port.get(id) ?? 0,
  }));
}

function usedSlots(ports: ReadonlyMap<number, number>): [id: number, port: number][] {
  return [...ports].filter(([, port]) => port !== 0).sort(([one], [other]) => one - other);
}

function plainValues(settings: Settings): Values {
  const values: Record<string, AnyValue> = {};
  for (const name of parameterNames) {
    const parameter = findParameter(name);
    if (!parameter || (parameter.indexed && !parameter.indexed.bare)) continue;
    values[name] = settings.get(name) ?? parameter.default;
  }
  if (!areValues(values)) throw new TypeError("a setting is not of its parameter's type");
  return values;
}

function indexedValues(settings: Settings): IndexedValues {
  const values: Record<string, Map<number, AnyValue>> = {};
  for (const name of parameterNames) {
    const count = findParameter(name)?.indexed?.maxElements;
    if (count === undefined) continue;
    const byIndex = new Map<number, AnyValue>();
    for (let index = 0; index < count; index++) {
      const value = settings.get(`${name}${index}`);
      if (value !== undefined) byIndex.set(index, value);
    }
    values[name] = byIndex;
  }
  if (!areIndexedValues(values)) throw new TypeError("a setting is not of its parameter's type");
  return values;
}

function areValues(values: Record<string, unknown>): values is Values {
  return parameterNames.every((name) => {
    const parameter = findParameter(name);
    if (!parameter) return false;
    const onlyIndexed = parameter.indexed && !parameter.indexed.bare;
    return onlyIndexed || hasTypeOf(parameter, values[name]);
  });
}

function areIndexedValues(
  values: Record<string, ReadonlyMap<number, unknown>>,
): values is IndexedValues {
  return parameterNames.every((name) => {
    const parameter = findParameter(name);
    if (!parameter?.indexed) return true;
    const byIndex = values[name];
    return byIndex !== undefined &&
      [...byIndex.values()].every((value) => hasTypeOf(parameter, value));
  });
}
