import { formatTime } from "../../lib/admin/format.ts";
import type { PcpConnection } from "../../lib/pcp/client.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { CommandFailure, failureValue, printJson, printJsonLine } from "../output.ts";
import { onlyReads, type PcpCommandSpec, requestOf, type RequestValues } from "./catalogue.ts";
import { classicText } from "./classic.ts";
import { confirm } from "./confirm.ts";
import { withConnection } from "./connect.ts";
import {
  type ConnectionOptions,
  connectOptions,
  passwordPrompt,
  QUESTION_SECONDS,
} from "./connection-options.ts";
import { jsonValue } from "./json.ts";
import { choosePassword } from "./password.ts";
import { readableText } from "./readable.ts";
import { ask, type PcpAnswer, type PcpRequest } from "./requests.ts";

/** Options that all commands of `pgpool pcp` have. */
export interface PcpOptions extends ConnectionOptions {
  readonly verbose?: boolean;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly watch?: number;
}

const CLEAR_SCREEN = "\x1b[H\x1b[2J";

/**
 * Runs a command of `pgpool pcp` and prints what the pool says. With --watch it does so until it is
 * interrupted or something goes wrong.
 *
 * @throws {CommandFailure}
 */
export async function runPcp(
  spec: PcpCommandSpec,
  values: RequestValues,
  options: PcpOptions,
): Promise<ExitStatus> {
  const request = requestOf(spec.name, values);
  const usualTimeout = onlyReads(spec.name) ? QUESTION_SECONDS : 0;
  const connection = connectOptions({ timeout: usualTimeout, ...options });
  if (spec.destructive) await confirm(request, connection, options);
  const password = await choosePassword(connection, passwordPrompt(options.password));
  const { watch, json = false } = options;
  try {
    await withConnection(connection, password, async (open) => {
      if (watch === undefined) await printOnce(open, request, options);
      else await printAgain(open, request, options, watch);
    });
  } catch (error) {
    // An error is one more line there.
    if (!(error instanceof CommandFailure) || watch === undefined || !json) throw error;
    printJsonLine(failureValue(error));
    return error.status;
  }
  return EXIT.ok;
}

async function printOnce(
  connection: PcpConnection,
  request: PcpRequest,
  options: PcpOptions,
): Promise<void> {
  const answer = await ask(connection, request);
  if (options.json) printJson(jsonValue(answer));
  else process.stdout.write(text(answer, options));
}

/** Draws a screen anew each time; elsewhere a line of JSON or a block of text each time. */
async function printAgain(
  connection: PcpConnection,
  request: PcpRequest,
  options: PcpOptions,
  seconds: number,
): Promise<never> {
  for (;;) {
    const answer = await ask(connection, request);
    if (options.json) {
      printJsonLine(jsonValue(answer));
    } else if (process.stdout.isTTY) {
      const heading = `${request.command} every ${seconds} s: ${formatTime(Date.now() / 1000)}`;
      process.stdout.write(`${CLEAR_SCREEN}${heading}\n\n${text(answer, options)}`);
    } else {
      process.stdout.write(`${text(answer, options)}\n`);
    }
    await Bun.sleep(seconds * 1000);
  }
}

function text(answer: PcpAnswer, { verbose }: PcpOptions): string {
  return verbose ? classicText(answer, "pgpool pcp", true) : readableText(answer);
}
