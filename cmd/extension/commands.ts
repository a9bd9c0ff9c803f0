import type { Command } from "commander";
import { EXTENSIONS } from "../../lib/extensions/registry.ts";
import { EXIT } from "../exit-status.ts";
import { commandGroup } from "../group.ts";
import { printJson, printTable, run } from "../output.ts";
import { install, type InstallOptions } from "./install.ts";

const HELP = `
With --pg-config or --sharedir the files are written that CREATE EXTENSION reads; this is done once
on every server, its standbys too. With --connect the functions are made in one database without
CREATE EXTENSION. The password for that comes from PGPASSWORD: in the URL others could read it.
With --print alone the statements are printed, for psql.
`;

/** Adds `pgpool extension list|install`; `finish` takes the exit status. */
export function addExtensionCommands(root: Command, finish: (status: number) => void): void {
  const description = "install the SQL extensions that this binary carries into PostgreSQL";
  const group = commandGroup(root, "extension", description);
  group.command("list")
    .description("list the extensions")
    .option("--json", "print JSON")
    .action(({ json }: { json?: boolean }) => finish(list(json ?? false)));
  group.command("install").argument("<name>", "the extension")
    .description("put an extension where PostgreSQL finds it, or its functions into a database")
    .option("--pg-config <path>", "pg_config of the PostgreSQL to install into")
    .option("--sharedir <dir>", "what pg_config --sharedir prints")
    .option("--connect <url>", "database to make the functions in: postgres://user@host:port/name")
    .option("--schema <name>", "where they belong, without CREATE EXTENSION (default: public)")
    .option("--print", "print what would be written or run, and do nothing")
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action(async (name: string, options: InstallOptions) => {
      finish(await run(options.json ?? false, () => install(name, options)));
    });
}

function list(json: boolean) {
  const rows = EXTENSIONS.map(({ name, version, comment, requires }) => ({
    name,
    version,
    requires,
    comment,
  }));
  if (json) printJson(rows);
  else {
    const cells = rows.map(({ name, version, requires, comment }) => [
      name,
      version,
      requires.join(", "),
      comment,
    ]);
    printTable(["name", "version", "requires", "description"], cells);
  }
  return EXIT.ok;
}
