import type { Logger } from "../log/log.ts";
import { ProcessError, systemText } from "./errors.ts";
import { isAlive, isStranger, removePidFile, runningPid } from "./pid-file.ts";
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
  const failure = `could not reload configuration file pid: ${pid}`;
  refuseStranger(pidFile, pid, failure);
  signal(pid, "SIGHUP", failure);
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
  const failure = `could not stop process with pid: ${pid}`;
  refuseStranger(pidFile, pid, failure);
  signal(pid, SIGNAL_OF[mode], failure);
  logger.log("log", `stop request sent to pgpool (pid: ${pid}). waiting for termination...`);
  logger.flush();
  for (let looks = 1; isAlive(pid); looks++) {
    await Bun.sleep(LOOK_MS);
    if (looks % (1000 / LOOK_MS) !== 0) continue;
    progress(".");
    const seconds = looks * LOOK_MS / 1000;
    if (seconds % AGAIN_AFTER_SECONDS === 0 && isAlive(pid)) {
      signal(pid, SIGNAL_OF[mode], failure);
    }
  }
  progress("done.\n");
  removePidFile(pidFile, pid);
}

/** After a crash or a restart of the machine another process may have got pgpool's number. */
function refuseStranger(pidFile: string, pid: number, failure: string): void {
  if (!isStranger(pidFile, pid)) return;
  throw new ProcessError(
    failure,
    `Another program has got the number since "${pidFile}" was written.`,
  );
}

function signal(pid: number, name: NodeJS.Signals, failure: string): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    throw new ProcessError(failure, systemText(cause), "", { cause });
  }
}
