import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../lib/config/load.ts";
import type { LoadedConfig } from "../../lib/config/load.ts";
import { ConfigError } from "../../lib/config/problems.ts";

/** Runs `use` with a directory that holds the given files, and removes it afterwards. */
export function withFiles<T>(files: Record<string, string>, use: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "pgpool-config-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(directory, name), text, { mode: 0o600 });
    }
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Loads a configuration of one file. */
export function load(text: string, environment: Record<string, string> = {}): LoadedConfig {
  return withFiles(
    { "pgpool.conf": text },
    (directory) => loadConfig(join(directory, "pgpool.conf"), { environment }),
  );
}

/** The error that refuses the configuration. */
export function refusal(text: string): ConfigError {
  try {
    load(text);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

/** The first problem of the error that refuses the configuration. */
export function firstRefusal(text: string) {
  const [problem] = refusal(text).problems.filter(({ severity }) => severity === "error");
  if (!problem) throw new Error("no error among the problems");
  return problem;
}

/** Two backends, as most tests need them. */
export const twoBackends = `
backend_hostname0 = 'alpha'
backend_port0 = 5432
backend_weight0 = 1
backend_data_directory0 = '/data0'
backend_hostname1 = 'beta'
backend_port1 = 5433
backend_weight1 = 3
backend_data_directory1 = '/data1'
`;
