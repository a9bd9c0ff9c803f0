import type { Command } from "commander";
import { commandGroup } from "../group.ts";
import { run } from "../output.ts";
import { configFiles, fileOptions } from "../paths.ts";
import type { FileOptions } from "../paths.ts";
import { status } from "../status.ts";
import { terminal } from "../terminal.ts";
import { usageStatus } from "../usage.ts";
import { check } from "./check.ts";
import { init } from "./init.ts";
import type { InitOptions } from "./init.ts";
import { migrate } from "./migrate.ts";
import { diff, explain, show } from "./show.ts";

interface JsonOption extends FileOptions {
  readonly json?: boolean;
}

/** Adds `pgpool config ...` and `pgpool status`; `finish` takes the exit status. */
export function addConfigCommands(root: Command, finish: (status: number) => void): void {
  const config = commandGroup(root, "config", "look at, check and write configurations");
  // They may be given before the command, too.
  fileOptions(config);
  addCheck(config, finish);
  addShow(config, finish);
  addDiff(config, finish);
  addExplain(config, finish);
  addMigrate(config, finish);
  addInit(config, finish);
  const statusCommand = root.command("status")
    .description("tell whether pgpool is running")
    .exitOverride(usageStatus);
  withJson(fileOptions(statusCommand)).action(async (_options: JsonOption, self: Command) => {
    const options = self.optsWithGlobals<JsonOption>();
    const json = options.json ?? false;
    finish(await run(json, () => status(configFiles(options).config, json)));
  });
}

function addCheck(config: Command, finish: (status: number) => void): void {
  const command = config.command("check")
    .description("tell what is wrong with all files of a configuration, and what to do")
    .option("--no-connect", "do not ask the servers for their limits");
  withJson(fileOptions(command)).action(async (_options: JsonOption, self: Command) => {
    const { json = false, connect, ...files } = self.optsWithGlobals<
      JsonOption & { connect: boolean }
    >();
    finish(await run(json, () => check(configFiles(files), { json, connect })));
  });
}

function addShow(config: Command, finish: (status: number) => void): void {
  const command = config.command("show").argument("[name]", "a parameter or a group of them")
    .description("print values and where they are set")
    .option("--changed", "only those that are not the default")
    .option("--all", "all parameters (the default)");
  withJson(fileOptions(command)).action(
    async (name: string | undefined, _options: JsonOption, self: Command) => {
      const options = self.optsWithGlobals<JsonOption & { changed?: boolean }>();
      finish(
        await run(
          options.json ?? false,
          () => show(configFiles(options).config, name, options),
        ),
      );
    },
  );
}

function addDiff(config: Command, finish: (status: number) => void): void {
  const command = config.command("diff").argument("<first>").argument("<second>")
    .description("print what differs between two pgpool.conf");
  withJson(command).action(async (first: string, second: string, options: JsonOption) => {
    const json = options.json ?? false;
    finish(await run(json, () => diff(first, second, json)));
  });
}

function addExplain(config: Command, finish: (status: number) => void): void {
  const command = config.command("explain").argument("<name>")
    .description("tell what a parameter does, what it takes and where it is set");
  withJson(fileOptions(command)).action(
    async (name: string, _options: JsonOption, self: Command) => {
      const options = self.optsWithGlobals<JsonOption>();
      const json = options.json ?? false;
      finish(await run(json, () => explain(configFiles(options).config, name, json)));
    },
  );
}

function addMigrate(config: Command, finish: (status: number) => void): void {
  const command = config.command("migrate").argument("<old>", "a pgpool.conf of 3.7 or later")
    .description("tell what today's names change in an old pgpool.conf, or change it")
    .option("--write", "write the file, keeping the old one beside it");
  withJson(command).action(async (old: string, options: { json?: boolean; write?: boolean }) => {
    const { json = false, write = false } = options;
    finish(await run(json, () => migrate(old, { json, write })));
  });
}

function addInit(config: Command, finish: (status: number) => void): void {
  const command = config.command("init")
    .description("write a pgpool.conf for a primary and its standbys; asks on a terminal")
    .option("--server <host:port...>", "the servers, the primary and the standbys")
    .option("--listen <addresses>", "addresses to listen on (default: localhost)")
    .option("--port <port>", "port for clients (default: 9999)")
    .option("--check-user <user>", "user that checks the servers (default: pgpool)")
    .option("--password-file <file>", "file with the password of that user")
    .option("--clients <number>", "clients at once (default: 32)")
    .option("--work-dir <dir>", "pid file, status and socket (default: /var/run/pgpool)");
  withJson(fileOptions(command)).action(async (_options: JsonOption, self: Command) => {
    const options = self.optsWithGlobals<JsonOption & InitOptions>();
    const json = options.json ?? false;
    finish(
      await run(json, () => init(configFiles(options).config, options, json, terminal(json))),
    );
  });
}

function withJson(command: Command): Command {
  return command.option("--json", "print JSON");
}
