import { Logger } from "../lib/log/log.ts";
import { reloadRunning, stopRunning } from "../lib/process/control.ts";
import { FATAL_STATUS, NoPidFileError, ProcessError } from "../lib/process/errors.ts";
import { errorFields } from "../lib/process/logging.ts";
import { pidFilePath } from "../lib/process/pid-file.ts";
import { readConfig, readForStop } from "../lib/process/serve.ts";
import type { StopMode } from "../lib/process/stop-mode.ts";
import { CommandFailure, printFailure, printJson } from "./output.ts";
import { configFiles, type FileOptions } from "./paths.ts";

/** Options of commands that tell a running pgpool something. */
export interface ControlOptions extends FileOptions {
  readonly json?: boolean;
}

/** Has the running pgpool read its configuration again. Gives the exit status. */
export async function reload(options: ControlOptions): Promise<number> {
  return await withPidFile(options, readConfig, 1, (pidFile) => {
    reloadRunning(pidFile);
    return Promise.resolve({ reloaded: true });
  });
}

/** Stops the running pgpool and waits until it has ended. Gives the exit status. */
export async function stop(options: ControlOptions & { mode: StopMode }): Promise<number> {
  return await withPidFile(options, readForStop, FATAL_STATUS, async (pidFile, logger) => {
    await stopRunning(pidFile, options.mode, logger, (text) => process.stderr.write(text));
    return { stopped: true, mode: options.mode };
  });
}

/** The mode that `-m` names; only its first letter counts. Undefined when there is none of it. */
export function stopMode(text: string): StopMode | undefined {
  const modes = { s: "smart", f: "fast", i: "immediate" } as const;
  const letter = text[0];
  return letter === "s" || letter === "f" || letter === "i" ? modes[letter] : undefined;
}

/**
 * @param read gives the configuration, undefined when it cannot be used.
 * @param noPidFileStatus exit status when no pgpool runs (commands.md 1).
 */
async function withPidFile(
  options: ControlOptions,
  read: typeof readConfig,
  noPidFileStatus: number,
  act: (pidFile: string, logger: Logger) => Promise<unknown>,
): Promise<number> {
  const json = options.json ?? false;
  const logger = new Logger({ process: "main" });
  const config = read(configFiles(options), logger);
  if (config === undefined) {
    if (json) printFailure(UNUSABLE_CONFIGURATION, json);
    return FATAL_STATUS;
  }
  try {
    const done = await act(pidFilePath(config), logger);
    if (json) printJson(done);
    return 0;
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    logger.fatal(error.message, errorFields(error));
    const missing = error instanceof NoPidFileError;
    const code = missing ? "not-running" : "failed";
    if (json) printFailure(new CommandFailure(code, error.message, error.hint), json);
    return missing ? noPidFileStatus : 1;
  } finally {
    logger.flush();
  }
}

const UNUSABLE_CONFIGURATION = new CommandFailure(
  "configuration",
  "the configuration can not be used",
  "pgpool config check tells what is wrong with it.",
);
