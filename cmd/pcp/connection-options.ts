import { type Command, Option } from "commander";
import { readFileSync } from "node:fs";
import type { PcpConnectOptions } from "../../lib/pcp/client.ts";
import { systemText } from "../../lib/process/errors.ts";
import { EXIT } from "../exit-status.ts";
import { CommandFailure } from "../output.ts";
import { targetOf } from "./connect.ts";
import { parsePort, parseSeconds } from "./numbers.ts";
import type { PasswordPrompt } from "./password.ts";

/** Options of commands that connect to a pool's PCP port; times are seconds. */
export interface ConnectionOptions {
  readonly host?: string;
  readonly port?: number;
  readonly username?: string;
  /** -W: true, -w: false. */
  readonly password?: boolean;
  readonly debug?: boolean;
  readonly connectTimeout?: number;
  readonly timeout?: number;
  readonly tls?: "disable" | "prefer" | "require";
  readonly tlsCa?: string;
}

/** Seconds that a question may take. What shall be done may rightly take long. */
export const QUESTION_SECONDS = 30;

/** Adds where to connect and as whom; -h is the host, as in Pgpool-II's commands. */
export function addConnectionOptions(command: Command): void {
  command
    .optionsGroup("Connection:")
    .option("-h, --host <host>", "host, or directory of the Unix socket (default: /tmp)")
    .option("-p, --port <port>", "port of PCP (default: 9898)", parsePort)
    .option("-U, --username <name>", "user of pcp.conf (default: the user of the system)")
    .option("-W, --password", "ask for the password at once")
    .option("-w, --no-password", "never ask for a password")
    .addOption(
      new Option("--tls <mode>", "whether the connection is encrypted")
        .choices(["disable", "prefer", "require"]),
    )
    .option("--tls-ca <file>", "PEM file of the authorities that vouch for the pool's certificate")
    .option(
      "--connect-timeout <seconds>",
      "time for connecting and the login (default: 10)",
      parseSeconds,
    )
    .option(
      "--timeout <seconds>",
      "time for the answer (default: 30 for questions)",
      parseSeconds,
    )
    .option("-d, --debug", "trace the messages on standard error");
}

/**
 * What the client of PCP is to be given.
 *
 * @throws {CommandFailure} when the authorities can not be read
 */
export function connectOptions(
  options: ConnectionOptions & { readonly timeout: number },
): Omit<PcpConnectOptions, "password"> {
  const { connectTimeout, timeout, tls, tlsCa, debug } = options;
  return {
    ...targetOf(options),
    ...(connectTimeout === undefined ? {} : { connectTimeout: connectTimeout * 1000 }),
    requestTimeout: timeout * 1000,
    ...(tls === undefined ? {} : { tls }),
    ...(tlsCa === undefined ? {} : { tlsCa: readAuthorities(tlsCa) }),
    ...(debug ? { trace: (line) => process.stderr.write(`${line}\n`) } : {}),
    onNotice: ({ severity, message, detail }) => {
      const more = detail === "" ? "" : `: ${detail}`;
      process.stderr.write(`${severity}:  ${message}${more}\n`);
    },
  };
}

/** When to ask for the password. */
export function passwordPrompt(password: boolean | undefined): PasswordPrompt {
  if (password === undefined) return "when-missing";
  return password ? "always" : "never";
}

function readAuthorities(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const message = `could not read "${path}": ${systemText(cause)}`;
    throw new CommandFailure("file", message, "--tls-ca names a PEM file.", EXIT.failed, { cause });
  }
}
