import { chmodSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Config } from "../config/config.ts";

/** The pid file can not be used; the message is for the operator. */
export class PidFileError extends Error {
  override readonly name = "PidFileError";
}

/** Path of the pid file; a relative one is relative to the directory of pgpool.conf. */
export function pidFilePath(config: Config): string {
  return resolve(config.directory, config.values.pid_file_name);
}

/** The process id in a pid file, undefined when there is no file or no number in it. */
export function readPidFile(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new PidFileError(`could not read pid file "${path}"`, { cause: error });
  }
  const pid = Number.parseInt(text, 10);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/** Whether a process of this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of somebody else is alive all the same.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * Writes this process's id, followed by a zero byte, with mode 0600 (commands.md 8).
 * @throws {PidFileError}
 */
export function writePidFile(path: string): void {
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, `${process.pid}\0`, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
  } catch (error) {
    throw new PidFileError(`could not open pid file "${path}"`, { cause: error });
  }
}

/** Removes the pid file if it is this process's. */
export function removePidFile(path: string): void {
  if (readPidFile(path) === process.pid) unlinkSync(path);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
