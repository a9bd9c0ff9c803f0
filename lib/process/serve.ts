import type { Config } from "../config/config.ts";
import { examineConfig, loadConfig } from "../config/load.ts";
import { ConfigError } from "../config/problems.ts";
import { Logger } from "../log/log.ts";
import { NetError } from "../net/errors.ts";
import { AlreadyRunningError, FATAL_STATUS, ProcessError } from "./errors.ts";
import { configureLogger } from "./log-settings.ts";
import { errorFields, logProblems } from "./logging.ts";
import type { ConfigFiles } from "./messages.ts";
import { PidFile, pidFilePath } from "./pid-file.ts";
import { Supervisor } from "./supervisor.ts";
import { ownCommand } from "./worker-process.ts";

/** Exit status when another pgpool runs with the same pid file (commands.md 1). */
export const ALREADY_RUNNING_STATUS = 1;

/** What the command line asks for. */
export interface ServeOptions {
  readonly files: ConfigFiles;
  /** -D: pgpool_status is not read. */
  readonly discardStatus: boolean;
  /** The command that starts a worker; this program by default. */
  readonly workerCommand?: readonly string[];
}

/**
 * Reads the configuration and runs pgpool until it is told to stop.
 *
 * @returns the exit status: 0, 1 when it runs already, 3 when it can not start (commands.md 1).
 */
export async function serve(options: ServeOptions): Promise<number> {
  const { files, discardStatus } = options;
  const logger = new Logger({ process: "main" });
  const config = readConfig(files, logger);
  if (config === undefined) return FATAL_STATUS;
  try {
    if (!mayStart(config)) return ALREADY_RUNNING_STATUS;
    const workerCommand = options.workerCommand ?? ownCommand();
    return await new Supervisor({ files, config, logger, discardStatus, workerCommand }).run();
  } catch (error) {
    if (!(error instanceof ProcessError) && !(error instanceof NetError)) throw error;
    logger.fatal(error.message, errorFields(error));
    return error instanceof AlreadyRunningError ? ALREADY_RUNNING_STATUS : FATAL_STATUS;
  } finally {
    logger.flush();
  }
}

/**
 * Whether the pid file allows a start. What there is to say of it goes to standard error in the
 * words of commands.md 1.
 *
 * @throws {ProcessError} when the file can not be read.
 */
export function mayStart(config: Config): boolean {
  try {
    if (PidFile.check(pidFilePath(config))) {
      process.stderr.write(
        "NOTICE: pid file found but it seems bogus. Trying to start pgpool anyway...\n",
      );
    }
    return true;
  } catch (error) {
    if (!(error instanceof AlreadyRunningError)) throw error;
    process.stderr.write(`ERROR: ${error.message}\n`);
    return false;
  }
}

/** The configuration, or undefined when there is an error in it, which has been logged. */
export function readConfig(files: ConfigFiles, logger: Logger): Config | undefined {
  try {
    const { config, problems } = loadConfig(files.config);
    configureLogger(logger, config, files.debug);
    logProblems(logger, problems, "fatal");
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    logProblems(logger, error.problems, "fatal");
    logger.flush();
    return undefined;
  }
}

/**
 * The configuration as far as it can be read: a mistake that was made since the start must not
 * keep pgpool from being stopped. Undefined when the mistake is in the name of the pid file.
 */
export function readForStop(files: ConfigFiles, logger: Logger): Config | undefined {
  const { config, problems } = examineConfig(files.config);
  configureLogger(logger, config, files.debug);
  const sound = config.sources.has("pid_file_name") ||
    problems.every(({ severity }) => severity !== "error");
  logProblems(logger, problems, sound ? "error" : "fatal");
  return sound ? config : undefined;
}
