import { Command, CommanderError } from "commander";
import type { PcpScope, PcpStopMode } from "../../lib/pcp/types.ts";
import { type PcpCommandSpec, type RequestValues, SCOPES, STOP_MODES } from "./catalogue.ts";
import { wholeNumber } from "./numbers.ts";
import type { PcpOptions } from "./run.ts";

/** A command line that was understood. */
export interface LegacyCall {
  readonly spec: PcpCommandSpec;
  readonly values: RequestValues;
  readonly connection: PcpOptions;
  /** Arguments that mean nothing. */
  readonly ignored: readonly string[];
}

/** A command line that makes no sense; the message is all that is printed of it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Every program knows every long option; letters belong to those in whose help they are. */
const LONG_OPTIONS: Readonly<Record<string, string>> = {
  host: "-h, --host <host>",
  port: "-p, --port <port>",
  username: "-U, --username <name>",
  password: "-W, --password",
  "no-password": "-w, --no-password",
  debug: "-d, --debug",
  verbose: "-v, --verbose",
  "node-id": "--node-id <id>",
  "watchdog-id": "--watchdog-id <id>",
  "process-id": "--process-id <id>",
  all: "--all",
  gracefully: "--gracefully",
  switchover: "--switchover",
  scope: "--scope <scope>",
  mode: "--mode <mode>",
};

const LETTERS: ReadonlyMap<string, string> = new Map([
  ["all", "a"],
  ["gracefully", "g"],
  ["switchover", "s"],
  ["scope", "s"],
  ["mode", "m"],
  ["node-id", "n"],
  ["watchdog-id", "n"],
  ["process-id", "P"],
]);

const ID_OPTIONS = { node: "node-id", process: "process-id", watchdog: "watchdog-id" } as const;

/** Ports that Pgpool-II's commands take. */
const LEAST_PORT = 1024;
const MOST_PORT = 65535;

/** Pgpool-II's commands let this one pass, and leave it to the pool to refuse it. */
const MOST_NODE_ID = 128;

type Given = {
  readonly host?: string;
  readonly port?: string;
  readonly username?: string;
  readonly password?: boolean;
  readonly debug?: boolean;
  readonly verbose?: boolean;
  readonly nodeId?: string;
  readonly watchdogId?: string;
  readonly processId?: string;
  readonly all?: boolean;
  readonly gracefully?: boolean;
  readonly switchover?: boolean;
  readonly scope?: string;
  readonly mode?: string;
};

/**
 * Parses the command line of a program with a Pgpool-II name.
 *
 * @throws {UsageError}
 */
export function parseLegacy(
  program: string,
  spec: PcpCommandSpec,
  args: readonly string[],
): LegacyCall {
  const { given, words } = parse(program, spec, args);
  refuseForeign(program, spec, given);
  const named = spec.argument === undefined ? undefined : idOption(spec.argument.names, given);
  const word = named ?? (spec.argument === undefined ? undefined : words[0]);
  const ignored = word !== undefined && named === undefined ? words.slice(1) : words;
  if (word === undefined && spec.argument?.required) {
    throw new UsageError(`${program}: missing node-id\n${tryHelp(program)}\n`);
  }
  const id = word === undefined ? undefined : parseId(program, spec, word);
  const scope = given.scope === undefined ? undefined : parseScope(program, given.scope);
  const mode = given.mode === undefined ? undefined : parseMode(program, given.mode);
  return {
    spec,
    values: {
      ...(id === undefined ? {} : { id }),
      ...(scope === undefined ? {} : { scope }),
      ...(mode === undefined ? {} : { mode }),
      all: given.all ?? false,
      gracefully: given.gracefully ?? false,
      switchover: given.switchover ?? false,
    },
    connection: connectionOf(program, given),
    ignored,
  };
}

