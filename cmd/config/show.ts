import { diffConfigs, listParameter, listParameters } from "../../lib/config/listing.ts";
import { nearestName } from "../../lib/config/names.ts";
import { UnknownVariableError } from "../../lib/config/show.ts";
import { explainParameter, NoSuchParameterError } from "../../lib/config/explain.ts";
import { loadConfig } from "../../lib/config/load.ts";
import { ConfigError } from "../../lib/config/problems.ts";
import type { Config } from "../../lib/config/config.ts";
import { EXIT } from "../exit-status.ts";
import type { ExitStatus } from "../exit-status.ts";
import { CommandFailure, printJson, printTable } from "../output.ts";
import { readSound } from "./read.ts";

/** Prints parameters: one, a group, those that are not the default, or all. */
export function show(
  path: string,
  name: string | undefined,
  options: { readonly changed?: boolean; readonly json?: boolean },
): ExitStatus {
  const config = readSound(path);
  const all = name === undefined ? listParameters(config) : listNamed(config, name);
  const rows = options.changed ? all.filter((row) => row.changed) : all;
  if (options.json) {
    printJson(rows);
  } else if (rows.length === 1 && name !== undefined) {
    process.stdout.write(`${rows[0]?.value ?? ""}\n`);
  } else {
    printTable(
      ["name", "value", "set in"],
      rows.map(({ name, value, source }) => [
        name,
        value,
        source === null ? "" : `${source.file}:${source.line}`,
      ]),
    );
  }
  return EXIT.ok;
}

/** Prints what differs between two configurations; status 1 says that something does. */
export function diff(first: string, second: string, json: boolean): ExitStatus {
  const differences = diffConfigs(readSound(first), readSound(second));
  if (json) {
    printJson(differences);
  } else if (differences.length > 0) {
    printTable(
      ["name", first, second],
      differences.map(({ name, first, second }) => [name, first ?? "-", second ?? "-"]),
    );
  }
  return differences.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Prints what a parameter does, what it takes and where it is set. */
export function explain(path: string, name: string, json: boolean): ExitStatus {
  const explanation = explainNamed(name, readIfSound(path));
  if (json) {
    printJson(explanation);
    return EXIT.ok;
  }
  const { description, accepts, unit, changes, section, replacedBy, since, set } = explanation;
  const facts: [string, string | null][] = [
    ["type", explanation.type],
    ["default", explanation.default === "" ? "''" : explanation.default],
    ["accepts", accepts],
    ["unit", unit],
    ["changes on", changes],
    ["section", section],
    ["replaced by", replacedBy],
    ["since", since === null ? null : `Pgpool-II ${since}`],
    ...set.map(({ name, value, source }): [string, string] => [
      name,
      `${value === "" ? "''" : value} ` +
      (source === null ? "(default)" : `(${source.file}:${source.line})`),
    ]),
  ];
  const lines = facts.flatMap(([label, text]) => text === null ? [] : [`  ${label}: ${text}\n`]);
  process.stdout.write(`${name}: ${description}\n${lines.join("")}`);
  return EXIT.ok;
}

function listNamed(config: Config, name: string) {
  try {
    return listParameter(config, name);
  } catch (cause) {
    if (!(cause instanceof UnknownVariableError)) throw cause;
    const near = nearestName(name);
    const hint = near ? `Perhaps you meant "${near}".` : "pgpool config show --all lists them.";
    throw new CommandFailure("unknown-parameter", cause.message, hint, EXIT.failed, { cause });
  }
}

function explainNamed(name: string, config: Config | undefined) {
  try {
    return explainParameter(name, config);
  } catch (cause) {
    if (!(cause instanceof NoSuchParameterError)) throw cause;
    throw new CommandFailure("unknown-parameter", cause.message, cause.hint, EXIT.failed, {
      cause,
    });
  }
}

/** The configuration; undefined when it cannot be used, for which config check is there. */
function readIfSound(path: string): Config | undefined {
  try {
    return loadConfig(path).config;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
