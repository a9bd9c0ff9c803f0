import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { EXIT } from "../exit-status.ts";
import { commandGroup } from "../group.ts";
import { printJson, run } from "../output.ts";
import { usageStatus } from "../usage.ts";
import {
  type ArgumentKind,
  DRAIN_SECONDS,
  type Flag,
  onlyReads,
  type OwnFlag,
  PCP_COMMANDS,
  type PcpCommandSpec,
  type RequestValues,
  SCOPES,
  STOP_MODES,
  SWITCHOVER,
} from "./catalogue.ts";
import { addConnectionOptions } from "./connection-options.ts";
import { parseNodeId, parsePid, parseSeconds, parseWatchdogId } from "./numbers.ts";
import { type PcpOptions, runPcp } from "./run.ts";
import { schemaOf } from "./schemas.ts";

const GROUP_HELP = `
Passwords come from the file that PCPPASSFILE names, or else ~/.pcppass, with lines
host:port:user:password, and are asked for on a terminal otherwise.
`;

/** Options of single commands; what is missing here only the old names have. */
const OWN_OPTIONS: Readonly<Partial<Record<Flag, () => Option>>> = {
  all: () => new Option("-a, --all", "also what is not in use"),
  gracefully: () =>
    new Option("-g, --gracefully", "wait until all clients have left, up to recovery_timeout"),
  mode: () =>
    new Option("-m, --mode <mode>", "smart, fast or immediate (default: smart)")
      .argParser((text) => STOP_MODES.get(text) ?? invalid("It is smart, fast or immediate.")),
  scope: () =>
    new Option("-s, --scope <scope>", "local (the default), or cluster: all of the watchdog's")
      .argParser((text) => SCOPES.get(text) ?? invalid("It is local or cluster.")),
};

const NEW_OPTIONS: Readonly<Record<OwnFlag, () => Option>> = {
  switchover: () =>
    new Option("-s, --switchover", "let running transactions end first, as pgpool switchover does")
      .conflicts("gracefully"),
  drainTimeout: () =>
    new Option("--drain-timeout <seconds>", "how long transactions that run may take to end")
      .argParser(parseSeconds).default(DRAIN_SECONDS),
  force: () => new Option("--force", "end transactions that take longer, instead of giving up"),
};

/** What the argument of a command is called, and the option that says the same. */
const ARGUMENTS: Readonly<
  Record<ArgumentKind, { word: string; flags: string; text: string; parse: typeof parseNodeId }>
> = {
  node: {
    word: "node",
    flags: "-n, --node-id <node>",
    text: "id of a node, from 0 on",
    parse: parseNodeId,
  },
  process: {
    word: "pid",
    flags: "-P, --process-id <pid>",
    text: "id of a process of the pool",
    parse: parsePid,
  },
  watchdog: {
    word: "pgpool",
    flags: "-n, --watchdog-id <pgpool>",
    text: "number of a pgpool, 0 is the one that is asked",
    parse: parseWatchdogId,
  },
};

type Options = PcpOptions & RequestValues & {
  readonly nodeId?: number;
  readonly processId?: number;
  readonly watchdogId?: number;
};

/** Adds `pgpool pcp ...`; `finish` takes the exit status. */
export function addPcpCommands(root: Command, finish: (status: number) => void): void {
  const description = "ask a running pgpool over PCP, or have it do something";
  const group = commandGroup(root, "pcp", description).addHelpText("after", GROUP_HELP);
  for (const spec of PCP_COMMANDS) addCommand(group, spec, finish);
  addSchemaCommand(group);
}

/** Adds `pgpool switchover`. */
export function addSwitchoverCommand(root: Command, finish: (status: number) => void): void {
  addCommand(root, SWITCHOVER, finish);
}

function addCommand(
  group: Command,
  spec: PcpCommandSpec,
  finish: (status: number) => void,
): void {
  const command = group.command(spec.name).description(spec.description)
    .exitOverride(usageStatus)
    .helpOption("--help", "print this help");
  if (spec.argument !== undefined) {
    const { word, flags, text, parse } = ARGUMENTS[spec.argument.names];
    command.addArgument(new Argument(`[${word}]`, text).argParser(parse));
    command.option(flags, "the same as the argument", parse);
  }
  for (const flag of spec.flags) {
    const option = OWN_OPTIONS[flag];
    if (option !== undefined) command.addOption(option());
  }
  for (const flag of spec.ownFlags ?? []) command.addOption(NEW_OPTIONS[flag]());
  if (spec.name === "proc-info") {
    command.option(
      "--backend-pid <pid>",
      "only what the server's process of this id serves",
      parsePid,
    );
  }
  if (spec.destructive) command.option("-y, --yes", "do not ask whether it is meant");
  if (onlyReads(spec.name)) {
    command.option("--watch <seconds>", "print it again and again", parseSeconds);
  }
  commonOptions(command);
  command.action(async (...args: readonly unknown[]) => {
    const options = command.opts<Options>();
    const named = options.nodeId ?? options.processId ?? options.watchdogId;
    const argument = typeof args[0] === "number" ? args[0] : undefined;
    if (named !== undefined && argument !== undefined && named !== argument) {
      command.error(`error: ${argument} or ${named}?`, { exitCode: EXIT.usage });
    }
    const id = named ?? argument;
    // A question that names no node is about all of them.
    if (id === undefined && spec.argument?.required && !onlyReads(spec.name)) {
      command.error(`error: missing ${spec.argument.names}`, { exitCode: EXIT.usage });
    }
    const drains = options.force || command.getOptionValueSource("drainTimeout") === "cli";
    if (drains && spec.name === "promote-node" && options.switchover !== true) {
      const message = "error: --drain-timeout and --force belong to --switchover";
      command.error(message, { exitCode: EXIT.usage });
    }
    const values = id === undefined ? options : { ...options, id };
    finish(await run(options.json ?? false, () => runPcp(spec, values, options)));
  });
}

/** Options that all have. */
function commonOptions(command: Command): void {
  command
    .option("-v, --verbose", "print every value with its title, as Pgpool-II's commands do")
    .option("--json", `print JSON; "pgpool pcp schema ${command.name()}" prints its schema`);
  addConnectionOptions(command);
}

function addSchemaCommand(group: Command): void {
  const names = [...PCP_COMMANDS, SWITCHOVER].map(({ name }) => name);
  const argument = new Argument("<name>", "a command, or error for the form of errors")
    .choices([...names, "error"]);
  group.command("schema").description("print the JSON schema of what a command prints")
    .addArgument(argument)
    .action((word: string) => {
      const name = word === "error" ? word : names.find((each) => each === word);
      if (name !== undefined) printJson(schemaOf(name));
    });
}

function invalid(message: string): never {
  throw new InvalidArgumentError(message);
}
