import { existsSync } from "node:fs";
import { resolve } from "node:path";
import postgres from "postgres";
import type { StoredPassword } from "../../auth/credentials.ts";
import { AuthError } from "../../auth/errors.ts";
import { resolvePassword } from "../../auth/password-file.ts";
import { keyFilePath, loadKeyFile, loadPasswordFile } from "../../auth/secret-files.ts";
import { about } from "../../config/audit/finding.ts";
import type { Finding } from "../../config/audit/finding.ts";
import type { BackendConfig, Config } from "../../config/config.ts";

/** How long a server may take to tell its limits, in milliseconds. */
const deadlineMs = 2500;

/**
 * Compares num_init_children times max_pool with what every server takes. Servers that do not
 * answer in time are noted. Nothing is asked without sr_check_user or health_check_user.
 */
export async function checkConnections(
  config: Config,
  keyOption: string | undefined,
): Promise<readonly Finding[]> {
  const { values } = config;
  const [user, password, database] = values.sr_check_user !== ""
    ? [values.sr_check_user, values.sr_check_password, values.sr_check_database]
    : [values.health_check_user, values.health_check_password, values.health_check_database];
  if (user === "") return [];
  const stored = storedPassword(config, keyOption, user, password);
  const login = {
    user,
    database: database || "postgres",
    password: stored?.kind === "plain" ? stored.password : "",
  };
  const needed = values.num_init_children * values.max_pool;
  const answers = await Promise.all(config.backends.map((backend) => ask(backend, login)));
  return config.backends.flatMap((backend, index) => {
    const limit = answers[index];
    const place = `${backend.hostname}:${backend.port}`;
    if (limit === undefined) {
      const message = `server ${backend.id} (${place}) did not tell its max_connections`;
      const hint = `See to it that num_init_children * max_pool (${needed}) fits.`;
      const name = `backend_hostname${backend.id}`;
      return [about(config, name, "note", "not-asked", message, hint)];
    }
    if (needed <= limit) return [];
    const message = `num_init_children * max_pool is ${needed}, but server ${backend.id} ` +
      `(${place}) takes ${limit} connections`;
    const hint = "Lower num_init_children or max_pool, or raise the server's max_connections.";
    return [about(config, "num_init_children", "warning", "max-connections", message, hint)];
  });
}

/** The password as the checks of pgpool find it; what is wrong with its files is told elsewhere. */
function storedPassword(
  config: Config,
  keyOption: string | undefined,
  user: string,
  password: string,
): StoredPassword | undefined {
  try {
    const { key } = loadKeyFile(keyFilePath(keyOption, process.env));
    const path = resolve(config.directory, config.values.pool_passwd);
    const isThere = config.values.pool_passwd !== "" && existsSync(path);
    const file = isThere ? loadPasswordFile(path, key).file : undefined;
    return resolvePassword(password, user, file, key);
  } catch (error) {
    if (error instanceof AuthError) return undefined;
    throw error;
  }
}

interface Login {
  readonly user: string;
  readonly database: string;
  readonly password: string;
}

/** Connections that ordinary users may have; undefined when the server does not say in time. */
async function ask(backend: BackendConfig, login: Login): Promise<number | undefined> {
  const { hostname, port } = backend;
  const address = hostname.startsWith("/")
    ? { path: `${hostname}/.s.PGSQL.${port}` }
    : { host: hostname, port };
  const sql = postgres({
    ...address,
    ...login,
    max: 1,
    connect_timeout: Math.floor(deadlineMs / 1000),
    onnotice: () => {},
  });
  const question = sql<{ limit: number }[]>`
    SELECT current_setting('max_connections')::int
      - current_setting('superuser_reserved_connections')::int AS limit`
    .then((rows) => rows[0]?.limit, () => undefined);
  const { promise: late, resolve: giveUp } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => giveUp(undefined), deadlineMs);
  try {
    return await Promise.race([question, late]);
  } finally {
    clearTimeout(timer);
    await sql.end({ timeout: 0 });
  }
}
