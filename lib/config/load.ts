import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { checkConfig, readNodeId } from "./checks.ts";
import { buildConfig } from "./config.ts";
import type { Config, Source } from "./config.ts";
import { readConfigFiles } from "./files.ts";
import type { PlacedAssignment, ReadFiles } from "./files.ts";
import { nearestName, resolveName } from "./names.ts";
import type { ResolvedName } from "./names.ts";
import type { AnyValue } from "./parameters.ts";
import { ConfigError, InvalidValueError } from "./problems.ts";
import type { Problem, ProblemCode } from "./problems.ts";
import { findRemoved } from "./removed.ts";
import { resolveSecret } from "./secrets.ts";
import { parseValue } from "./values.ts";

export type { BackendConfig, Config, HealthCheckConfig, Source } from "./config.ts";

/** Environment variables, for `${env:NAME}` in secrets. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A configuration and what its owner should be told about it; none of the problems is an error. */
export interface LoadedConfig {
  readonly config: Config;
  readonly problems: readonly Problem[];
}

/**
 * Reads pgpool.conf and what it includes, checks every value and the whole. Unknown and renamed
 * names are problems that do not stop anything, as in Pgpool-II. Throws ConfigError with all
 * problems when there is an error among them (parameters.md 1 to 3). `base` is the configuration
 * in force on reload: then a main file that cannot be opened is an error, because defaults would
 * replace everything.
 */
export function loadConfig(
  path: string,
  options: { environment?: Environment; base?: Config } = {},
): LoadedConfig {
  const read = readConfigFiles(path);
  if (options.base) refuseMissing(read.problems);
  const loaded = examine(path, read, options.environment);
  if (loaded.problems.some((problem) => problem.severity === "error")) {
    throw new ConfigError(loaded.problems);
  }
  return loaded;
}

/**
 * Reads a configuration as `loadConfig` does, and goes on over errors: what has one keeps its
 * default. For those who look for mistakes; never to be served with. Throws nothing.
 */
export function examineConfig(path: string, environment?: Environment): ExaminedConfig {
  const read = readConfigFiles(path);
  return { ...examine(path, read, environment), assignments: read.assignments };
}

/** A configuration that may have errors, with the lines it was read from. */
export interface ExaminedConfig extends LoadedConfig {
  readonly assignments: readonly PlacedAssignment[];
}

function examine(path: string, read: ReadFiles, environment?: Environment): LoadedConfig {
  const loader = new Loader(resolve(path), environment ?? process.env, read.problems);
  for (const assignment of read.assignments) loader.assign(assignment);
  return loader.finish();
}

function refuseMissing(problems: readonly Problem[]): void {
  const missing = problems.find((problem) => problem.code === "cannot-open");
  if (missing) throw new ConfigError([{ ...missing, severity: "error", detail: undefined }]);
}

type Parameter = Extract<ResolvedName, { kind: "parameter" }>;

class Loader {
  readonly #settings = new Map<string, AnyValue>();
  readonly #sources = new Map<string, Source>();
  readonly #problems: Problem[];
  readonly #path: string;
  readonly #environment: Environment;

  constructor(path: string, environment: Environment, problems: readonly Problem[]) {
    this.#path = path;
    this.#environment = environment;
    this.#problems = [...problems];
  }

