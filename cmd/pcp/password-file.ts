import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { decodePassword } from "../../lib/auth/password-bytes.ts";
import { splitFields } from "../../lib/auth/password-file.ts";
import { systemText } from "../../lib/process/errors.ts";

/** Whom a password is for. */
export interface PasswordTarget {
  /** Empty for the default directory of Unix sockets. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/** A password from the file, or why there is none. */
export type PasswordLookup =
  | { readonly found: true; readonly password: string }
  | { readonly found: false; readonly reason: string };

/** Group or others may read, write or execute. */
const OPEN_TO_OTHERS = 0o077;

/** The directory of Unix sockets that `localhost` stands for in the file. */
const DEFAULT_SOCKET_DIRECTORY = "/tmp";

/** $PCPPASSFILE, else ~/.pcppass (reference commands.md 2.2). */
export function pcpPasswordFile(
  environment: Readonly<Record<string, string | undefined>>,
): string {
  return environment["PCPPASSFILE"] || join(environment["HOME"] || homedir(), ".pcppass");
}

/** Looks for a password in the file, which nobody but its owner may have access to. */
export function lookUpPassword(path: string, target: PasswordTarget): PasswordLookup {
  const none = (reason: string) => ({ found: false, reason }) as const;
  let bytes: Buffer;
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return none(`password file "${path}" is not a plain file`);
    if ((stats.mode & OPEN_TO_OTHERS) !== 0) {
      return none(
        `password file "${path}" has group or world access; ` +
          "permissions should be u=rw (0600) or less",
      );
    }
    bytes = readFileSync(path);
  } catch (error) {
    return none(`could not open password file "${path}": ${systemText(error)}`);
  }
  const password = findPassword(bytes, target);
  if (password !== undefined) return { found: true, password };
  const { host, port, user } = target;
  return none(
    `password file "${path}" has no line for host "${host || "localhost"}", port ${port}, ` +
      `user "${user}"`,
  );
}

/**
 * The password of the first line `host:port:user:password` that matches. `*` matches everything, a
 * backslash protects the next character, and `localhost` stands for Unix sockets in /tmp
 * (reference commands.md 8).
 */
export function findPassword(bytes: Buffer, target: PasswordTarget): string | undefined {
  const isDefault = target.host === "" || target.host === DEFAULT_SOCKET_DIRECTORY;
  const wanted = [isDefault ? "localhost" : target.host, String(target.port), target.user];
  for (const rawLine of bytes.toString("latin1").split("\n")) {
    const line = decodePassword(Buffer.from(rawLine.replace(/\r$/, ""), "latin1"));
    const fields = splitFields(line);
    const matches = wanted.every((value, index) =>
      fields[index] === "*" || fields[index] === value
    );
    if (matches && fields[3] !== undefined) return fields[3];
  }
  return undefined;
}
