/** What kind of finding a problem is, for those who treat kinds differently. */
export type ProblemCode =
  | "cannot-open"
  | "syntax"
  | "unknown-name"
  | "removed-name"
  | "renamed-name"
  | "no-effect"
  | "invalid-value"
  | "inconsistent"
  | "include"
  | "secret"
  | "default-used"
  | "backend-changed";

/** Something about a configuration that its owner should know. */
export interface Problem {
  /** Errors refuse the configuration; the others are only told, at this level of the log. */
  readonly severity: "error" | "warning" | "notice" | "log";
  readonly code: ProblemCode;
  /** Path of the file, empty when no file is to blame. */
  readonly file: string;
  /** Line in the file from 1, 0 when no line is to blame. */
  readonly line: number;
  readonly message: string;
  readonly detail?: string | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
}

/** A configuration that cannot be used; `problems` holds everything found, not only the first. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    const errors = problems.filter((problem) => problem.severity === "error");
    super(errors.map(describeProblem).join("\n"), options);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** A value that a parameter does not take; the texts are those of Pgpool-II (parameters.md 1). */
export class InvalidValueError extends Error {
  readonly detail: string | undefined;
  readonly hint: string | undefined;

  constructor(message: string, more: { detail?: string; hint?: string } = {}) {
    super(message);
    this.name = "InvalidValueError";
    this.detail = more.detail;
    this.hint = more.hint;
  }
}

/** One problem in one line: `file:line: message; detail; hint`. */
export function describeProblem(problem: Problem): string {
  const place = problem.file === ""
    ? ""
    : problem.line > 0
    ? `${problem.file}:${problem.line}: `
    : `${problem.file}: `;
  return place + [problem.message, problem.detail, problem.hint].filter(Boolean).join("; ");
}
