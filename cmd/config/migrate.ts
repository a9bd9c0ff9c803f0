import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { migrateConfig } from "../../lib/config/migrate.ts";
import { replaceKeeping, WriteError } from "../../lib/config/write.ts";
import { EXIT } from "../exit-status.ts";
import type { ExitStatus } from "../exit-status.ts";
import { CommandFailure, printJson } from "../output.ts";

/** Tells what today's names change in an old configuration; with `write` changes the file. */
export function migrate(
  file: string,
  options: { readonly write: boolean; readonly json: boolean },
): ExitStatus {
  const path = resolve(file);
  const { text, changes, remarks } = migrateConfig(read(path));
  const backup = options.write && changes.length > 0 ? replace(path, text) : null;
  if (options.json) {
    printJson({ file: path, changes, remarks, written: backup !== null, backup });
    return EXIT.ok;
  }
  for (const { line, name, becomes, why } of changes) {
    const what = becomes === null
      ? `${name} becomes a comment`
      : becomes === name
      ? `${name} gets another value`
      : `${name} becomes ${becomes}`;
    process.stdout.write(`${path}:${line}: ${what}: ${why}\n`);
  }
  for (const remark of remarks) process.stdout.write(`${remark}\n`);
  if (changes.length === 0) process.stdout.write("Nothing to change.\n");
  else if (backup !== null) process.stdout.write(`Written. The old file is kept as ${backup}\n`);
  else process.stdout.write("Nothing is written yet; --write does it.\n");
  return EXIT.ok;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const message = `could not open configuration file: "${path}"`;
    const hint = "Name the file to migrate, and let this user read it.";
    throw new CommandFailure("cannot-open", message, hint, EXIT.fatal, { cause });
  }
}

function replace(path: string, text: string): string {
  try {
    return replaceKeeping(path, text);
  } catch (cause) {
    if (!(cause instanceof WriteError)) throw cause;
    const hint = "Run the command as the user that owns the file and its directory.";
    throw new CommandFailure("cannot-write", cause.message, hint, EXIT.failed, { cause });
  }
}
