import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ConfigFiles } from "../lib/process/messages.ts";

/** Where packages and source installations of Pgpool-II keep their configuration. */
const SYSTEM_DIRECTORIES = ["/etc/pgpool-II", "/usr/local/etc"];

/** Options that name files. */
export interface FileOptions {
  readonly configFile?: string;
  readonly pcpFile?: string;
  readonly hbaFile?: string;
  readonly keyFile?: string;
  readonly debug?: boolean;
}

/**
 * Absolute paths of all files. Files that are not named lie in the directory of configuration,
 * which does not follow -f (commands.md 1).
 */
export function configFiles(options: FileOptions): ConfigFiles {
  const directory = configDirectory();
  return {
    config: resolve(options.configFile ?? join(directory, "pgpool.conf")),
    pcp: resolve(options.pcpFile ?? join(directory, "pcp.conf")),
    hba: resolve(options.hbaFile ?? join(directory, "pool_hba.conf")),
    key: options.keyFile === undefined ? undefined : resolve(options.keyFile),
    debug: options.debug ?? false,
  };
}

/** `etc` beside the `bin` of an installation, else where the system has a pgpool.conf. */
export function configDirectory(): string {
  const installed = join(dirname(dirname(process.execPath)), "etc");
  const candidates = [installed, ...SYSTEM_DIRECTORIES];
  return candidates.find((directory) => existsSync(join(directory, "pgpool.conf"))) ??
    "/usr/local/etc";
}