function parse(program: string, spec: PcpCommandSpec, args: readonly string[]) {
  const command = new Command(program)
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .helpOption(false)
    .showSuggestionAfterError(false)
    .argument("[words...]")
    .allowExcessArguments();
  for (const [name, flags] of Object.entries(LONG_OPTIONS)) {
    const letter = hasLetter(spec, name) ? `-${LETTERS.get(name)}, ` : "";
    command.option(`${letter}${flags}`);
  }
  try {
    command.parse(args.map(completed), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const message = error.message.replace(/^error: /, "");
    throw new UsageError(`${program}: ${message}\n${tryHelp(program)}\n\n`);
  }
  return { given: command.opts<Given>(), words: command.args };
}

function hasLetter(spec: PcpCommandSpec, option: string): boolean {
  if (!LETTERS.has(option)) return false;
  if (spec.argument !== undefined && ID_OPTIONS[spec.argument.names] === option) return true;
  if (spec.flags.some((flag) => flag === option)) return true;
  // Taken by these programs, though they make nothing of it.
  return (spec.name === "invalidate-query-cache" && option === "scope") ||
    (spec.name === "stop-pgpool" && option === "all");
}

/** A long option may be abbreviated as long as only one begins so. */
function completed(arg: string): string {
  const [, name = "", value = ""] = /^--([a-z-]+)(=.*)?$/s.exec(arg) ?? [];
  if (name === "" || Object.hasOwn(LONG_OPTIONS, name)) return arg;
  const names = Object.keys(LONG_OPTIONS).filter((each) => each.startsWith(name));
  return names.length === 1 ? `--${names[0]}${value}` : arg;
}

/** Scope and switchover share a letter in Pgpool-II, so it refuses them where they mean nothing. */
function refuseForeign(program: string, spec: PcpCommandSpec, given: Given): void {
  const foreign = (given.scope !== undefined && !spec.flags.includes("scope")) ||
    (given.switchover === true && !spec.flags.includes("switchover")) ||
    (given.mode !== undefined && !spec.flags.includes("mode"));
  if (!foreign) return;
  const value = given.scope ?? given.mode ?? "";
  throw new UsageError(`Invalid argument "${value}", ${tryHelp(program)}\n`);
}

function idOption(kind: keyof typeof ID_OPTIONS, given: Given): string | undefined {
  switch (kind) {
    case "node":
      return given.nodeId;
    case "process":
      return given.processId;
    case "watchdog":
      return given.watchdogId;
  }
}

function parseId(program: string, spec: PcpCommandSpec, text: string): number {
  switch (spec.argument?.names) {
    case "process":
      return wholeNumber(text, 1, Number.MAX_SAFE_INTEGER) ??
        refuse(program, `Invalid process-id "${text}", must be greater than 0`);
    case "watchdog":
      return wholeNumber(text, 0, Number.MAX_SAFE_INTEGER) ?? refuse(
        program,
        `Invalid watchdog-id "${text}", must be a positive number or zero for a local watchdog node`,
      );
    default:
      return wholeNumber(text, 0, MOST_NODE_ID) ??
        refuse(program, `Invalid node-id "${text}", must be between 0 and ${MOST_NODE_ID}`);
  }
}

function parseScope(program: string, text: string): PcpScope {
  return SCOPES.get(text) ??
    refuse(program, `Invalid command scope "${text}", must be either "cluster" or "local" `);
}

function parseMode(program: string, text: string): PcpStopMode {
  return STOP_MODES.get(text) ?? refuse(
    program,
    `Invalid shutdown mode "${text}", must be either "smart" "immediate" or "fast" `,
  );
}

function connectionOf(program: string, given: Given): PcpOptions {
  const { port: portText, host, username, password, debug, verbose } = given;
  const port = portText === undefined ? undefined : wholeNumber(portText, LEAST_PORT, MOST_PORT) ??
    refuse(
      program,
      `Invalid port number "${portText}", must be between ${LEAST_PORT} and ${MOST_PORT}`,
    );
  return {
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(debug === undefined ? {} : { debug }),
    ...(verbose === undefined ? {} : { verbose }),
  };
}

function tryHelp(program: string): string {
  return `Try "${program} --help" for more information.`;
}

function refuse(program: string, message: string): never {
  throw new UsageError(`${program}: ${message}\n`);
}
