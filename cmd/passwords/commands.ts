import { type Command, InvalidArgumentError } from "commander";
import { EXIT } from "../exit-status.ts";
import { commandGroup } from "../group.ts";
import { CommandFailure, printJson, run } from "../output.ts";
import { systemUser } from "../system-user.ts";
import { PasswordCommandError } from "./errors.ts";
import { poolPasswdPath, writeEntry } from "./pool-passwd.ts";
import { askPassword, isMethod, METHODS, type SecretOptions, storedSecret } from "./secrets.ts";
import { formatPasswordLine } from "../../lib/auth/password-file.ts";
import { SecretInput } from "./secret-input.ts";

/** Most iterations that are worth their time at every login. */
const MAX_ITERATIONS = 1_000_000;

const HELP = `
The password is asked for on a terminal, or else is the first line of standard input. It is never an
argument, where other users of the machine and the shell's history would see it.
`;

interface Options extends SecretOptions {
  readonly user?: string;
  readonly write?: boolean;
  readonly json?: boolean;
  readonly configFile?: string;
}

/** Adds `pgpool passwd md5|scram|aes` to the command line. */
export function addPasswordCommands(root: Command, finish: (status: number) => void): void {
  const group = commandGroup(root, "passwd", "make entries of pool_passwd")
    .addHelpText("after", HELP);
  for (const [method, description] of Object.entries(METHODS)) {
    if (!isMethod(method)) continue;
    const command = group.command(method)
      .description(description)
      .option("-u, --user <name>", "user of the entry (default: the user of the system)")
      .option("-w, --write", "write the entry into pool_passwd instead of printing it")
      .option("-f, --config-file <file>", "path of pgpool.conf, which names pool_passwd")
      .option("--json", "print JSON")
      .addHelpText("after", HELP);
    if (method === "aes") {
      command.option("-k, --key-file <file>", "path of the key (default: ~/.pgpoolkey)");
    }
    if (method === "scram") {
      command.option("--iterations <count>", "rounds of the hash (default: 4096)", iterations);
    }
    command.action(async (_options: Options, self: Command) => {
      const options = self.optsWithGlobals<Options>();
      finish(await run(options.json ?? false, () => perform(method, options)));
    });
  }
}

async function perform(method: keyof typeof METHODS, options: Options) {
  const user = options.user ?? systemUser();
  const input = new SecretInput();
  try {
    const file = options.write ? poolPasswdPath(options.configFile) : undefined;
    const secret = storedSecret(method, await askPassword(input), user, options);
    if (file !== undefined) {
      writeEntry(file, user, secret);
      if (options.json) printJson({ method, user, file, written: true });
      else process.stderr.write(`entry of "${user}" written to ${file}\n`);
      return EXIT.ok;
    }
    const line = formatPasswordLine(user, secret);
    if (options.json) printJson({ method, user, secret, line, written: false });
    else process.stdout.write(`${line}\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof PasswordCommandError)) throw error;
    const status = error.code === "configuration" ? EXIT.fatal : EXIT.failed;
    throw new CommandFailure(error.code, error.message, error.hint, status, { cause: error });
  } finally {
    input.close();
  }
}

function iterations(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > MAX_ITERATIONS) {
    throw new InvalidArgumentError(`It is a number from 1 to ${MAX_ITERATIONS}.`);
  }
  return count;
}
