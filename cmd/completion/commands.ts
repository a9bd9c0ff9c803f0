import { Argument, type Command } from "commander";
import { usageStatus } from "../usage.ts";
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import { completionTree } from "./tree.ts";
import { zshCompletion } from "./zsh.ts";

const HELP = `
  bash  source <(pgpool completion bash)
        or: pgpool completion bash > /usr/share/bash-completion/completions/pgpool
  zsh   pgpool completion zsh > "\${fpath[1]}/_pgpool"
  fish  pgpool completion fish > ~/.config/fish/completions/pgpool.fish
`;

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** Adds `pgpool completion bash|zsh|fish`, which is made from the commands that are there. */
export function addCompletionCommand(root: Command): void {
  root.command("completion")
    .description("print a script that completes commands and options in a shell")
    .exitOverride(usageStatus)
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(SHELLS)))
    .addHelpText("after", HELP)
    .action((shell: keyof typeof SHELLS) => {
      process.stdout.write(SHELLS[shell](completionTree(root)));
    });
}
