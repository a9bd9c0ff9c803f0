import { Command, CommanderError } from "commander";

/** What a Pgpool-II tool was called with, or that its usage is to be shown. */
export type Parsed<O> =
  | { readonly options: O; readonly password: string | undefined }
  | undefined;

/**
 * Parses the command line of pg_md5 or pg_enc.
 *
 * @returns undefined for -h and for what is no option of the tool: both show the usage on standard
 * output with exit status 0 (commands.md 3).
 */
export function parseOptions<O extends Record<string, unknown>>(
  name: string,
  options: readonly (readonly [flags: string, description: string])[],
  args: readonly string[],
): Parsed<O> {
  const command = new Command(name)
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .helpOption("-h, --help", "print this help")
    .argument("[password]")
    .allowExcessArguments();
  for (const [flags, description] of options) command.option(flags, description);
  try {
    command.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) {
      process.stderr.write(`${name}: ${error.message.replace(/^error: /, "")}\n`);
    }
    return undefined;
  }
  return { options: command.opts<O>(), password: command.args[0] };
}

/** The usage text of a tool. */
export function usageText(
  name: string,
  purpose: string,
  options: readonly (readonly [flags: string, description: string])[],
): string {
  const all = [...options, ["-h, --help", "print this help"] as const];
  const width = Math.max(...all.map(([flags]) => flags.length)) + 2;
  const lines = all.map(([flags, description]) => `  ${flags.padEnd(width)}${description}`);
  return [
    `${name}: ${purpose}`,
    "",
    "Usage:",
    `  ${name} [OPTION]... -p`,
    `  ${name} [OPTION]... PASSWORD`,
    "",
    "Options:",
    ...lines,
    "",
  ].join("\n");
}
