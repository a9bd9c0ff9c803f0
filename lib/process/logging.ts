import type { LogFields, Logger } from "../log/log.ts";
import type { Problem } from "../config/problems.ts";
import { ProcessError } from "./errors.ts";

/** Tells what is wrong with a configuration; errors as `errorSeverity`. */
export function logProblems(
  logger: Logger,
  problems: readonly Problem[],
  errorSeverity: "fatal" | "error",
): void {
  for (const { severity, file, line, message, detail, hint } of problems) {
    const context = file === "" ? undefined : line > 0 ? `${file}, line ${line}` : file;
    logger.log(severity === "error" ? errorSeverity : severity, message, {
      detail,
      hint,
      context,
    });
  }
}

/** Detail and hint of an error, and what caused it. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return {};
  const own = error instanceof ProcessError ? error.detail : "";
  const cause = error.cause instanceof Error ? error.cause.message : "";
  const hint = "hint" in error && typeof error.hint === "string" ? error.hint : "";
  return {
    ...(own || cause ? { detail: own || cause } : {}),
    ...(hint ? { hint } : {}),
  };
}
