import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  initialConfig,
  initialHba,
  InvalidAnswerError,
  parseAddresses,
  parseCount,
  parsePort,
  parseServer,
} from "../../lib/config/init.ts";
import type { InitialAnswers } from "../../lib/config/init.ts";
import { WriteError, writeNew } from "../../lib/config/write.ts";
import { EXIT } from "../exit-status.ts";
import type { ExitStatus } from "../exit-status.ts";
import { CommandFailure, printJson } from "../output.ts";
import type { Ask } from "../terminal.ts";

/** Options of `config init`, as written. */
export interface InitOptions {
  readonly server?: readonly string[];
  readonly listen?: string;
  readonly port?: string;
  readonly checkUser?: string;
  readonly passwordFile?: string;
  readonly clients?: string;
  readonly workDir?: string;
}

const usual = {
  listen: "localhost",
  port: "9999",
  checkUser: "pgpool",
  clients: "32",
  workDir: "/var/run/pgpool",
} as const;

/**
 * Writes pgpool.conf, and pool_hba.conf beside it when there is none. Never replaces a file.
 *
 * @param ask how to ask for what the options do not say; undefined without a terminal.
 */
export async function init(
  file: string,
  options: InitOptions,
  json: boolean,
  ask: Ask | undefined,
): Promise<ExitStatus> {
  const path = resolve(file);
  if (existsSync(path)) {
    const hint = "Name another file with -f, or move this one away.";
    throw new CommandFailure("exists", `there is a file "${path}" already`, hint);
  }
  const files = await write(path, options, ask);
  if (json) {
    printJson({ files });
    return EXIT.ok;
  }
  for (const each of files) process.stdout.write(`${each}\n`);
  process.stderr.write(
    "Put the passwords of clients, and that of the check user unless --password-file tells it, " +
      "into pool_passwd; then see what pgpool config check says.\n",
  );
  return EXIT.ok;
}

async function write(
  path: string,
  options: InitOptions,
  ask: Ask | undefined,
): Promise<readonly string[]> {
  try {
    const answers = await collect(options, ask);
    const text = initialConfig(answers);
    writeNew(path, text, 0o600);
    const hba = join(dirname(path), "pool_hba.conf");
    if (existsSync(hba)) return [path];
    writeNew(hba, initialHba(answers.listen), 0o600);
    return [path, hba];
  } catch (cause) {
    if (cause instanceof InvalidAnswerError) {
      const hint = "pgpool config init --help tells what the options take.";
      throw new CommandFailure("invalid-answer", cause.message, hint, EXIT.usage, { cause });
    }
    if (!(cause instanceof WriteError)) throw cause;
    const hint = "Create the directory, and let this user write there.";
    throw new CommandFailure("cannot-write", cause.message, hint, EXIT.failed, { cause });
  }
}

async function collect(options: InitOptions, ask: Ask | undefined): Promise<InitialAnswers> {
  // Options that name the servers say that nobody is there to ask.
  const asking = options.server === undefined ? ask : undefined;
  const get = async (name: keyof typeof usual, question: string) =>
    options[name] ?? (asking ? await asking(question, usual[name]) : usual[name]);
  const servers = options.server ??
    (ask ? [await ask("Servers, as host:port, host:port", "")] : []);
  const named = servers.flatMap((each) => each.split(",")).filter((each) => each.trim() !== "");
  if (named.length === 0) {
    const hint = "Name every server: --server db1:5432 --server db2:5432";
    throw new CommandFailure("missing-option", "no servers are named", hint, EXIT.usage);
  }
  return {
    servers: named.map(parseServer),
    listen: parseAddresses(await get("listen", "Addresses to listen on (* for all)")),
    port: parsePort(await get("port", "Port for clients")),
    checkUser: await get("checkUser", "User that checks the servers"),
    clients: parseCount(await get("clients", "Clients at once")),
    workDir: await get("workDir", "Directory for the pid file, the status and the socket"),
    passwordFile: options.passwordFile === undefined ? undefined : resolve(options.passwordFile),
  };
}
