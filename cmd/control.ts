import { Logger } from "../lib/log/log.ts";
import { reloadRunning, stopRunning } from "../lib/process/control.ts";
import { FATAL_STATUS, NoPidFileError, ProcessError } from "../lib/process/errors.ts";
import { errorFields } from "../lib/process/logging.ts";
import { pidFilePath } from "../lib/process/pid-file.ts";
import { readConfig } from "../lib/process/serve.ts";
import type { StopMode } from "../lib/process/stop-mode.ts";
import { configFiles, type FileOptions } from "./paths.ts";

/** Has the running pgpool read its configuration again. Gives the exit status. */
export async function reload(options: FileOptions): Promise<number> {
  return await withPidFile(options, 1, (pidFile) => {
    reloadRunning(pidFile);
    return Promise.resolve();
  });
}

/** Stops the running pgpool and waits until it has ended. Gives the exit status. */
export async function stop(options: FileOptions & { mode: StopMode }): Promise<number> {
  return await withPidFile(options, FATAL_STATUS, async (pidFile, logger) => {
    await stopRunning(pidFile, options.mode, logger, (text) => process.stderr.write(text));
  });
}

/** The mode that `-m` names; only its first letter counts. Undefined when there is none of it. */
export function stopMode(text: string): StopMode | undefined {
  const modes = { s: "smart", f: "fast", i: "immediate" } as const;
  const letter = text[0];
  return letter === "s" || letter === "f" || letter === "i" ? modes[letter] : undefined;
}

/** @param noPidFileStatus exit status when no pgpool runs (commands.md 1). */
async function withPidFile(
  options: FileOptions,
  noPidFileStatus: number,
  act: (pidFile: string, logger: Logger) => Promise<void>,
): Promise<number> {
  const logger = new Logger({ process: "main" });
  const config = readConfig(configFiles(options), logger);
  if (config === undefined) return FATAL_STATUS;
  try {
    await act(pidFilePath(config), logger);
    return 0;
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    logger.fatal(error.message, errorFields(error));
    return error instanceof NoPidFileError ? noPidFileStatus : 1;
  } finally {
    logger.flush();
  }
}
