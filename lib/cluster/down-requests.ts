import { readFile, rename, writeFile } from "node:fs/promises";
import type { LogEntry } from "./effects.ts";

/** Wishes of a tester that nodes be taken for dead (health_check_test). */
export interface DownRequests {
  /** Whether there is a wish for the node, which is then used up. */
  take(node: number): Promise<boolean>;
}

/**
 * The file `backend_down_request` in work_dir: lines of a node's id, a tab and `down`. A wish that
 * was fulfilled becomes `already_down`.
 */
export function downRequestFile(path: string, logger: (entry: LogEntry) => void): DownRequests {
  return {
    async take(node) {
      const lines = await readLines(
        path,
        (entry) => logger({ ...entry, process: `health_check${node}` }),
      );
      const at = lines.findIndex((line) => isRequest(line, node));
      if (at < 0) return false;
      lines[at] = `${node}\talready_down`;
      await replace(path, lines, logger);
      return true;
    },
  };
}

async function replace(
  path: string,
  lines: readonly string[],
  logger: (entry: LogEntry) => void,
): Promise<void> {
  try {
    await writeFile(`${path}.new`, lines.join("\n"));
    await rename(`${path}.new`, path);
  } catch (error) {
    logger({
      severity: "warning",
      text: `could not write file ${path}`,
      detail: String(error),
      hint: "The request in it is fulfilled again and again.",
    });
  }
}

function isRequest(line: string, node: number): boolean {
  const [id = "", word = ""] = line.trim().split(/\s+/);
  return id === String(node) && word === "down";
}

async function readLines(path: string, logger: (entry: LogEntry) => void): Promise<string[]> {
  try {
    return (await readFile(path, "utf8")).split("\n");
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    logger({
      severity: "warning",
      text: `check_backend_down_request: failed to open file ${path}`,
      detail: isMissing ? "No such file or directory" : String(error),
    });
    return [];
  }
}
