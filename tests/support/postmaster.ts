import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandLine, sendSignal } from "./server-process.ts";
import { waitFor } from "./wait.ts";

/** Process id of the server that has the data directory, whoever started it; 0 when none has. */
export function postmasterPid(dataDir: string): number {
  let text: string;
  try {
    text = readFileSync(join(dataDir, "postmaster.pid"), "utf8");
  } catch {
    return 0;
  }
  const pid = Number(text.split("\n")[0]);
  // A server that was killed leaves its file behind, and its id may be somebody else's by now.
  return commandLine(pid).includes(dataDir) ? pid : 0;
}

/** Ends the server that has the data directory: with SIGINT in order, with SIGQUIT at once. */
export async function endPostmaster(
  dataDir: string,
  signal: "SIGINT" | "SIGQUIT",
  deadlineMs = 20_000,
): Promise<void> {
  const pid = postmasterPid(dataDir);
  if (pid === 0) return;
  sendSignal(pid, signal);
  await waitFor(() => commandLine(pid).length === 0, {
    what: `the server in ${dataDir} to end`,
    deadlineMs,
  });
}
