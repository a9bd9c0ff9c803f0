import { endWithReader } from "./output.ts";
import { pgEnc } from "./passwords/pg-enc.ts";
import { pgMd5 } from "./passwords/pg-md5.ts";
import { pcpLegacy } from "./pcp/legacy.ts";
import { program } from "./program.ts";

/** Commands of Pgpool-II that this binary answers to under their own names. */
const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  pg_md5: pgMd5,
  pg_enc: pgEnc,
};

/** Commands of Pgpool-II that this binary will answer to under their own names. */
const COMING: Readonly<Record<string, string>> = {
  pgproto: "replay of protocol messages",
  wd_cli: "questions to the watchdog",
  pgpool_setup: "temporary clusters for tests",
  watchdog_setup: "temporary watchdog clusters for tests",
};

/**
 * Runs what the name of the program, or else its first argument, asks for.
 *
 * @param name base name under which the program was started.
 * @param args without the name.
 * @returns the exit status.
 */
export async function runCommand(name: string, args: readonly string[]): Promise<number> {
  endWithReader();
  if (name.startsWith("pcp_")) return await pcpLegacy(name, args);
  const coming = COMING[name];
  if (coming === undefined) return await (COMMANDS[name] ?? program)(args);
  process.stderr.write(`${name}: not available yet in this build (${coming} comes later)\n`);
  return 1;
}
