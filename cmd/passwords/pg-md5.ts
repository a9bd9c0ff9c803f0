import { md5Hex, md5Password } from "../../lib/auth/md5.ts";
import { systemUser } from "../system-user.ts";
import { PasswordCommandError } from "./errors.ts";
import { parseOptions, usageText } from "./options.ts";
import { byteLength, lineLabel, MAX_LENGTH, readPairs } from "./pairs.ts";
import { poolPasswdPath, writeEntry } from "./pool-passwd.ts";
import { SecretInput } from "./secret-input.ts";

const OPTIONS = [
  ["-p, --prompt", "ask for the password on the terminal"],
  ["-m, --md5auth", "write an md5 entry into pool_passwd"],
  ["-u, --username <user>", "user of the entry (default: the user of the operating system)"],
  ["-f, --config-file <file>", "path of pgpool.conf, which names pool_passwd"],
  ["-i, --input-file <file>", "take user:password lines from a file"],
] as const;

const USAGE = usageText("pg_md5", "md5 passwords for pcp.conf and pool_passwd", OPTIONS);

const WRONG_LINES = {
  blank: "BLANK LINE",
  pair: "Invalid username:password pair",
  username: `input exceeds maximum username length ${MAX_LENGTH}`,
  password: `input exceeds maximum password length ${MAX_LENGTH}`,
};

type Options = {
  readonly prompt?: boolean;
  readonly md5auth?: boolean;
  readonly username?: string;
  readonly configFile?: string;
  readonly inputFile?: string;
};

/**
 * pg_md5 (commands.md 3): prints the md5 of a password for pcp.conf, or writes entries of
 * pool_passwd with -m.
 *
 * @returns the exit status.
 */
export async function pgMd5(args: readonly string[]): Promise<number> {
  const parsed = parseOptions<Options>("pg_md5", OPTIONS, args);
  if (parsed === undefined) {
    process.stdout.write(USAGE);
    return 0;
  }
  try {
    const { options } = parsed;
    if (options.inputFile !== undefined) return fromFile(options.inputFile, options);
    const password = options.prompt ? await prompted() : parsed.password;
    if (password === undefined) {
      process.stderr.write(USAGE);
      return 1;
    }
    return one(password, options);
  } catch (error) {
    if (!(error instanceof PasswordCommandError)) throw error;
    process.stderr.write(`${error.message}${error.hint ? ` (${error.hint})` : ""}\n`);
    return 1;
  }
}

/** Prints or writes one password. */
function one(password: string, options: Options): number {
  if (byteLength(password) > MAX_LENGTH) {
    process.stderr.write(`Error: Input exceeds maximum password length!\n\n${USAGE}`);
    return 1;
  }
  if (!options.md5auth) {
    process.stdout.write(`${md5Hex(password)}\n`);
    return 0;
  }
  const user = options.username ?? systemUser();
  if (byteLength(user) > MAX_LENGTH) {
    process.stderr.write("Error: input exceeds maximum username length!\n");
    return 1;
  }
  writeEntry(poolPasswdPath(options.configFile), user, md5Password(password, user));
  return 0;
}

/** Takes every line of a file; those that are wrong are named and passed over. */
function fromFile(path: string, options: Options): number {
  process.stdout.write(`trying to read username:password pairs from file ${path}\n`);
  const target = options.md5auth ? poolPasswdPath(options.configFile) : undefined;
  for (const line of readPairs(path)) {
    const label = lineLabel(line.number);
    if ("wrong" in line) {
      process.stdout.write(`${label}: ${WRONG_LINES[line.wrong]}\n`);
      continue;
    }
    const { user, password } = line;
    process.stdout.write(`${label}: USER: <${user}>\n`);
    if (target === undefined) process.stdout.write(`${md5Hex(password)}\n`);
    else writeEntry(target, user, md5Password(password, user));
  }
  return 0;
}

async function prompted(): Promise<string> {
  const input = new SecretInput();
  if (!input.isTerminal) throw new PasswordCommandError("no-terminal", "stdin is not tty");
  try {
    const password = await input.line("password: ");
    if (password !== undefined) return password;
  } finally {
    input.close();
  }
  throw new PasswordCommandError("input", "no password was given");
}
