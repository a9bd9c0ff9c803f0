import { CommanderError } from "commander";
import { EXIT } from "./exit-status.ts";

/**
 * Ends a command that cannot be understood with the exit status of docs/cli.md; for commander's
 * `exitOverride`.
 */
export function usageStatus(error: CommanderError): never {
  throw new CommanderError(error.exitCode === 0 ? EXIT.ok : EXIT.usage, error.code, error.message);
}
