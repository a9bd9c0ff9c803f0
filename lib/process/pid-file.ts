import { linkSync, readFileSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Config } from "../config/config.ts";
import { AlreadyRunningError, NoPidFileError, ProcessError, systemText } from "./errors.ts";

/** How much later than its pid file a process may seem to have started, in milliseconds. */
const CLOCK_SLACK_MS = 5000;

/** Units of the start time in /proc/<pid>/stat a second (sysconf(_SC_CLK_TCK) on Linux). */
const TICKS_PER_SECOND = 100;

/** Path of the pid file; a relative name is relative to the directory of pgpool.conf. */
export function pidFilePath(config: Config): string {
  return resolve(config.directory, config.values.pid_file_name);
}

/** The file that names the running pgpool (commands.md 8): the pid and a zero byte, mode 0600. */
export class PidFile {
  private constructor(readonly path: string, readonly pid: number) {}

  /**
   * Looks whether a pgpool runs already.
   *
   * @returns true when there is a file, but of a process that is gone.
   * @throws {AlreadyRunningError | ProcessError}
   */
  static check(path: string): boolean {
    const old = readPid(path);
    if (old === undefined) return false;
    if (old !== process.pid && isWriterAlive(path, old)) throw new AlreadyRunningError(old);
    return true;
  }

  /**
   * Writes the file for this process, in place of one that is stale. Of two processes that try at
   * the same time one gets the error.
   *
   * @throws {AlreadyRunningError | ProcessError}
   */
  static create(path: string, pid: number = process.pid): PidFile {
    const draft = `${path}.${pid}`;
    try {
      if (PidFile.check(path)) unlinkSync(path);
      writeFileSync(draft, `${pid}\0`, { mode: 0o600 });
      try {
        linkSync(draft, path);
      } finally {
        unlinkSync(draft);
      }
    } catch (cause) {
      if (cause instanceof ProcessError) throw cause;
      const winner = hasCode(cause, "EEXIST") ? readPid(path) : undefined;
      if (winner !== undefined) throw new AlreadyRunningError(winner);
      throw new ProcessError(
        `could not open pid file "${path}"`,
        systemText(cause),
        "Correct pid_file_name, or create its directory and let pgpool's user write there.",
        { cause },
      );
    }
    return new PidFile(path, pid);
  }

  /** Removes the file, unless it is somebody else's by now. */
  remove(): void {
    removePidFile(this.path, this.pid);
  }
}

/**
 * The pid of the pgpool that a pid file names.
 *
 * @throws {NoPidFileError} when there is none.
 */
export function runningPid(path: string): number {
  const pid = readPid(path);
  if (pid !== undefined) return pid;
  throw new NoPidFileError(
    "could not read pid file",
    `There is no pid in "${path}".`,
    "Either pgpool does not run, or -f names another configuration than it was started with.",
  );
}

/**
 * Whether the pid in the file is by now that of a process which has nothing to do with pgpool. Age
 * alone does not tell: when the clock was set, pgpool itself can seem younger than its file.
 */
export function isStranger(path: string, pid: number): boolean {
  if (!isAlive(pid) || isWriterAlive(path, pid)) return false;
  return readProc(`${pid}/comm`) !== readProc("self/comm");
}

/** Removes the pid file of a process that has ended, unless it is somebody else's by now. */
export function removePidFile(path: string, pid: number): void {
  if (readPid(path) === pid) unlinkSync(path);
}

/** Whether a process of this id runs; one that has ended and was not waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // A process of somebody else is alive all the same.
    return hasCode(error, "EPERM");
  }
  return processStat(pid)?.[0] !== "Z";
}

/** The pid in the file; undefined when there is no file or no pid in it. */
function readPid(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return undefined;
    throw new ProcessError(`could not read pid file "${path}"`, systemText(cause), "", { cause });
  }
  const pid = Number(/^\s*(\d{1,10})/.exec(text)?.[1] ?? 0);
  return pid > 0 ? pid : undefined;
}

/**
 * Whether the process that wrote the file lives. A process of that id which is younger than the
 * file is another one that got the number after a crash or a restart of the machine.
 */
function isWriterAlive(path: string, pid: number): boolean {
  if (!isAlive(pid)) return false;
  const started = startTime(pid);
  return started === undefined || started <= statSync(path).mtimeMs + CLOCK_SLACK_MS;
}

/** Unix time in milliseconds at which a process started; undefined where /proc does not tell. */
function startTime(pid: number): number | undefined {
  const ticks = Number(processStat(pid)?.[19]);
  const boot = Number(/^btime (\d+)$/m.exec(readProc("stat") ?? "")?.[1]);
  const seconds = boot + ticks / TICKS_PER_SECOND;
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

/** Fields of /proc/<pid>/stat from the state on (proc(5)). */
function processStat(pid: number): string[] | undefined {
  const text = readProc(`${pid}/stat`);
  // The name in parentheses before them may hold anything.
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readProc(name: string): string | undefined {
  try {
    return readFileSync(`/proc/${name}`, "latin1");
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