  /** Takes one line of a file into account. */
  assign(at: PlacedAssignment): void {
    const gone = findRemoved(at.name);
    if (gone) return this.#removed(at, gone.since, gone.instead);
    const resolved = resolveName(at.name);
    if (resolved.kind === "unknown") return this.#unknown(at);
    if (resolved.kind === "bad-index") {
      const { message, hint } = resolved;
      return this.#report(at, "error", "invalid-value", message, { hint });
    }
    const { deprecated } = resolved.parameter;
    if (!deprecated) return this.#set(at.name, resolved, at);
    if (!deprecated.forwards) return this.#withoutEffect(at, resolved, deprecated.replacedBy);
    this.#report(
      at,
      "warning",
      "renamed-name",
      `${at.name} is changed to ${deprecated.replacedBy}`,
      {
        detail: `if ${at.name} is specified, the value will be set to ${deprecated.replacedBy}`,
      },
    );
    const current = resolveName(deprecated.replacedBy);
    if (current.kind === "parameter") this.#set(deprecated.replacedBy, current, at);
  }

  /** Checks the whole and gives the configuration with all problems. */
  finish(): LoadedConfig {
    const directory = dirname(this.#path);
    const config = buildConfig(this.#settings, {
      sources: this.#sources,
      path: this.#path,
      directory,
      watchdogNodeId: this.#nodeId(directory),
      localHostname: hostname(),
    });
    return { config, problems: [...this.#problems, ...checkConfig(config)] };
  }

  #set(name: string, { base, parameter, index }: Parameter, at: PlacedAssignment): void {
    const key = index === undefined ? base : `${base}${index}`;
    try {
      const text = parameter.secret ? this.#secret(name, at) : at.value;
      const value = parseValue(name, parameter, text);
      this.#settings.set(key, accumulated(parameter, this.#settings.get(key), value));
      const shown = parameter.secret && at.value !== "" ? "*****" : at.value;
      this.#sources.set(key, { file: at.file, line: at.line, text: shown });
    } catch (error) {
      if (!(error instanceof InvalidValueError)) throw error;
      const { detail, hint } = error;
      this.#report(at, "error", "invalid-value", error.message, { detail, hint });
    }
  }

  #secret(name: string, at: PlacedAssignment): string {
    const secret = resolveSecret(name, at.value, dirname(at.file), this.#environment);
    if (secret.warning) {
      const hint = "Give the file mode 0600.";
      this.#report(at, "warning", "secret", secret.warning, { hint });
    }
    return secret.value;
  }

  #nodeId(directory: string): number | undefined {
    if (this.#settings.get("use_watchdog") !== true) return undefined;
    const result = readNodeId(join(directory, "pgpool_node_id"));
    if ("id" in result) return result.id;
    this.#problems.push({
      severity: "error",
      code: "inconsistent",
      file: join(directory, "pgpool_node_id"),
      line: 0,
      message: result.wrong,
      hint: "The file holds the number of this pgpool: N of its hostnameN and wd_portN.",
    });
    return undefined;
  }

  #removed(at: PlacedAssignment, since: string, instead: string): void {
    this.#report(
      at,
      "warning",
      "removed-name",
      `unrecognized configuration parameter "${at.name}"`,
      {
        detail: `"${at.name}" does not exist any more since version ${since} and is ignored`,
        hint: instead,
      },
    );
  }

  #withoutEffect(at: PlacedAssignment, resolved: Parameter, replacedBy: string): void {
    this.#set(at.name, resolved, at);
    this.#report(at, "warning", "no-effect", `"${at.name}" has no effect`, {
      hint: `Use ${replacedBy} instead.`,
    });
  }

  #unknown(at: PlacedAssignment): void {
    const gone = findRemoved(at.name, true);
    if (gone) return this.#removed(at, gone.since, gone.instead);
    const near = nearestName(at.name);
    this.#report(
      at,
      "warning",
      "unknown-name",
      `unrecognized configuration parameter "${at.name}"`,
      {
        detail: "the line is ignored",
        hint: near ? `Perhaps you meant "${near}".` : undefined,
      },
    );
  }

  #report(
    at: PlacedAssignment,
    severity: Problem["severity"],
    code: ProblemCode,
    message: string,
    more: Pick<Problem, "detail" | "hint"> = {},
  ): void {
    this.#problems.push({ severity, code, file: at.file, line: at.line, message, ...more });
  }
}

/** A list that accumulates grows with every line; everything else is replaced. */
function accumulated(
  parameter: Parameter["parameter"],
  before: AnyValue | undefined,
  value: AnyValue,
): AnyValue {
  const grows = parameter.type === "string-list" && parameter.accumulates;
  return grows && Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
}
