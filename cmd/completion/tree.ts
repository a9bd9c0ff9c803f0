import type { Command, Option } from "commander";

/** An option as a shell has to know it. */
export interface CompletionOption {
  /** `-f` and `--config-file`, as far as there are both. */
  readonly flags: readonly string[];
  readonly description: string;
  /** What its value is: nothing when it takes none. */
  readonly value: "none" | "file" | "other" | readonly string[];
}

/** A command with everything below it. */
export interface CompletionNode {
  /** Words from the program's name to this command, the program's excluded. */
  readonly path: readonly string[];
  readonly description: string;
  readonly options: readonly CompletionOption[];
  /** Words that its first argument may be. */
  readonly choices: readonly string[];
  readonly commands: readonly CompletionNode[];
}

/** Values of options that commander only knows as text. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  mode: ["smart", "fast", "immediate"],
  scope: ["local", "cluster"],
};

/** What there is to complete, from the commands themselves. */
export function completionTree(command: Command, path: readonly string[] = []): CompletionNode {
  const visible = command.createHelp();
  const subcommands = visible.visibleCommands(command).filter((sub) => sub.name() !== "help");
  return {
    path,
    description: command.description(),
    options: visible.visibleOptions(command).map(completionOption),
    choices: command.registeredArguments[0]?.argChoices ?? [],
    commands: subcommands.map((sub) => completionTree(sub, [...path, sub.name()])),
  };
}

/** The node and all below it, parents first. */
export function allNodes(node: CompletionNode): CompletionNode[] {
  return [node, ...node.commands.flatMap(allNodes)];
}

function completionOption(option: Option): CompletionOption {
  const flags = [option.short, option.long].filter((flag) => flag !== undefined);
  return { flags, description: option.description, value: valueOf(option) };
}

function valueOf(option: Option): CompletionOption["value"] {
  if (!option.required && !option.optional) return "none";
  const choices = option.argChoices ?? VALUES[option.attributeName()];
  if (choices !== undefined) return choices;
  return /<(file|dir|path|directory)>/.test(option.flags) ? "file" : "other";
}
