import { Destinations, type DestinationSettings } from "./destinations.ts";
import { compilePrefix } from "./prefix.ts";
import type { LinePrefix } from "./prefix.ts";
import { formatRecord } from "./format.ts";
import type { Verbosity } from "./format.ts";
import type { LogClient, LogFields, LogRecord, LogSink } from "./record.ts";
import { redactSecrets } from "./redact.ts";
import { Repeats, systemClock } from "./repeats.ts";
import type { LogClock } from "./repeats.ts";
import { severityRank } from "./severity.ts";
import type { Severity } from "./severity.ts";

export type { LogClient, LogFields, LogRecord, LogSink } from "./record.ts";
export type { Severity } from "./severity.ts";
export type { Verbosity } from "./format.ts";
export type { LogClock } from "./repeats.ts";
export type { DestinationSettings } from "./destinations.ts";

/** The default of log_line_prefix. */
const defaultPrefix = "%m: %a pid %p: ";

/** What configuration decides about a log; what is left out stays as it is. */
export interface LogSettings {
  /** log_min_messages */
  readonly level?: Severity;
  /** log_line_prefix */
  readonly prefix?: string;
  /** log_error_verbosity */
  readonly verbosity?: Verbosity;
  readonly sinks?: readonly LogSink[];
  /** log_destination and what belongs to it; takes the place of `sinks`. */
  readonly destinations?: DestinationSettings;
}

/** What a new log starts with; everything has a default. */
export interface LogOptions extends LogSettings {
  /** Name of the process, `main` by default. */
  readonly process?: string;
  readonly pid?: number;
  /** Number of the worker for `%P`, -1 outside of workers. */
  readonly childNumber?: number;
  readonly clock?: LogClock;
}

/** What all loggers of one process share. */
class LogCore {
  level: Severity;
  verbosity: Verbosity;
  prefix: LinePrefix;
  sinks: readonly LogSink[];
  lines = 0;
  readonly pid: number;
  readonly childNumber: number;
  readonly clock: LogClock;
  readonly repeats: Repeats;
  readonly destinations: Destinations;

  constructor(options: LogOptions) {
    this.level = options.level ?? "warning";
    this.verbosity = options.verbosity ?? "default";
    this.prefix = compilePrefix(options.prefix ?? defaultPrefix);
    this.destinations = new Destinations();
    this.sinks = options.sinks ?? this.destinations.sinks;
    this.pid = options.pid ?? process.pid;
    this.childNumber = options.childNumber ?? -1;
    this.clock = options.clock ?? systemClock;
    this.repeats = new Repeats(this.clock);
  }

  emit(
    name: string,
    severity: Severity,
    message: string,
    fields: LogFields,
    verbosity: Verbosity = this.verbosity,
  ): void {
    this.lines++;
    const record: LogRecord = {
      ...fields,
      message: redactSecrets(message),
      detail: fields.detail === undefined ? undefined : redactSecrets(fields.detail),
      context: fields.context === undefined ? undefined : redactSecrets(fields.context),
      time: this.clock.now(),
      severity,
      process: name,
      pid: this.pid,
      childNumber: this.childNumber,
      line: this.lines,
    };
    let text: string | undefined;
    const lazyText = () => text ??= formatRecord(record, this.prefix, verbosity);
    for (const sink of this.sinks) sink.write(record, lazyText);
  }
}

/**
 * Writes messages for operators. One logger per process or part of it, made with `child`; they
 * share level, prefix and destinations. Writing never waits and never throws. Passwords in
 * statements and connection strings are masked.
 */
export class Logger {
  readonly #core: LogCore;
  readonly #name: string;
  #client: LogClient;
  #ownLevel: Severity | undefined;
  #ownVerbosity: Verbosity | undefined;

  constructor(options?: LogOptions);
  constructor(options: LogOptions, core: LogCore, name: string, client: LogClient);
  constructor(options: LogOptions = {}, core?: LogCore, name?: string, client?: LogClient) {
    this.#core = core ?? new LogCore(options);
    this.#name = name ?? options.process ?? "main";
    this.#client = client ?? {};
  }

