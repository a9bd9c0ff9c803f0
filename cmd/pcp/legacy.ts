import { POOL_VERSION } from "../../lib/admin/pool-version.ts";
import { PcpClientError } from "../../lib/pcp/client.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { CommandFailure } from "../output.ts";
import { PCP_COMMANDS, requestOf } from "./catalogue.ts";
import { classicText } from "./classic.ts";
import { targetOf, withConnection } from "./connect.ts";
import { type LegacyCall, parseLegacy, UsageError } from "./legacy-options.ts";
import { legacyHelp } from "./legacy-help.ts";
import { passwordPrompt } from "./connection-options.ts";
import { choosePassword } from "./password.ts";
import { ask } from "./requests.ts";

/**
 * A command under its Pgpool-II name, pcp_node_info and the like (reference commands.md 2).
 *
 * @returns the exit status: 1 for whatever goes wrong.
 */
export async function pcpLegacy(program: string, args: readonly string[]): Promise<ExitStatus> {
  const spec = PCP_COMMANDS.find(({ name }) => legacyName(name) === program);
  if (spec === undefined) {
    process.stderr.write(`${program} is a invalid PCP utility\n`);
    return EXIT.failed;
  }
  if (args[0] === "--help" || args[0] === "-?") {
    process.stderr.write(legacyHelp(program, spec));
    return EXIT.ok;
  }
  if (args[0] === "--version" || args[0] === "-V") {
    process.stderr.write(`${program} (pgpool-II) ${POOL_VERSION.split(" ")[0]}\n`);
    return EXIT.ok;
  }
  try {
    const call = parseLegacy(program, spec, args);
    for (const word of call.ignored) {
      process.stderr.write(`${program}: Warning: extra command-line argument "${word}" ignored\n`);
    }
    await perform(program, call);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof CommandFailure)) throw error;
    process.stderr.write(error instanceof UsageError ? error.message : failureText(error));
    return EXIT.failed;
  }
}

async function perform(program: string, { spec, values, connection }: LegacyCall): Promise<void> {
  const target = targetOf(connection);
  const password = await choosePassword(target, passwordPrompt(connection.password));
  const trace = (line: string) => process.stdout.write(`${line}\n`);
  const options = connection.debug ? { ...target, trace } : target;
  const request = requestOf(spec.name, values);
  const answer = await withConnection(options, password, (open) => ask(open, request));
  process.stdout.write(classicText(answer, program, connection.verbose ?? false));
}

/** `pcp_node_info` of `node-info`. */
function legacyName(name: string): string {
  return `pcp_${name.replaceAll("-", "_")}`;
}

/** What the pool says, as Pgpool-II's commands print it; what they cannot say, in one line. */
function failureText(failure: CommandFailure): string {
  const { cause } = failure;
  if (!(cause instanceof PcpClientError)) {
    return `ERROR: ${failure.message}\n${failure.hint === "" ? "" : `HINT: ${failure.hint}\n`}`;
  }
  switch (cause.kind) {
    case "authentication":
    case "refused":
    case "unknown": {
      const detail = cause.detail === "" ? "" : `DETAIL:  ${cause.detail}\n`;
      return `${cause.severity}:  ${cause.message}\n${detail}\n`;
    }
    case "connect":
    case "timeout":
    case "protocol":
      return `ERROR: ${cause.message}\n`;
  }
}
