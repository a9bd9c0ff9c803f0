import { resolve } from "node:path";
import { AuthError } from "../../lib/auth/errors.ts";
import { setPasswordEntry } from "../../lib/auth/secret-files.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { ConfigError } from "../../lib/config/problems.ts";
import { configFiles } from "../paths.ts";
import { PasswordCommandError } from "./errors.ts";

/**
 * The pool_passwd of a configuration; a relative name is relative to its directory. A file that
 * is missing stands for the defaults, which is said on standard error.
 *
 * @param configFile value of -f.
 * @throws {PasswordCommandError} when the configuration cannot be used or names no file.
 */
export function poolPasswdPath(configFile: string | undefined): string {
  const path = configFiles(configFile === undefined ? {} : { configFile }).config;
  try {
    const { config, problems } = loadConfig(path);
    const missing = problems.find(({ code }) => code === "cannot-open");
    if (missing !== undefined) process.stderr.write(`WARNING: ${missing.message}\n`);
    if (config.values.pool_passwd !== "") {
      return resolve(config.directory, config.values.pool_passwd);
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const first = error.problems.find(({ severity }) => severity === "error");
    throw new PasswordCommandError(
      "configuration",
      `configuration "${path}" cannot be used: ${first?.message ?? error.message}`,
      'See "pgpool config check".',
      { cause: error },
    );
  }
  throw new PasswordCommandError(
    "configuration",
    `"${path}" switches the password file off`,
    "Set pool_passwd to the name of a file.",
  );
}

/**
 * Puts an entry into pool_passwd.
 *
 * @throws {PasswordCommandError}
 */
export function writeEntry(path: string, user: string, secret: string): void {
  try {
    setPasswordEntry(path, user, secret);
  } catch (cause) {
    if (!(cause instanceof AuthError)) throw cause;
    throw new PasswordCommandError("file", cause.message, reason(cause), { cause });
  }
}

function reason(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : "";
}
