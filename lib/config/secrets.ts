import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { InvalidValueError } from "./problems.ts";

const indirection = /^\$\{(file|env):([^}]+)\}$/;

/** The secret a value stands for, and what its owner should know about where it is kept. */
export interface Secret {
  readonly value: string;
  readonly warning?: string;
}

/**
 * Resolves `${file:/path}` (the first line of the file; relative to `directory`) and
 * `${env:NAME}`; any other value stands for itself. Throws InvalidValueError when the file or
 * the variable cannot be read; the secret itself never appears in a message.
 */
export function resolveSecret(
  name: string,
  value: string,
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): Secret {
  const match = indirection.exec(value);
  if (!match) return { value };
  const [, kind = "", source = ""] = match;
  return kind === "env"
    ? fromEnvironment(name, source, environment)
    : fromFile(name, source, directory);
}

function fromEnvironment(
  name: string,
  variable: string,
  environment: Readonly<Record<string, string | undefined>>,
): Secret {
  const value = environment[variable];
  if (value !== undefined) return { value };
  throw new InvalidValueError(
    `environment variable "${variable}" of parameter "${name}" is not set`,
    {
      hint: "Set the variable where pgpool is started.",
    },
  );
}

function fromFile(name: string, source: string, directory: string): Secret {
  const path = resolve(directory, source);
  try {
    const [value = ""] = readFileSync(path, "utf8").split(/\r?\n/, 1);
    const open = (statSync(path).mode & 0o077) !== 0;
    if (!open) return { value };
    return { value, warning: `file "${path}" of parameter "${name}" is readable by others` };
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new InvalidValueError(`could not read file "${path}" of parameter "${name}"`, {
      detail: reason,
      hint: "Create the file with mode 0600, owned by the user that runs pgpool.",
    });
  }
}
