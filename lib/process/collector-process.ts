import { closeSync } from "node:fs";
import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { openPipe, type Pipe, PipeError } from "../log/pipe.ts";
import type { LogFileSettings } from "../log/rotating-file.ts";
import type { Logger } from "../log/log.ts";
import { ProcessError } from "./errors.ts";
import type { CollectorMessage } from "./log-collector.ts";
import { COLLECTOR_VARIABLE } from "./roles.ts";

/** Time before a collector that died is started again, in milliseconds. */
const PAUSE_MS = 1000;

/**
 * The collector as the supervisor sees it. There is a pipe for each process, so that their lines
 * do not mix; the supervisor keeps both ends, so that nothing is lost when a process dies.
 */
export class CollectorProcess {
  readonly #pipes: readonly Pipe[];
  #child: ReturnType<typeof Bun.spawn> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #settings: LogFileSettings;
  #over = false;

  /**
   * @param workers how many workers there are, numbered from 1.
   * @param command starts this program.
   * @throws {ProcessError} there are no pipes to be had.
   */
  constructor(
    workers: number,
    readonly command: readonly string[],
    config: Config,
    readonly logger: Logger,
  ) {
    this.#settings = collectorSettings(config);
    this.#pipes = collectorPipes(workers + 1);
    this.#start();
  }

  /** Where a process writes its log: the supervisor is number 0, then come the workers. */
  writeFd(number: number): number {
    const pipe = this.#pipes[number];
    if (pipe === undefined) throw new RangeError(`there is no pipe for worker ${number}`);
    return pipe.writeFd;
  }

  reload(config: Config): void {
    this.#settings = collectorSettings(config);
    this.#send({ type: "settings", settings: this.#settings });
  }

  /** Begins a new file (pcp_log_rotate). */
  rotate(): void {
    this.#send({ type: "rotate" });
  }

  /**
   * Lets the collector end, which it does when what was written has been read. This process can
   * still write until it ends itself.
   */
  release(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    for (const { readFd } of this.#pipes) closeSync(readFd);
    for (const { writeFd } of this.#pipes.slice(1)) closeSync(writeFd);
    this.#child?.disconnect();
    this.#child?.unref();
  }

  #start(): void {
    this.#child = Bun.spawn([...this.command], {
      argv0: "pgpool: logger",
      env: { ...process.env, [COLLECTOR_VARIABLE]: String(this.#pipes.length) },
      stdio: ["ignore", "inherit", "inherit", ...this.#pipes.map(({ readFd }) => readFd)],
      serialization: "json",
      ipc: () => {},
      onExit: (_child, code) => this.#ended(code),
    });
    this.#send({ type: "settings", settings: this.#settings });
  }

  #ended(code: number | null): void {
    if (this.#over) return;
    this.logger.warning(`the log collector ended with status ${code ?? "unknown"}`, {
      detail: "It is started again. What is logged meanwhile waits in its pipes.",
    });
    this.#timer = setTimeout(() => this.#start(), PAUSE_MS);
  }

  #send(message: CollectorMessage): void {
    if (this.#child?.exitCode === null) this.#child.send(message);
  }
}

/** Where the log files are; a relative name is relative to the directory of pgpool.conf. */
export function logDirectory({ directory, values }: Config): string {
  return resolve(directory, values.log_directory);
}

function collectorSettings(config: Config): LogFileSettings {
  const { values } = config;
  return {
    directory: logDirectory(config),
    fileName: values.log_filename,
    mode: values.log_file_mode,
    ageMinutes: values.log_rotation_age,
    sizeKb: values.log_rotation_size,
    truncate: values.log_truncate_on_rotation,
  };
}

function collectorPipes(count: number): Pipe[] {
  try {
    return Array.from({ length: count }, openPipe);
  } catch (cause) {
    if (!(cause instanceof PipeError)) throw cause;
    throw new ProcessError("could not create pipe for the log collector", "", "", { cause });
  }
}
