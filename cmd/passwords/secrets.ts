import { randomBytes } from "node:crypto";
import { encryptAes } from "../../lib/auth/aes.ts";
import { AuthError } from "../../lib/auth/errors.ts";
import { md5Password } from "../../lib/auth/md5.ts";
import {
  buildVerifier,
  DEFAULT_SALT_LENGTH,
  formatVerifier,
} from "../../lib/auth/scram-verifier.ts";
import { keyFilePath, loadKeyFile } from "../../lib/auth/secret-files.ts";
import { PasswordCommandError } from "./errors.ts";
import { byteLength, MAX_LENGTH } from "./pairs.ts";
import type { SecretInput } from "./secret-input.ts";

/** The forms in which pool_passwd keeps passwords. */
export const METHODS = {
  md5: "md5 of password and user, for servers that still use md5",
  scram: "SCRAM verifier; give the servers the same one with ALTER ROLE ... PASSWORD",
  aes: "password encrypted with a key file, which pgpool can use for any server",
} as const;

/** A form in which pool_passwd keeps passwords. */
export type Method = keyof typeof METHODS;

/** What some of the forms need. */
export interface SecretOptions {
  readonly keyFile?: string;
  readonly iterations?: number;
}

/** Whether the word names a form. */
export function isMethod(word: string): word is Method {
  return Object.hasOwn(METHODS, word);
}

/**
 * A new password: typed twice on a terminal, else the next line of standard input.
 *
 * @throws {PasswordCommandError}
 */
export async function askPassword(input: SecretInput): Promise<string> {
  const password = await input.line("Password: ");
  if (password === undefined || password === "") {
    throw new PasswordCommandError(
      "input",
      "no password was given",
      "Type it on a terminal, or put it into standard input.",
    );
  }
  if (input.isTerminal && await input.line("Password again: ") !== password) {
    throw new PasswordCommandError("input", "the two passwords are not the same");
  }
  if (byteLength(password) > MAX_LENGTH) {
    throw new PasswordCommandError("limit", `the password is longer than ${MAX_LENGTH} bytes`);
  }
  return password;
}

/**
 * What stands for a password in pool_passwd, before fields are escaped.
 *
 * @throws {PasswordCommandError}
 */
export function storedSecret(
  method: Method,
  password: string,
  user: string,
  options: SecretOptions,
): string {
  switch (method) {
    case "md5":
      return md5Password(password, user);
    case "scram": {
      const salt = randomBytes(DEFAULT_SALT_LENGTH);
      return formatVerifier(buildVerifier(password, salt, options.iterations));
    }
    case "aes":
      return `AES${encryptAes(password, readKey(options.keyFile))}`;
  }
}

function readKey(option: string | undefined): string {
  const path = keyFilePath(option, process.env);
  const hint = "Write a long random line into it and give it mode 0600.";
  try {
    const { key, warnings } = loadKeyFile(path);
    for (const { message } of warnings) process.stderr.write(`WARNING: ${message}\n`);
    if (key !== undefined) return key;
  } catch (cause) {
    if (!(cause instanceof AuthError)) throw cause;
    throw new PasswordCommandError("no-key", cause.message, hint, { cause });
  }
  throw new PasswordCommandError("no-key", `there is no key in "${path}"`, hint);
}
