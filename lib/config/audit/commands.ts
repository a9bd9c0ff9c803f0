import { accessSync, constants, statSync } from "node:fs";
import type { Config } from "../config.ts";
import { about } from "./finding.ts";
import type { Finding } from "./finding.ts";

/** Commands in which a node's facts stand for placeholders (behaviour.md 11). */
const withPlaceholders = [
  "failover_command",
  "failback_command",
  "follow_primary_command",
] as const;

const otherCommands = [
  "wd_escalation_command",
  "wd_de_escalation_command",
  "ssl_passphrase_command",
] as const;

const placeholders = "dhpDmHrRMPNS%";

/** Finds placeholders that do not exist and scripts that are missing or cannot be run. */
export function checkCommands(config: Config): Finding[] {
  return [
    ...withPlaceholders.flatMap((name) => checkPlaceholders(config, name)),
    ...[...withPlaceholders, ...otherCommands].flatMap((name) => checkProgram(config, name)),
  ];
}

function checkPlaceholders(
  config: Config,
  name: (typeof withPlaceholders)[number],
): Finding[] {
  const text = config.values[name];
  const wrong = [...text.matchAll(/%(.?)/gs)].find(([, letter = ""]) =>
    letter === "" || !placeholders.includes(letter)
  );
  if (!wrong) return [];
  const message = `${name} has the placeholder "${wrong[0]}", which does not exist and vanishes`;
  const hint = "There are %d %h %p %D %m %H %r %R %M %P %N %S; a percent sign is %%.";
  return [about(config, name, "error", "placeholder", message, hint)];
}

function checkProgram(
  config: Config,
  name: (typeof withPlaceholders)[number] | (typeof otherCommands)[number],
): Finding[] {
  const program = /^\s*(?:'([^']*)'|"([^"]*)"|(\S+))/.exec(config.values[name])?.slice(1)
    .find((each) => each !== undefined);
  // What the shell has to work out cannot be looked for.
  if (program === undefined || !/^[\w./+-]+$/.test(program)) return [];
  const add = (code: string, message: string, hint: string) => [
    about(config, name, "error", code, message, hint),
  ];
  if (!program.startsWith("/")) {
    if (Bun.which(program) !== null) return [];
    const message = `${name}: there is no program "${program}"`;
    return add("no-script", message, "Give the path from the root.");
  }
  const stats = statSync(program, { throwIfNoEntry: false });
  if (!stats?.isFile()) {
    const message = `${name}: there is no file "${program}"`;
    return add("no-script", message, "Install the script, or correct the path.");
  }
  if (!isExecutable(program) || (stats.mode & 0o111) === 0) {
    const message = `${name}: "${program}" may not be executed`;
    return add("not-executable", message, `chmod +x ${program}`);
  }
  if ((stats.mode & 0o002) !== 0) {
    const message = `${name}: everybody may change "${program}", which pgpool runs`;
    return add("writable-script", message, `chmod go-w ${program}`);
  }
  return [];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
