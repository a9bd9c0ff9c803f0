/** The exit statuses of all commands; docs/cli.md lists them. */
export const EXIT = {
  ok: 0,
  /** What was asked for could not be done, or there is something to tell by the status. */
  failed: 1,
  /** The command line makes no sense. Pgpool-II's own syntax gives 1 for that. */
  usage: 2,
  /** The configuration cannot be used, as Pgpool-II says it. */
  fatal: 3,
  /** Nobody answers at the pool's PCP port. */
  connect: 4,
  /** The pool does not take this user and password, or there is no password. */
  authentication: 5,
  /** The pool has no such node, process or watchdog node. */
  unknown: 6,
  /** The pool refuses to do it, and says why. */
  refused: 7,
  /** The pool has not answered in time. */
  timeout: 8,
} as const;

/** One of the exit statuses. */
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** Exit status of a program that was interrupted from the keyboard: 128 + SIGINT. */
export const INTERRUPTED_STATUS = 130;
