import { lookup, reverse } from "node:dns/promises";
import { resolve } from "node:path";
import { AuthError } from "../../auth/errors.ts";
import { type HbaRule, loadHba, localAddresses } from "../../auth/hba.ts";
import { PasswordFile } from "../../auth/password-file.ts";
import { keyFilePath, loadKeyFile, loadPasswordFile } from "../../auth/secret-files.ts";
import type { Config } from "../../config/config.ts";
import type { Logger } from "../../log/log.ts";
import type { AuthSettings } from "./authenticate.ts";

/** Files of the authentication that the command line names. */
export interface AuthFiles {
  /** pool_hba.conf */
  readonly hba: string;
  /** Key file of -k, undefined to look for it in the usual places. */
  readonly key: string | undefined;
}

/**
 * Reads pool_hba.conf, pool_passwd and the key file. A pool_hba.conf that can not be used leaves
 * the rules as they were; at the start that is none, so that every client is refused.
 */
export function loadAuth(
  config: Config,
  files: AuthFiles,
  certificate: Uint8Array | undefined,
  saltSecret: Uint8Array,
  logger: Logger,
  previous?: AuthSettings,
): AuthSettings {
  const { values } = config;
  const passwords = loadPasswords(config, files, logger);
  return {
    rules: values.enable_pool_hba
      ? loadRules(files.hba, logger) ?? previous?.rules ?? []
      : undefined,
    stored: (user) => passwords.get(user),
    allowClearText: values.allow_clear_text_frontend_auth,
    localAddresses,
    lookupName,
    certificate,
    saltSecret,
    log: (line) => logger.log("log", line),
  };
}

/** pool_passwd, with its AES entries decrypted where the key is at hand. */
export function loadPasswords(config: Config, files: AuthFiles, logger: Logger): PasswordFile {
  const { pool_passwd } = config.values;
  if (pool_passwd === "") return PasswordFile.empty();
  const key = loadKeyFile(keyFilePath(files.key, process.env));
  const path = resolve(config.directory, pool_passwd);
  const { file, warnings } = readPasswords(path, key.key);
  for (const { message, detail } of [...key.warnings, ...warnings]) {
    logger.warning(message, detail === undefined ? {} : { detail });
  }
  return file;
}

/** A file that can not be read or made is as good as an empty one, and its owner is told. */
function readPasswords(
  path: string,
  key: string | undefined,
): ReturnType<typeof loadPasswordFile> {
  try {
    return loadPasswordFile(path, key);
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    const detail = error.cause instanceof Error ? error.cause.message : error.message;
    return { file: PasswordFile.empty(), warnings: [{ message: error.message, detail }] };
  }
}

function loadRules(path: string, logger: Logger): readonly HbaRule[] | undefined {
  try {
    const { rules, problems } = loadHba(path);
    for (const problem of problems) {
      const severity = problem.severity === "error" ? "error" : "warning";
      logger.log(severity, `${path}, line ${problem.line}: ${problem.message}`);
    }
    return problems.some((each) => each.severity === "error") ? undefined : rules;
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    logger.error(error.message);
    return undefined;
  }
}

/** The client's name, if looking it up leads back to its address; null otherwise. */
async function lookupName(address: string): Promise<string | null> {
  try {
    const [name] = await reverse(address);
    if (name === undefined) return null;
    const found = await lookup(name, { all: true });
    return found.some((each) => each.address === address) ? name : null;
  } catch {
    // A name that can not be found is none: the rules that need one do not fit.
    return null;
  }
}
