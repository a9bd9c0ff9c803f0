import type { Command } from "commander";
import { nearest } from "./suggest.ts";
import { usageStatus } from "./usage.ts";

/** Adds a command that only has commands below it; it suggests one for a word that is none. */
export function commandGroup(root: Command, name: string, description: string): Command {
  return root.command(name)
    .description(description)
    .exitOverride(usageStatus)
    .helpCommand(false)
    .argument("[command]")
    .allowUnknownOption()
    .allowExcessArguments()
    .action((word: string | undefined, _options: object, self: Command) => {
      if (word === undefined) return self.help({ error: true });
      const like = nearest(word, self.commands.map((each) => each.name()));
      const hint = like === undefined ? "" : ` (did you mean "${like}"?)`;
      self.error(`error: unknown command "${name} ${word}"${hint}`);
    });
}
