import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { mostSimilar } from "../../lib/config/similar.ts";
import { WriteError, writeWhole } from "../../lib/config/write.ts";
import { type Extension, extensionFiles, plainSql } from "../../lib/extensions/extension.ts";
import { EXTENSIONS } from "../../lib/extensions/registry.ts";
import { systemText } from "../../lib/process/errors.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { CommandFailure, printJson } from "../output.ts";

/** Options of `pgpool extension install`, as written. */
export interface InstallOptions {
  readonly pgConfig?: string;
  readonly sharedir?: string;
  readonly connect?: string;
  readonly schema?: string;
  readonly print?: boolean;
  readonly json?: boolean;
}

/** Longest time for pg_config, in milliseconds. */
const PG_CONFIG_MS = 10_000;

const DESTINATIONS = "Name one of --pg-config, --sharedir and --connect, or only --print.";

/** Installs an extension, or prints what would be done. @throws {CommandFailure} */
export async function install(name: string, options: InstallOptions): Promise<ExitStatus> {
  const extension = findExtension(name);
  const { pgConfig, sharedir, connect, schema, print = false } = options;
  const named = [pgConfig, sharedir, connect].filter((each) => each !== undefined);
  if (named.length > 1 || named.length === 0 && !print) {
    throw usage("it is not clear where to install", DESTINATIONS);
  }
  if (pgConfig === undefined && sharedir === undefined) {
    return await installStatements(extension, connect, schema ?? "public", options);
  }
  if (schema !== undefined) {
    throw usage("--schema is for --connect", "CREATE EXTENSION … SCHEMA names the schema.");
  }
  return installFiles(extension, sharedir ?? shareDirOf(pgConfig ?? ""), options);
}

function installFiles(
  extension: Extension,
  sharedir: string,
  { print = false, json = false }: InstallOptions,
): ExitStatus {
  const dir = join(sharedir, "extension");
  const files = extensionFiles(extension).map(({ name, text }) => ({
    path: join(dir, name),
    text,
  }));
  if (print) {
    for (const { path, text } of files) process.stdout.write(`-- ${path}\n${text}\n`);
    return EXIT.ok;
  }
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
    const hint = "Name the directory that pg_config --sharedir of that PostgreSQL prints.";
    throw new CommandFailure("no-directory", `there is no directory "${dir}"`, hint);
  }
  for (const { path, text } of files) write(path, text);
  const paths = files.map(({ path }) => path);
  const { name, requires } = extension;
  if (json) printJson({ extension: name, version: extension.version, files: paths });
  else {
    for (const path of paths) process.stdout.write(`${path}\n`);
    const cascade = requires.length === 0 ? "" : " CASCADE";
    process.stderr.write(
      `Now, in each database that needs it: CREATE EXTENSION ${name}${cascade};\n`,
    );
  }
  return EXIT.ok;
}

async function installStatements(
  extension: Extension,
  url: string | undefined,
  schema: string,
  { print = false, json = false }: InstallOptions,
): Promise<ExitStatus> {
  const statements = plainSql(extension, schema);
  if (url === undefined || print) {
    process.stdout.write(statements);
    return EXIT.ok;
  }
  const { name, version } = extension;
  // The client for servers is loaded by nobody else who starts this program.
  const { runStatements } = await import("./run-statements.ts");
  await runStatements(url, statements, name);
  if (json) printJson({ extension: name, version, schema });
  else process.stdout.write(`${name} ${version} is installed in schema ${schema}\n`);
  return EXIT.ok;
}

function findExtension(name: string): Extension {
  const found = EXTENSIONS.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = EXTENSIONS.map((each) => each.name);
  const like = mostSimilar(name, names);
  const hint = like === undefined
    ? `There are ${names.join(" and ")}.`
    : `Perhaps you meant "${like}".`;
  throw new CommandFailure(
    "unknown-extension",
    `there is no extension "${name}"`,
    hint,
    EXIT.usage,
  );
}

function shareDirOf(pgConfig: string): string {
  const { status, stdout, error } = spawnSync(pgConfig, ["--sharedir"], {
    encoding: "utf8",
    timeout: PG_CONFIG_MS,
  });
  const dir = stdout?.trim() ?? "";
  if (error === undefined && status === 0 && dir !== "") return dir;
  const hint = "Name the pg_config of the server's PostgreSQL, or its directory with --sharedir.";
  const reason = error === undefined ? "" : `: ${systemText(error)}`;
  const message = `"${pgConfig} --sharedir" failed${reason}`;
  throw new CommandFailure("no-pg-config", message, hint, EXIT.failed, { cause: error });
}

function write(path: string, text: string): void {
  try {
    writeWhole(path, text, 0o644);
  } catch (cause) {
    if (!(cause instanceof WriteError)) throw cause;
    const hint = "Run the command as a user who may write there, or use --connect.";
    throw new CommandFailure("cannot-write", cause.message, hint, EXIT.failed, { cause });
  }
}

function usage(message: string, hint: string): CommandFailure {
  return new CommandFailure("usage", message, hint, EXIT.usage);
}
