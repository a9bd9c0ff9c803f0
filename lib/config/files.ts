import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseFile } from "./grammar.ts";
import type { Assignment } from "./grammar.ts";
import type { Problem } from "./problems.ts";

/** Files include each other at most this deep (parameters.md 1). */
const maxDepth = 10;

/** An assignment and the file it stands in. */
export interface PlacedAssignment extends Assignment {
  readonly file: string;
}

/** All files of a configuration, read in the order in which their lines count. */
export interface ReadFiles {
  readonly assignments: readonly PlacedAssignment[];
  readonly problems: readonly Problem[];
}

/**
 * Reads a configuration file and all it includes: `include`, `include_if_exists` and
 * `include_dir` as in postgresql.conf; relative paths are relative to the file they stand in.
 * A main file that cannot be opened is a warning, as in Pgpool-II: defaults apply. Never throws.
 */
export function readConfigFiles(path: string): ReadFiles {
  const result: Collected = { assignments: [], problems: [] };
  const file = resolve(path);
  const text = readText(file);
  if (text === undefined) {
    result.problems.push({
      severity: "warning",
      code: "cannot-open",
      file: "",
      line: 0,
      message: `could not open configuration file: "${path}"`,
      detail: "using default configuration parameter values",
    });
  } else {
    collect([file], text, result);
  }
  return result;
}

interface Collected {
  readonly assignments: PlacedAssignment[];
  readonly problems: Problem[];
}

/** `chain` holds the file and those through which it was included, itself first. */
function collect(chain: readonly string[], text: string, into: Collected): void {
  const [file = ""] = chain;
  const parsed = parseFile(file, text);
  into.problems.push(...parsed.problems);
  for (const assignment of parsed.assignments) {
    if (!include(chain, assignment, into)) into.assignments.push({ ...assignment, file });
  }
}

/** Follows the line when it is one of the include directives; tells whether it was. */
function include(chain: readonly string[], at: Assignment, into: Collected): boolean {
  const [file = ""] = chain;
  const target = resolve(dirname(file), at.value);
  switch (at.name) {
    case "include":
    case "include_if_exists": {
      if (tooDeep(chain, at, target, into)) return true;
      const text = readText(target);
      if (text !== undefined) collect([target, ...chain], text, into);
      else if (at.name === "include") into.problems.push(missing(file, at, target));
      else into.problems.push(skipped(file, at, target));
      return true;
    }
    case "include_dir":
      includeDirectory(chain, at, target, into);
      return true;
    default:
      return false;
  }
}

function includeDirectory(
  chain: readonly string[],
  at: Assignment,
  directory: string,
  into: Collected,
): void {
  const [file = ""] = chain;
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    into.problems.push({
      severity: "error",
      code: "include",
      file,
      line: at.line,
      message: `could not open configuration directory "${directory}"`,
      hint: "Create the directory, or remove the line.",
    });
    return;
  }
  for (const name of names.filter((each) => /^[^.].*\.conf$/s.test(each)).sort(byBytes)) {
    const target = join(directory, name);
    if (tooDeep(chain, at, target, into)) continue;
    const text = readText(target);
    if (text !== undefined) collect([target, ...chain], text, into);
    else into.problems.push(missing(file, at, target));
  }
}

/** Whether a file may not be included: too many are open, or it is one of them itself. */
function tooDeep(
  chain: readonly string[],
  at: Assignment,
  target: string,
  into: Collected,
): boolean {
  if (chain.length <= maxDepth && !chain.includes(target)) return false;
  const [file = ""] = chain;
  into.problems.push({
    severity: "error",
    code: "include",
    file,
    line: at.line,
    message:
      `could not open configuration file "${target}": maximum nesting depth (${maxDepth}) exceeded`,
    hint: "A file must not include itself, directly or through others.",
  });
  return true;
}

function missing(file: string, at: Assignment, target: string): Problem {
  return {
    severity: "error",
    code: "include",
    file,
    line: at.line,
    message: `could not open configuration file: "${target}"`,
    hint: "Create the file, or use include_if_exists.",
  };
}

function skipped(file: string, at: Assignment, target: string): Problem {
  return {
    severity: "log",
    code: "include",
    file,
    line: at.line,
    message: `skipping missing configuration file "${target}"`,
  };
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** Text of a file, undefined when it cannot be read or is no regular file or pipe. */
function readText(path: string): string | undefined {
  try {
    if (statSync(path).isDirectory()) return undefined;
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
