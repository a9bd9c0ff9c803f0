import type { Logger } from "../log/log.ts";
import { ProcessError, systemText } from "./errors.ts";
import { isAlive, removePidFile, runningPid } from "./pid-file.ts";
import { SIGNAL_OF, type StopMode } from "./stop-mode.ts";

/** While a pgpool stops, the signal is sent again after so many seconds. */
const AGAIN_AFTER_SECONDS = 5;
/** How often it is looked whether it has stopped, in milliseconds. */
const LOOK_MS = 100;

/**
 * Has the running pgpool read its configuration again.
 *
 * @throws {NoPidFileError | ProcessError}
 */
export function reloadRunning(pidFile: string): void {
  const pid = runningPid(pidFile);
  signal(pid, "SIGHUP", `could not reload configuration file pid: ${pid}`);
}

/**
 * Stops the running pgpool and waits, without a limit, until it has ended.
 *
 * @param progress gets what is printed meanwhile: one `.` a second, `done.` at the end.
 * @throws {NoPidFileError | ProcessError}
 */
export async function stopRunning(
  pidFile: string,
  mode: StopMode,
  logger: Logger,
  progress: (text: string) => void,
): Promise<void> {
  const pid = runningPid(pidFile);
  signal(pid, SIGNAL_OF[mode], `could not stop process with pid: ${pid}`);
  logger.log("log", `stop request sent to pgpool (pid: ${pid}). waiting for termination...`);
  logger.flush();
  for (let looks = 1; isAlive(pid); looks++) {
    await Bun.sleep(LOOK_MS);
    if (looks % (1000 / LOOK_MS) !== 0) continue;
    progress(".");
    const seconds = looks * LOOK_MS / 1000;
    if (seconds % AGAIN_AFTER_SECONDS === 0 && isAlive(pid)) {
      signal(pid, SIGNAL_OF[mode], `could not stop process with pid: ${pid}`);
    }
  }
  progress("done.\n");
  removePidFile(pidFile, pid);
}

function signal(pid: number, name: NodeJS.Signals, failure: string): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    throw new ProcessError(failure, systemText(cause), "", { cause });
  }
}
