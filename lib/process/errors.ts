/** Exit status by which a process says that it can not start and that trying again is no use. */
export const FATAL_STATUS = 3;

/** What keeps pgpool from starting or from doing what it was asked; the text is for operators. */
export class ProcessError extends Error {
  override readonly name: string = "ProcessError";

  constructor(
    message: string,
    readonly detail: string = "",
    readonly hint: string = "",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The pid file names a pgpool that runs. */
export class AlreadyRunningError extends ProcessError {
  override readonly name = "AlreadyRunningError";

  constructor(readonly pid: number) {
    super(`pid file found. is another pgpool(${pid}) is running?`);
  }
}

/** The pid file is missing or unreadable, so nobody knows which pgpool is meant. */
export class NoPidFileError extends ProcessError {
  override readonly name = "NoPidFileError";
}

/** The error text of the operating system for an error of the runtime, without its path. */
export function systemText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error ? error.code : "";
  switch (code) {
    case "ENOENT":
      return "No such file or directory";
    case "EACCES":
      return "Permission denied";
    case "EPERM":
      return "Operation not permitted";
    case "ENOTDIR":
      return "Not a directory";
    case "EISDIR":
      return "Is a directory";
    case "ENOSPC":
      return "No space left on device";
    case "EROFS":
      return "Read-only file system";
    case "ESRCH":
      return "No such process";
    default:
      return error.message;
  }
}
