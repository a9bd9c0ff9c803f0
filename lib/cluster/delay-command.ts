import type { LogEntry } from "./effects.ts";

/** Most characters of its output that are read. */
const MOST_OUTPUT = 64 * 1024;

/** A command that prints delays. */
export interface DelayCommandOptions {
  readonly command: string;
  /** Its arguments. */
  readonly replicas: readonly string[];
  readonly deadlineMs: number;
  readonly log: (entry: LogEntry) => void;
  /** Ends the command when it is aborted. */
  readonly stop: AbortSignal;
}

/** Gives what the command printed; null when it failed, took too long or was stopped. */
export type RunDelayCommand = (options: DelayCommandOptions) => Promise<string | null>;

/** Runs the command with the shell, with the replicas as arguments, in a process group of its own. */
export const runDelayCommand: RunDelayCommand = async (options) => {
  const { command, replicas, deadlineMs, log, stop } = options;
  const child = Bun.spawn(["/bin/sh", "-c", `${command} "$@"`, "sh", ...replicas], {
    detached: true,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const isLate = Symbol();
  const { promise: late, resolve } = Promise.withResolvers<typeof isLate>();
  const timer = setTimeout(() => resolve(isLate), deadlineMs);
  const onStop = () => resolve(isLate);
  stop.addEventListener("abort", onStop);
  const output = await Promise.race([outputOf(child.stdout), late]);
  const status = output === isLate ? null : await Promise.race([child.exited, late]);
  clearTimeout(timer);
  stop.removeEventListener("abort", onStop);
  if (output === isLate || status === isLate || status !== 0) {
    endGroup(child.pid);
    if (stop.aborted) return null;
    log({
      process: "sr_check_worker",
      severity: "warning",
      text: "replication_delay_source_cmd failed",
      detail: typeof status === "number"
        ? `It exited with status ${status}.`
        : `It took longer than ${deadlineMs / 1000} seconds (replication_delay_source_timeout).`,
    });
    return null;
  }
  return output;
};

async function outputOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > MOST_OUTPUT) break;
  }
  return text.slice(0, MOST_OUTPUT);
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // Nobody of the group is left.
  }
}
