import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { POOL_VERSION } from "../lib/admin/pool-version.ts";
import type { StopMode } from "../lib/process/stop-mode.ts";
import { type ControlOptions, reload, stop, stopMode } from "./control.ts";
import { EXIT } from "./exit-status.ts";
import { addCompletionCommand } from "./completion/commands.ts";
import { addConfigCommands } from "./config/commands.ts";
import { addExtensionCommands } from "./extension/commands.ts";
import { completeHelp, unknownCommand } from "./group.ts";
import { CommandFailure, printFailure, printJson } from "./output.ts";
import { addPasswordCommands } from "./passwords/commands.ts";
import { addPcpCommands, addSwitchoverCommand } from "./pcp/commands.ts";
import { fileOptions } from "./paths.ts";
import type { FileOptions } from "./paths.ts";
import { serveBackground, serveForeground, type StartOptions } from "./serve.ts";
import { addTopCommand } from "./top/commands.ts";
import { usageStatus } from "./usage.ts";

const VERSION_LINE = `pgpool-II version ${POOL_VERSION}\n`;

/** Exit status of Pgpool-II for a command line that makes no sense (commands.md 1). */
const USAGE_STATUS = EXIT.failed;

const EXAMPLES = `
Without a command pgpool starts in the background, or with -n in the foreground, and understands
Pgpool-II's own syntax:
  pgpool [-f FILE] [-F FILE] [-a FILE] [-k FILE] [-n] [-D] [-C] [-d] [-x]
  pgpool [-f FILE] [-m smart|fast|immediate] stop
  pgpool [-f FILE] reload

Shutdown modes are:
  smart       quit after all clients have disconnected
  fast        quit directly, with proper shutdown
  immediate   quit directly, sessions are cut off
`;

/**
 * Runs the command line of `pgpool`.
 *
 * @param args without the name of the program.
 * @returns the exit status.
 */
export async function program(args: readonly string[]): Promise<number> {
  let status = 0;
  const root = commandTree((given) => status = given);
  try {
    await root.parseAsync([...args], { from: "user" });
    return status;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0 && args.includes("--json")) {
      printFailure(usageFailure(error), true);
    }
    return error.exitCode;
  }
}

/**
 * All commands with their options, from which help, completions and man pages are made.
 *
 * @param finish takes the exit status of the command that ran.
 */
export function commandTree(finish: (status: number) => void): Command {
  const root = new Command("pgpool")
    .description("Connection pool, load balancer and replication manager for PostgreSQL")
    .usage("[options] [command]")
    .exitOverride()
    // Commands of pgpool pcp give other meanings to letters that a start uses.
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(`pgpool: ${text}`) })
    .showSuggestionAfterError()
    .argument("[command]")
    .option("-n, --dont-detach", "stay in the foreground and log to standard error")
    .option("-m, --mode <mode>", "how to stop: smart, fast or immediate", parseMode)
    .option("-v, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", EXAMPLES);
  startOptions(root);
  root.action(async (word: string | undefined, options: RootOptions, self: Command) => {
    if (options.version) {
      process.stderr.write(VERSION_LINE);
    } else if (word !== undefined) {
      unknownCommand(self, word, word, USAGE_STATUS);
    } else if (options.help) {
      self.help();
    } else {
      finish(await (options.dontDetach ? serveForeground(options) : serveBackground(options)));
    }
  });
  addCommands(root, finish);
  completeHelp(root, root.name());
  return root;
}

/** A command line that makes no sense, for --json. What may have been meant is on a second line. */
function usageFailure({ message }: CommanderError): CommandFailure {
  const [what = "", ...suggestion] = message.replace(/^error: /, "").split("\n");
  const help = "The option --help tells how the command is used.";
  return new CommandFailure("usage", what, [...suggestion, help].join(" "));
}

interface RootOptions extends StartOptions {
  readonly dontDetach?: boolean;
  readonly help?: boolean;
  readonly version?: boolean;
  readonly mode?: StopMode;
}

function addCommands(root: Command, finish: (status: number) => void): void {
  const serve = root.command("serve")
    .description("serve clients in the foreground until told to stop")
    .option("-n, --dont-detach", "always the case here; taken for the sake of Pgpool-II's users");
  startOptions(serve).action(async (_options: StartOptions, self: Command) => {
    finish(await serveForeground(self.optsWithGlobals<StartOptions>()));
  });
  const stopCommand = root.command("stop")
    .description("stop the running pgpool and wait until it has ended")
    .option("-m, --mode <mode>", "smart, fast or immediate (default: smart)", parseMode)
    .option("--json", "print JSON");
  passedOver(fileOptions(stopCommand)).action(async (_options: FileOptions, self: Command) => {
    const options = self.optsWithGlobals<ControlOptions & { mode?: StopMode }>();
    finish(await stop({ ...options, mode: options.mode ?? "smart" }));
  });
  const reloadCommand = root.command("reload")
    .description("have the running pgpool read its configuration again")
    .option("--json", "print JSON");
  passedOver(fileOptions(reloadCommand)).action(async (_options: FileOptions, self: Command) => {
    finish(await reload(self.optsWithGlobals<ControlOptions>()));
  });
  addConfigCommands(root, finish);
  addPcpCommands(root, finish);
  addTopCommand(root, finish);
  addSwitchoverCommand(root, finish);
  addPasswordCommands(root, finish);
  addExtensionCommands(root, finish);
  addCompletionCommand(root);
  root.command("version")
    .description("print the version")
    .option("--json", "print JSON")
    .exitOverride(usageStatus)
    .action(({ json }: { json?: boolean }) => {
      if (json) printJson({ version: POOL_VERSION });
      else process.stdout.write(VERSION_LINE);
    });
}

/** Options of a start that Pgpool-II also takes behind `stop` and `reload`, where they do nothing. */
function passedOver(command: Command): Command {
  const flags = ["-n, --dont-detach", "-D, --discard-status", "-C, --clear-oidmaps"];
  for (const each of [...flags, "-d, --debug", "-x, --debug-assertions"]) {
    command.addOption(new Option(each).hideHelp());
  }
  return command;
}

/** Options of a start. */
function startOptions(command: Command): Command {
  return fileOptions(command)
    .option("-D, --discard-status", "forget which servers were down when pgpool stopped")
    .option("-C, --clear-oidmaps", "forget the table lists of the query cache in memcached")
    .option("-d, --debug", "log debug messages")
    .option("-x, --debug-assertions", "taken for the sake of Pgpool-II's users");
}

function parseMode(text: string): StopMode {
  const mode = stopMode(text);
  if (mode === undefined) throw new InvalidArgumentError("It is smart, fast or immediate.");
  return mode;
}
