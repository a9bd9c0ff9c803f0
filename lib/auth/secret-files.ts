import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { AuthError } from "./errors.ts";
import { decodePassword, encodePassword } from "./password-bytes.ts";
import {
  type FileWarning,
  formatPasswordLine,
  PasswordFile,
  passwordLineUser,
} from "./password-file.ts";

const SECRET_MODE = 0o600;
const MAX_KEY_LENGTH = 255;

/**
 * Where the key of AES entries is: `-k`, else $PGPOOLKEYFILE, else ~/.pgpoolkey.
 * @param option the value of -k
 */
export function keyFilePath(
  option: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (option) return option;
  return environment["PGPOOLKEYFILE"] || join(environment["HOME"] || homedir(), ".pgpoolkey");
}

/**
 * Reads the first line of a key file (at most 255 characters). A missing file is no error, one
 * that is not a regular file is ignored, both without a key (commands.md 8).
 * @throws AuthError when the file is there but cannot be read
 */
export function loadKeyFile(path: string): { key: string | undefined; warnings: FileWarning[] } {
  const stats = statIfPresent(path);
  if (stats === undefined) return { key: undefined, warnings: [] };
  if (!stats.isFile()) {
    const message = `pool key file "${path}" is not a plain file`;
    return { key: undefined, warnings: [{ message }] };
  }
  const line = readSecret(path).split("\n", 1)[0] ?? "";
  const key = line.replace(/\r$/, "").slice(0, MAX_KEY_LENGTH);
  return { key: key === "" ? undefined : key, warnings: modeWarnings("pool key", path, stats) };
}

/**
 * Reads pool_passwd; a missing file is created empty, as Pgpool-II does.
 * @throws AuthError when it cannot be read or created
 */
export function loadPasswordFile(
  path: string,
  key: string | undefined,
): { file: PasswordFile; warnings: FileWarning[] } {
  const stats = statIfPresent(path);
  if (stats === undefined) {
    createEmpty(path);
    return { file: PasswordFile.empty(), warnings: [] };
  }
  if (!stats.isFile()) throw new AuthError(`pool_passwd file "${path}" is not a plain file`);
  const { file, warnings } = PasswordFile.parse(readSecret(path), key);
  return { file, warnings: [...modeWarnings("pool_passwd", path, stats), ...warnings] };
}

/**
 * Puts `user:secret` into pool_passwd in place of the user's first line, or at the end. The file
 * is replaced as a whole, so that a reader sees the old or the new one; mode and owner stay.
 * @param secret as it shall stand in the file (md5..., AES..., TEXT..., a verifier), unescaped
 * @throws AuthError when the file cannot be read or written, or a line cannot hold the values
 */
export function setPasswordEntry(path: string, user: string, secret: string): void {
  if (user === "" || /[\n\r\0]/.test(user + secret)) {
    throw new AuthError("user name or password cannot be stored in a pool_passwd line");
  }
  const stats = statIfPresent(path);
  const lines = stats === undefined ? [] : readSecret(path).split("\n");
  if (lines.at(-1) === "") lines.pop();
  const entry = formatPasswordLine(user, secret);
  const present = lines.findIndex((line) => passwordLineUser(line) === user);
  if (present === -1) lines.push(entry);
  else lines[present] = entry;
  replaceFile(path, encodePassword(lines.join("\n") + "\n"), stats);
}

function replaceFile(path: string, contents: Buffer, old: Stats | undefined): void {
  const target = old === undefined ? path : realpathSync(path);
  const suffix = randomBytes(6).toString("hex");
  const temporary = join(dirname(target), `.${basename(target)}.${suffix}`);
  try {
    const descriptor = openSync(temporary, "wx", SECRET_MODE);
    try {
      writeFileSync(descriptor, contents);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (old !== undefined) copyAccess(temporary, old);
    renameSync(temporary, target);
  } catch (cause) {
    removeIfPresent(temporary);
    throw new AuthError(`could not write pool_passwd file "${path}"`, { cause });
  }
}

/** Only root may give a file away; for anybody else the owner is right already. */
function copyAccess(path: string, old: Stats): void {
  if (process.getuid?.() === 0) chownSync(path, old.uid, old.gid);
  chmodSync(path, old.mode & 0o777);
}

function removeIfPresent(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function createEmpty(path: string): void {
  try {
    closeSync(openSync(path, "a", SECRET_MODE));
  } catch (cause) {
    throw new AuthError(`could not create pool_passwd file "${path}"`, { cause });
  }
}

function readSecret(path: string): string {
  try {
    return readFileSync(path).toString("binary").split("\n").map((line) =>
      decodePassword(Buffer.from(line, "binary"))
    ).join("\n");
  } catch (cause) {
    throw new AuthError(`could not read file "${path}"`, { cause });
  }
}

function statIfPresent(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new AuthError(`could not open file "${path}"`, { cause });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function modeWarnings(kind: string, path: string, stats: Stats): FileWarning[] {
  if ((stats.mode & 0o077) === 0) return [];
  const message = `${kind} file "${path}" has group or world access; ` +
    "permissions should be u=rw (0600) or less";
  return [{ message }];
}
