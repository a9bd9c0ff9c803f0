import type { Command } from "commander";
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
function configDirectory(): string {
  const installed = join(dirname(dirname(process.execPath)), "etc");
  const candidates = [installed, ...SYSTEM_DIRECTORIES];
  return candidates.find((directory) => existsSync(join(directory, "pgpool.conf"))) ??
    "/usr/local/etc";
}

/** Options of everything that has to know the configuration. */
export function fileOptions(command: Command): Command {
  return command
    .option("-f, --config-file <file>", "path of pgpool.conf")
    .option("-F, --pcp-file <file>", "path of pcp.conf")
    .option("-a, --hba-file <file>", "path of pool_hba.conf")
    .option("-k, --key-file <file>", "path of the key of AES passwords (default: ~/.pgpoolkey)");
}
