/** The exit statuses of all commands; docs/cli.md lists them. */
export const EXIT = {
  ok: 0,
  /** What was asked for could not be done, or there is something to tell by the status. */
  failed: 1,
  /** The command line makes no sense. Pgpool-II's own syntax gives 1 for that. */
  usage: 2,
  /** The configuration cannot be used, as Pgpool-II says it. */
  fatal: 3,
} as const;

/** One of the exit statuses. */
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];
