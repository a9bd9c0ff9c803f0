import type { Command } from "commander";
import { mostSimilar } from "../lib/config/similar.ts";
import { usageStatus } from "./usage.ts";

/** Adds a command that only has commands below it; it suggests one for a word that is none. */
export function commandGroup(root: Command, name: string, description: string): Command {
  return root.command(name)
    .description(description)
    .exitOverride(usageStatus)
    .helpCommand(false)
    .usage("[options] [command]")
    .argument("[command...]")
    .allowUnknownOption()
    .action((words: readonly string[], options: { help?: boolean }, self: Command) => {
      const word = words.find((each) => !each.startsWith("-"));
      if (word !== undefined) return unknownCommand(self, word, `${name} ${word}`);
      if (words.length === 0) return self.help({ error: options.help !== true });
      self.error(`error: the command behind "${name}" is missing`);
    });
}

/**
 * Completes a tree of commands: each error names the help of its command, and -h is one option among
 * others of those with commands below them. So a word that is no command is told as such also when
 * -h, which names the host behind a command, comes with it.
 *
 * @param path words from the program's name to the command.
 */
export function completeHelp(command: Command, path: string): void {
  command.showHelpAfterError(`Try "${path} --help" for more information.`);
  if (command.commands.length > 0) {
    command
      .helpOption(false)
      .option("-h, --help", "print this help")
      .hook("preSubcommand", (self, below) => {
        if (self.opts<{ help?: boolean }>().help) below.help();
      });
  }
  for (const below of command.commands) completeHelp(below, `${path} ${below.name()}`);
}

/**
 * Ends with the error for a word that is no command below this one.
 *
 * @param path the word with what comes before it.
 * @param exitCode where it is not that of docs/cli.md.
 */
export function unknownCommand(
  command: Command,
  word: string,
  path: string,
  exitCode?: number,
): never {
  const like = mostSimilar(word, command.commands.map((each) => each.name()));
  const hint = like === undefined ? "" : ` (did you mean "${like}"?)`;
  command.error(
    `error: unknown command "${path}"${hint}`,
    exitCode === undefined ? {} : { exitCode },
  );
}