  /** A logger for a part of the process, named as `%a` shows it, perhaps for one client. */
  child(name: string, client: LogClient = {}): Logger {
    return new Logger({}, this.#core, name, client);
  }

  /** From now on this logger speaks of another client (its name, user and database). */
  setClient(client: LogClient): void {
    this.#client = client;
  }

  /** Changes level, prefix, verbosity or destinations of this logger and all its relatives. */
  configure(settings: LogSettings): void {
    const core = this.#core;
    if (settings.level) core.level = settings.level;
    if (settings.verbosity) core.verbosity = settings.verbosity;
    if (settings.prefix !== undefined) core.prefix = compilePrefix(settings.prefix);
    if (settings.sinks) core.sinks = settings.sinks;
    if (settings.destinations) core.sinks = core.destinations.apply(settings.destinations);
  }

  /** From now on lines that would go to standard error are written to an open descriptor. */
  redirect(fd: number): void {
    this.#core.sinks = this.#core.destinations.redirect(fd);
  }

  /** Sets the weakest severity that is written, for this logger and all its relatives. */
  setLevel(level: Severity): void {
    this.#core.level = level;
  }

  /** Gives this logger a level of its own (PGPOOL SET log_min_messages); undefined ends that. */
  setOwnLevel(level: Severity | undefined): void {
    this.#ownLevel = level;
  }

  /** The same for log_error_verbosity. */
  setOwnVerbosity(verbosity: Verbosity | undefined): void {
    this.#ownVerbosity = verbosity;
  }

  /** Whether a message of this severity would be written; ask before building a costly text. */
  enabled(severity: Severity): boolean {
    return severityRank(severity) >= severityRank(this.#ownLevel ?? this.#core.level);
  }

  /** Writes a message when its severity is enabled. */
  log(severity: Severity, message: string, fields: LogFields = {}): void {
    if (!this.enabled(severity)) return;
    const full = { ...this.#client, ...fields };
    if (!countsRepeats(severity, full)) {
      this.#core.emit(this.#name, severity, message, full, this.#ownVerbosity);
      return;
    }
    const key = `${severity} ${this.#name} ${message}`;
    const admitted = this.#core.repeats.admit(key, (count) => {
      const detail = redactSecrets(message);
      this.#core.emit(this.#name, severity, `last message repeated ${count} times`, { detail });
    });
    if (admitted) this.#core.emit(this.#name, severity, message, full, this.#ownVerbosity);
  }

  debug5(message: string, fields?: LogFields): void {
    this.log("debug5", message, fields);
  }

  debug4(message: string, fields?: LogFields): void {
    this.log("debug4", message, fields);
  }

  debug3(message: string, fields?: LogFields): void {
    this.log("debug3", message, fields);
  }

  debug2(message: string, fields?: LogFields): void {
    this.log("debug2", message, fields);
  }

  debug1(message: string, fields?: LogFields): void {
    this.log("debug1", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.log("info", message, fields);
  }

  notice(message: string, fields?: LogFields): void {
    this.log("notice", message, fields);
  }

  warning(message: string, fields?: LogFields): void {
    this.log("warning", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.log("error", message, fields);
  }

  fatal(message: string, fields?: LogFields): void {
    this.log("fatal", message, fields);
  }

  /** Tells the counts of repeated messages and writes what the destinations hold back. */
  flush(): void {
    this.#core.repeats.flush();
    for (const sink of this.#core.sinks) sink.flush();
  }
}

/**
 * Debug and information lines, and LOG lines of a client's session (its statements above all),
 * are records of single events: scripts count them, so each one is written.
 */
function countsRepeats(severity: Severity, fields: LogFields): boolean {
  if (severity === "warning" || severity === "error") return true;
  return severity === "log" && fields.application === undefined;
}
