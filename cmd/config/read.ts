import { existsSync } from "node:fs";
import type { Config } from "../../lib/config/config.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { ConfigError, describeProblem } from "../../lib/config/problems.ts";
import { EXIT } from "../exit-status.ts";
import { CommandFailure } from "../output.ts";

/** Reads a configuration that has to be there and to be sound. Throws CommandFailure. */
export function readSound(path: string): Config {
  requireFile(path);
  try {
    return loadConfig(path).config;
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    const first = cause.problems.find((problem) => problem.severity === "error");
    throw new CommandFailure(
      "invalid-configuration",
      first ? describeProblem(first) : cause.message,
      `pgpool config check -f ${path} tells all that is wrong.`,
      EXIT.fatal,
      { cause },
    );
  }
}

/** Throws CommandFailure when there is no such file. */
export function requireFile(path: string): void {
  if (existsSync(path)) return;
  throw new CommandFailure(
    "cannot-open",
    `could not open configuration file: "${path}"`,
    "Name the file with -f, or write one with pgpool config init.",
    EXIT.fatal,
  );
}
