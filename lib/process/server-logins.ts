import { credentialsFromStored } from "../auth/credentials.ts";
import { PasswordFile, resolvePassword } from "../auth/password-file.ts";
import { keyFilePath, loadKeyFile } from "../auth/secret-files.ts";
import type { ProbeIdentities } from "../cluster/probe.ts";
import type { ProbeIdentity } from "../cluster/server-session.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../log/log.ts";
import type { ServerTls } from "../pool/login.ts";
import { loadPasswords } from "./client/auth-settings.ts";
import { loadServersTls } from "./client/tls-settings.ts";
import type { ConfigFiles } from "./messages.ts";

/**
 * How pgpool itself logs in to servers for its checks (reference behaviour.md 4, "Internal
 * connections"): password parameters, pool_passwd, the key and TLS, read by {@link load}.
 */
export class ServerLogins implements ProbeIdentities {
  readonly #files: ConfigFiles;
  readonly #logger: Logger;
  #config: Config;
  #passwords = PasswordFile.empty();
  #key: string | undefined;
  #tls: ServerTls | undefined;

  constructor(config: Config, files: ConfigFiles, logger: Logger) {
    this.#config = config;
    this.#files = files;
    this.#logger = logger;
  }

  /** Reads the files anew; the next connection uses them. */
  async load(config: Config): Promise<void> {
    this.#passwords = loadPasswords(config, this.#files, this.#logger);
    this.#key = loadKeyFile(keyFilePath(this.#files.key, process.env)).key;
    this.#tls = await loadServersTls(config, this.#logger);
    this.#config = config;
  }

  readonly check = (): ProbeIdentity => {
    const { sr_check_user, sr_check_database, sr_check_password } = this.#config.values;
    return this.#identity(sr_check_user, sr_check_password, sr_check_database || "postgres");
  };

  readonly health = (node: number): ProbeIdentity => {
    const check = this.#config.healthChecks.get(node);
    return this.#identity(check?.user ?? "", check?.password ?? "", check?.database ?? "");
  };

  readonly recovery = (): ProbeIdentity => {
    const { recovery_user, recovery_database, recovery_password } = this.#config.values;
    return this.#identity(recovery_user, recovery_password, recovery_database || "postgres");
  };

  #identity(user: string, password: string, database: string): ProbeIdentity {
    const stored = resolvePassword(password, user, this.#passwords, this.#key);
    return { user, database, credentials: credentialsFromStored(stored), tls: this.#tls };
  }
}
