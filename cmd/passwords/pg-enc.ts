import { encryptAes } from "../../lib/auth/aes.ts";
import { AuthError } from "../../lib/auth/errors.ts";
import { keyFilePath, loadKeyFile } from "../../lib/auth/secret-files.ts";
import { systemUser } from "../system-user.ts";
import { PasswordCommandError } from "./errors.ts";
import { parseOptions, usageText } from "./options.ts";
import { byteLength, lineLabel, MAX_LENGTH, readPairs } from "./pairs.ts";
import { poolPasswdPath, writeEntry } from "./pool-passwd.ts";
import { SecretInput } from "./secret-input.ts";

/** Longest encryption key in bytes (commands.md 4). */
const MAX_KEY_LENGTH = 256;

const OPTIONS = [
  ["-k, --key-file <file>", "file with the key (default: $PGPOOLKEYFILE or ~/.pgpoolkey)"],
  ["-K, --enc-key <key>", "the key itself"],
  ["-P, --prompt-for-key", "ask for the key on the terminal"],
  ["-p, --prompt", "ask for the password on the terminal"],
  ["-m, --update-pass", "write the entry into pool_passwd"],
  ["-u, --username <user>", "user of the entry (default: the user of the operating system)"],
  ["-f, --config-file <file>", "path of pgpool.conf, which names pool_passwd"],
  ["-i, --input-file <file>", "take user:password lines from a file"],
] as const;

const USAGE = usageText("pg_enc", "encrypted passwords for pool_passwd", OPTIONS);

/** What is said of lines that are passed over; nothing of blank ones. */
const WRONG_LINES = {
  blank: undefined,
  pair: "invalid username:password pair",
  username: `input exceeds maximum username length ${MAX_LENGTH}`,
  password: `input exceeds maximum password length ${MAX_LENGTH}`,
};

type Options = {
  readonly keyFile?: string;
  readonly encKey?: string;
  readonly promptForKey?: boolean;
  readonly prompt?: boolean;
  readonly updatePass?: boolean;
  readonly username?: string;
  readonly configFile?: string;
  readonly inputFile?: string;
};

/**
 * pg_enc (commands.md 4): prints a password encrypted for pool_passwd, or writes entries of it
 * with -m.
 *
 * @returns the exit status.
 */
export async function pgEnc(args: readonly string[]): Promise<number> {
  const parsed = parseOptions<Options>("pg_enc", OPTIONS, args);
  if (parsed === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  const { options } = parsed;
  const input = new SecretInput();
  try {
    if (options.inputFile !== undefined) {
      return fromFile(options.inputFile, await encryptionKey(options, input), options);
    }
    const given = options.prompt ? undefined : parsed.password;
    const password = given ?? await input.line("db password: ");
    if (password === undefined || password === "") {
      throw new PasswordCommandError("input", "no password was given");
    }
    return one(password, await encryptionKey(options, input), options);
  } catch (error) {
    if (!(error instanceof PasswordCommandError)) throw error;
    process.stderr.write(`${error.message}${error.hint ? ` (${error.hint})` : ""}\n`);
    return 1;
  } finally {
    input.close();
  }
}

/** The key: asked for, else given, else from a file, which is then named on standard output. */
async function encryptionKey(options: Options, input: SecretInput): Promise<string> {
  const key = options.promptForKey
    ? await input.line("encryption key: ")
    : options.encKey ?? keyFromFile(keyFilePath(options.keyFile, process.env));
  if (key === undefined || key === "") {
    throw new PasswordCommandError("no-key", "encryption key not provided");
  }
  if (byteLength(key) > MAX_KEY_LENGTH) {
    throw new PasswordCommandError("limit", "Error: Input exceeds maximum key length!");
  }
  return key;
}

function keyFromFile(path: string): string | undefined {
  process.stdout.write(`trying to read key from file ${path}\n`);
  try {
    const { key, warnings } = loadKeyFile(path);
    for (const { message } of warnings) process.stderr.write(`WARNING: ${message}\n`);
    return key;
  } catch (cause) {
    if (!(cause instanceof AuthError)) throw cause;
    throw new PasswordCommandError("file", cause.message, "", { cause });
  }
}

/** Prints or writes one password. */
function one(password: string, key: string, options: Options): number {
  if (byteLength(password) > MAX_LENGTH) {
    process.stderr.write(`Error: Input exceeds maximum password length!\n\n${USAGE}`);
    return 1;
  }
  if (!options.updatePass) {
    printEncrypted(encryptAes(password, key));
    return 0;
  }
  const user = options.username ?? systemUser();
  if (byteLength(user) > MAX_LENGTH) {
    process.stderr.write("Error: input exceeds maximum username length!\n");
    return 1;
  }
  writeEntry(poolPasswdPath(options.configFile), user, `AES${encryptAes(password, key)}`);
  return 0;
}

/** Takes every line of a file; those that are wrong are named and passed over. */
function fromFile(path: string, key: string, options: Options): number {
  process.stdout.write(`trying to read username:password pairs from file ${path}\n`);
  const target = options.updatePass ? poolPasswdPath(options.configFile) : undefined;
  for (const line of readPairs(path)) {
    if ("wrong" in line) {
      const wrong = WRONG_LINES[line.wrong];
      if (wrong !== undefined) process.stderr.write(`${lineLabel(line.number)}: ${wrong}\n`);
      continue;
    }
    const encrypted = encryptAes(line.password, key);
    if (target === undefined) printEncrypted(encrypted);
    else writeEntry(target, line.user, `AES${encrypted}`);
  }
  return 0;
}

function printEncrypted(base64: string): void {
  process.stdout.write(`\n${base64}\npool_passwd string: AES${base64}\n`);
}
