import { Logger } from "../lib/log/log.ts";
import { startInBackground } from "../lib/process/background.ts";
import { FATAL_STATUS, ProcessError } from "../lib/process/errors.ts";
import { errorFields } from "../lib/process/logging.ts";
import { ALREADY_RUNNING_STATUS, mayStart, readConfig, serve } from "../lib/process/serve.ts";
import { ownCommand } from "../lib/process/worker-process.ts";
import { configFiles, type FileOptions } from "./paths.ts";

/** Options of a start. */
export interface StartOptions extends FileOptions {
  readonly discardStatus?: boolean;
}

/** Serves clients in the foreground until told to stop. Gives the exit status. */
export async function serveForeground(options: StartOptions): Promise<number> {
  const status = await serve({
    files: configFiles(options),
    discardStatus: options.discardStatus ?? false,
  });
  // Everything is told and closed: nothing that is left over may keep a stopped pgpool alive.
  process.exit(status);
}

/**
 * Starts pgpool in the background as Pgpool-II does without -n. Gives the exit status as soon as it
 * listens; what keeps it from starting is told on standard error.
 */
export async function serveBackground(options: StartOptions): Promise<number> {
  const files = configFiles(options);
  const logger = new Logger({ process: "main" });
  const config = readConfig(files, logger);
  if (config === undefined) return FATAL_STATUS;
  try {
    if (!mayStart(config)) return ALREADY_RUNNING_STATUS;
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    logger.fatal(error.message, errorFields(error));
    return FATAL_STATUS;
  }
  const [program = process.execPath, ...rest] = ownCommand();
  const args = [...rest, "serve", "-f", files.config, "-F", files.pcp, "-a", files.hba];
  if (files.key !== undefined) args.push("-k", files.key);
  if (options.discardStatus) args.push("-D");
  if (files.debug) args.push("-d");
  return await startInBackground(program, args);
}
