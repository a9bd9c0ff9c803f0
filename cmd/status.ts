import { AlreadyRunningError, ProcessError } from "../lib/process/errors.ts";
import { PidFile, pidFilePath } from "../lib/process/pid-file.ts";
import { readSound } from "./config/read.ts";
import { EXIT } from "./exit-status.ts";
import type { ExitStatus } from "./exit-status.ts";
import { CommandFailure, printJson } from "./output.ts";

/** Prints whether pgpool runs with this configuration; status 1 says that it does not. */
export function status(path: string, json: boolean): ExitStatus {
  const pidFile = pidFilePath(readSound(path));
  const { pid, stale } = look(pidFile);
  const running = pid !== null;
  if (json) {
    printJson({ running, pid, configuration: path, pidFile, stalePidFile: stale });
  } else {
    const state = running
      ? `pgpool is running (pid ${pid})`
      : `pgpool is not running${stale ? " (its pid file is stale)" : ""}`;
    process.stdout.write(`${state}\nconfiguration: ${path}\npid file: ${pidFile}\n`);
  }
  return running ? EXIT.ok : EXIT.failed;
}

function look(pidFile: string): { pid: number | null; stale: boolean } {
  try {
    return { pid: null, stale: PidFile.check(pidFile) };
  } catch (cause) {
    if (cause instanceof AlreadyRunningError) return { pid: cause.pid, stale: false };
    if (!(cause instanceof ProcessError)) throw cause;
    throw new CommandFailure("pid-file", cause.message, cause.hint || cause.detail, EXIT.failed, {
      cause,
    });
  }
}
