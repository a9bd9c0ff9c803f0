import type { Command } from "commander";
import { nearest } from "./suggest.ts";
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
    .action((words: readonly string[], _options: object, self: Command) => {
      const word = words.find((each) => !each.startsWith("-"));
      if (word === undefined) {
        if (words.length === 0) return self.help({ error: true });
        return self.error(`error: the command behind "${name}" is missing`);
      }
      const like = nearest(word, self.commands.map((each) => each.name()));
      const hint = like === undefined ? "" : ` (did you mean "${like}"?)`;
      self.error(`error: unknown command "${name} ${word}"${hint}`);
    });
}
