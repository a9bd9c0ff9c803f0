import { decryptAes } from "./aes.ts";
import type { StoredPassword } from "./credentials.ts";
import { AuthError } from "./errors.ts";
import { isMd5Password } from "./md5.ts";
import { looksLikeVerifier, parseVerifier } from "./scram-verifier.ts";

/** Something in a secret's file that an operator should know of, without the secret. */
export interface FileWarning {
  readonly message: string;
  readonly detail?: string;
  /** 1-based, when it concerns one line. */
  readonly line?: number;
}

interface Entry {
  readonly secret: string;
  resolved?: StoredPassword | undefined;
}

/**
 * pool_passwd: `user:password[:backend_user:backend_password]` lines, where a backslash protects
 * the next character; the first line of a user wins and there are no comments (commands.md 8).
 */
export class PasswordFile {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #key: string | undefined;

  private constructor(entries: ReadonlyMap<string, Entry>, key: string | undefined) {
    this.#entries = entries;
    this.#key = key;
  }

  /**
   * Reads the text of the file.
   * @param key first line of .pgpoolkey, for AES entries
   */
  static parse(
    text: string,
    key?: string | undefined,
  ): { file: PasswordFile; warnings: FileWarning[] } {
    const entries = new Map<string, Entry>();
    const warnings: FileWarning[] = [];
    text.split("\n").forEach((rawLine, index) => {
      const [user = "", secret] = readEntry(rawLine.replace(/\r$/, ""));
      if (user === "" && secret === undefined) return;
      if (user === "" || secret === undefined) {
        warnings.push({ message: "line is not user:password", line: index + 1 });
        return;
      }
      if (!entries.has(user)) entries.set(user, { secret });
      if (looksLikeVerifier(secret) && parseSecret(secret, undefined) === undefined) {
        warnings.push({ message: "malformed SCRAM verifier", line: index + 1 });
      }
    });
    return { file: new PasswordFile(entries, key), warnings };
  }

  /** A file without entries (pool_passwd = ''). */
  static empty(): PasswordFile {
    return new PasswordFile(new Map(), undefined);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The user's entry; undefined when there is none or it is a malformed SCRAM verifier. */
  get(user: string): StoredPassword | undefined {
    const entry = this.#entries.get(user);
    if (entry === undefined) return undefined;
    entry.resolved ??= parseSecret(entry.secret, this.#key);
    return entry.resolved;
  }
}

/**
 * The password of an internal connection (health_check_password, sr_check_password, ...;
 * behaviour.md 4): plain, `TEXT...`, `AES...`, md5, or empty for the user's entry in pool_passwd,
 * and the empty password when there is none.
 */
export function resolvePassword(
  text: string,
  user: string,
  file: PasswordFile | undefined,
  key: string | undefined,
): StoredPassword | undefined {
  if (text !== "") return parseSecret(text, key);
  return file?.get(user) ?? { kind: "plain", password: "" };
}

/** One line of pool_passwd, escaped, without its line end. */
export function formatPasswordLine(user: string, secret: string): string {
  return `${escapeField(user)}:${escapeField(secret)}`;
}

/** A field of a line, with a backslash before what would end it. */
export function escapeField(field: string): string {
  return field.replace(/[\\:]/g, "\\$&");
}

/** The user a line is about. */
export function passwordLineUser(line: string): string {
  return splitFields(line.replace(/\r$/, ""))[0] ?? "";
}

/**
 * User and password of a line. A SCRAM verifier may be copied from pg_authid as it is: its own
 * two colons then need no escapes.
 */
function readEntry(line: string): [user: string | undefined, secret: string | undefined] {
  const [user, secret, ...more] = splitFields(line);
  const unescapedVerifier = secret !== undefined && /^SCRAM-SHA-256\$\d+$/.test(secret);
  return [user, unescapedVerifier ? [secret, ...more.slice(0, 2)].join(":") : secret];
}

/** Fields separated by unescaped colons, with the escapes taken off. */
export function splitFields(line: string): string[] {
  if (!line.includes("\\")) return line.split(":");
  const fields = [""];
  const append = (text: string) => fields.push((fields.pop() ?? "") + text);
  for (let i = 0; i < line.length; i++) {
    const character = line.charAt(i);
    if (character === "\\" && i + 1 < line.length) append(line.charAt(++i));
    else if (character === ":") fields.push("");
    else append(character);
  }
  return fields;
}

function parseSecret(secret: string, key: string | undefined): StoredPassword | undefined {
  if (isMd5Password(secret)) return { kind: "md5", hash: secret };
  if (secret.startsWith("TEXT")) return { kind: "plain", password: secret.slice(4) };
  if (secret.startsWith("AES")) return parseAes(secret.slice(3), key);
  if (!looksLikeVerifier(secret)) return { kind: "plain", password: secret };
  try {
    return { kind: "scram", verifier: parseVerifier(secret) };
  } catch (error) {
    if (error instanceof AuthError) return undefined;
    throw error;
  }
}

function parseAes(base64: string, key: string | undefined): StoredPassword {
  if (key === undefined) return { kind: "aes-undecryptable", reason: "no-key" };
  try {
    return { kind: "plain", password: decryptAes(base64, key) };
  } catch (error) {
    if (error instanceof AuthError) return { kind: "aes-undecryptable", reason: "wrong-key" };
    throw error;
  }
}
