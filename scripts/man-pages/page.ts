import type { Command } from "commander";
import { POOL_VERSION } from "../../lib/admin/pool-version.ts";

const SECTION = 8;

/** A man page: the name of its file, and the text for man(7). */
export interface ManPage {
  readonly name: string;
  readonly text: string;
}

/** The pages of a command and of everything below it. */
export function manPages(command: Command, parents: readonly string[] = []): ManPage[] {
  const path = [...parents, command.name()];
  return [
    { name: `${path.join("-")}.${SECTION}`, text: pageText(command, path) },
    ...subcommands(command).flatMap((sub) => manPages(sub, path)),
  ];
}

function pageText(command: Command, path: readonly string[]): string {
  const help = command.createHelp();
  const terms = help.visibleOptions(command).map((option) =>
    term(option.flags, help.optionDescription(option))
  );
  const commands = subcommands(command).map((sub) =>
    term(`${path.join("-")}-${sub.name()}(${SECTION})`, sub.description())
  );
  const title = path.join("-").toUpperCase();
  return [
    `.TH "${escape(title)}" ${SECTION} "" "pgpool ${POOL_VERSION}"`,
    ".SH NAME",
    `${escape(path.join("-"))} \\- ${escape(command.description())}`,
    ".SH SYNOPSIS",
    `.B ${escape(path.join(" "))}`,
    escape(command.usage()),
    ".SH OPTIONS",
    ...terms,
    ...(commands.length > 0 ? [".SH COMMANDS", ...commands] : []),
    ...(path.length > 1 ? [".SH SEE ALSO", `.BR ${escape(path[0] ?? "")} (${SECTION})`] : []),
    "",
  ].join("\n");
}

function term(name: string, description: string): string {
  return `.TP\n.B ${escape(name)}\n${escape(description)}`;
}

function subcommands(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command).filter((sub) => sub.name() !== "help");
}

/** Text as roff shows it: hyphens that can be copied, and no line that begins a request. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(?=[.'])/gm, "\\&");
}
