import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { AuthError } from "../../auth/errors.ts";
import type { HbaRule } from "../../auth/hba.ts";
import { PasswordFile, passwordLineUser } from "../../auth/password-file.ts";
import { keyFilePath, loadKeyFile } from "../../auth/secret-files.ts";
import { about } from "../../config/audit/finding.ts";
import type { Finding, Severity } from "../../config/audit/finding.ts";
import type { Config } from "../../config/config.ts";
import { PcpUsers } from "../../pcp/users.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** What the checks of passwords look at. */
export interface PasswordChecks {
  readonly config: Config;
  /** Value of -k. */
  readonly keyOption: string | undefined;
  readonly pcpPath: string;
  readonly rules: readonly HbaRule[];
  readonly environment: Environment;
}

/** Finds what is wrong with pool_passwd, the key file, pcp.conf and passwords in pgpool.conf. */
export function checkPasswords(checks: PasswordChecks): readonly Finding[] {
  const { config } = checks;
  const keyPath = keyFilePath(checks.keyOption, checks.environment);
  const findings: Finding[] = [];
  let key: string | undefined;
  try {
    key = loadKeyFile(keyPath).key;
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    findings.push(inFile(keyPath, 0, "error", "key-file", error.message, "Make it readable."));
  }
  findings.push(...modeOf(keyPath, 0o077));
  return [
    ...findings,
    ...checkPoolPasswd(checks, key, keyPath),
    ...checkOwnPasswords(config, key, keyPath),
    ...checkPcpFile(checks.pcpPath),
  ];
}

function checkPoolPasswd(checks: PasswordChecks, key: string | undefined, keyPath: string) {
  const { config, rules } = checks;
  if (config.values.pool_passwd === "") return [];
  const path = resolve(config.directory, config.values.pool_passwd);
  const asks = rules.find(({ method }) => method === "md5" || method === "scram-sha-256");
  const text = readText(path);
  if (text === undefined) {
    if (!asks && !config.sources.has("pool_passwd")) return [];
    const message = `pool_passwd: "${path}" cannot be read`;
    const hint = "Create it with pg_enc or pg_md5, or correct the path.";
    const severity = asks ? "error" : "warning";
    return [about(config, "pool_passwd", severity, "no-pool-passwd", message, hint)];
  }
  const { file, warnings } = PasswordFile.parse(text, key);
  const findings: Finding[] = warnings.map(({ message, line = 0 }) =>
    inFile(path, line, "error", "pool-passwd-line", message, "Correct the line: user:password.")
  );
  findings.push(...modeOf(path, 0o027));
  if (asks && file.size === 0) {
    const message = "nobody can log in with a password: the file is empty";
    findings.push(inFile(path, 0, "error", "no-passwords", message, "Add users with pg_enc."));
  }
  const scramOnly = rules.length > 0 &&
    rules.every(({ method }) => method === "scram-sha-256" || method === "reject");
  const seen = new Map<string, number>();
  text.split("\n").forEach((content, index) => {
    const line = index + 1;
    const user = passwordLineUser(content);
    if (user === "") return;
    const before = seen.get(user);
    if (before !== undefined) {
      const message = `"${user}" stands in line ${before} already; this line does not count`;
      findings.push(inFile(path, line, "warning", "user-twice", message, "Remove one of them."));
      return;
    }
    seen.set(user, line);
    const stored = file.get(user);
    if (stored?.kind === "aes-undecryptable") {
      findings.push(inFile(path, line, "error", ...undecryptable(`of "${user}"`, key, keyPath)));
    }
    if (stored?.kind === "md5" && scramOnly) {
      const message = `"${user}" has an md5 hash, which scram-sha-256 cannot use`;
      const hint = "Store the password with pg_enc, or as SCRAM verifier.";
      findings.push(inFile(path, line, "warning", "md5-for-scram", message, hint));
    }
  });
  return findings;
}

const passwordNames = [
  "sr_check_password",
  "health_check_password",
  "recovery_password",
  "wd_lifecheck_password",
] as const;

function checkOwnPasswords(config: Config, key: string | undefined, keyPath: string): Finding[] {
  const own = [...config.indexed.health_check_password].map(
    ([id, text]) => [`health_check_password${id}`, text] as const,
  );
  const all = [...passwordNames.map((name) => [name, config.values[name]] as const), ...own];
  return all.flatMap(([name, text]) => {
    if (!text.startsWith("AES")) return [];
    const { file } = PasswordFile.parse(`user:${text}`, key);
    if (file.get("user")?.kind !== "aes-undecryptable") return [];
    return [about(config, name, "error", ...undecryptable(`in ${name}`, key, keyPath))];
  });
}

function undecryptable(
  whose: string,
  key: string | undefined,
  keyPath: string,
): [code: string, message: string, hint: string] {
  const [code, why] = key === undefined
    ? ["no-key", "there is no key"]
    : ["wrong-key", "the key is another one"];
  const hint = `Put the key into "${keyPath}", or name its file with -k.`;
  return [code, `the AES password ${whose} cannot be read: ${why}`, hint];
}

/** pcp.conf: who may log in over PCP. */
function checkPcpFile(path: string): Finding[] {
  const text = readText(path);
  if (text === undefined) return [];
  const hint = "Write user:hash with the hash that pg_md5 prints, or a SCRAM verifier.";
  return [
    ...modeOf(path, 0o027),
    ...PcpUsers.parse(text).problems.map(({ line, message }) =>
      inFile(path, line, "error", "pcp-line", message, hint)
    ),
  ];
}

/** A finding when a file of secrets lets others do what `forbidden` bits of its mode say. */
function modeOf(path: string, forbidden: number): Finding[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile() || (stats.mode & forbidden) === 0) return [];
  const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
  const message = `the file has mode ${mode}: others may read or change its secrets`;
  return [inFile(path, 0, "warning", "file-mode", message, `chmod 0600 ${path}`)];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function inFile(
  file: string,
  line: number,
  severity: Severity,
  code: string,
  message: string,
  hint: string,
): Finding {
  return { severity, code, file, line, message, hint };
}
