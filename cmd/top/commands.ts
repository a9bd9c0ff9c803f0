import { type Command, InvalidArgumentError } from "commander";
import { printJson, run } from "../output.ts";
import { addConnectionOptions } from "../pcp/connection-options.ts";
import { parseSeconds, wholeNumber } from "../pcp/numbers.ts";
import { usageStatus } from "../usage.ts";
import schema from "./schema.json" with { type: "json" };
import { top, type TopOptions } from "./top.ts";

const KEYS = `
Keys on a terminal: q quits, p or the space bar pauses, s sorts sessions by something else.
Elsewhere there is a block of text for each interval, or a line of JSON with --json.
`;

const MOST_SESSIONS = 1000;

/** Adds `pgpool top`; `finish` takes the exit status. */
export function addTopCommand(root: Command, finish: (status: number) => void): void {
  const command = root.command("top")
    .description("show what a running pgpool does: nodes, sessions, rates")
    .exitOverride(usageStatus)
    .helpOption("--help", "print this help")
    .option(
      "-i, --interval <seconds>",
      "time between two looks",
      (text) => parseSeconds(text),
      2,
    )
    .option("-c, --count <n>", "end after so many samples", parseCount)
    .option("--sessions <n>", "how many busy sessions to show at most", parseSessions, 20)
    .option("--json", "print a line of JSON for each sample")
    .option("--schema", "print the JSON schema of a sample")
    .addHelpText("after", KEYS);
  addConnectionOptions(command);
  command.action(async (options: TopOptions & { schema?: boolean }) => {
    if (options.schema) return printJson(schema);
    finish(await run(options.json ?? false, () => top(options)));
  });
}

function parseCount(text: string): number {
  const count = wholeNumber(text, 1, Number.MAX_SAFE_INTEGER);
  if (count === undefined) throw new InvalidArgumentError("It is a number from 1 on.");
  return count;
}

function parseSessions(text: string): number {
  const count = wholeNumber(text, 0, MOST_SESSIONS);
  if (count === undefined) {
    throw new InvalidArgumentError(`It is a number from 0 to ${MOST_SESSIONS}.`);
  }
  return count;
}
