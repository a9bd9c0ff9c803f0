import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./programs.ts";

/**
 * The path of a client program such as psql or pgbench, null where the machine has none and
 * scripts/test could not get it: `it.skipIf(clientProgram("psql") === null)(…)`.
 */
export function clientProgram(name: string): string | null {
  const fetched = join(ROOT, ".tools/bin", name);
  return Bun.which(name) ?? (existsSync(fetched) ? fetched : null);
}
