import type { Config } from "../config.ts";
import type { Problem } from "../problems.ts";

/**
 * How much a finding matters: an error does harm or is ignored in silence by Pgpool-II, a warning
 * may do harm, a note is worth knowing.
 */
export type Severity = "error" | "warning" | "note";

/** Something `pgpool config check` has found. */
export interface Finding {
  readonly severity: Severity;
  /** A word that does not change, for programs. */
  readonly code: string;
  /** Path of the file, empty when none is to blame. */
  readonly file: string;
  /** Line from 1, 0 when no line is to blame. */
  readonly line: number;
  /** What is wrong. */
  readonly message: string;
  /** What to do about it, empty when there is nothing to do. */
  readonly hint: string;
}

/** Makes a finding about a parameter, at the line that sets it. */
export function about(
  config: Config,
  name: string,
  severity: Severity,
  code: string,
  message: string,
  hint: string,
): Finding {
  const source = config.sources.get(name);
  return {
    severity,
    code,
    file: source?.file ?? config.path,
    line: source?.line ?? 0,
    message,
    hint,
  };
}

/** A finding for a problem of loading. What is ignored because it is misspelt is an error here. */
export function fromProblem(problem: Problem, path: string): Finding {
  const { code, file, line, message, detail, hint } = problem;
  return {
    severity: severityOf(problem),
    code,
    file: file === "" ? path : file,
    line,
    message: detail === undefined ? message : `${message}; ${detail}`,
    hint: hint ?? "",
  };
}

function severityOf({ severity, code }: Problem): Severity {
  if (severity === "error" || code === "unknown-name" || code === "cannot-open") return "error";
  return severity === "warning" ? "warning" : "note";
}

const ranks = { error: 0, warning: 1, note: 2 } as const;

/** Findings with the worst first, then by file and line. */
export function sortFindings(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((one, other) =>
    ranks[one.severity] - ranks[other.severity] || one.file.localeCompare(other.file) ||
    one.line - other.line
  );
}
