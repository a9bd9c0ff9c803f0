import type { Subprocess } from "bun";
import { closeSync } from "node:fs";
import { openPipe } from "../log/pipe.ts";
import { CommandOutput } from "./command-output.ts";
import { CommandTemplateError, expandTemplate } from "./command-template.ts";
import { commandJson, type CommandValues, environment, placeholders } from "./command-values.ts";
import type { LogEntry } from "./effects.ts";

/** Milliseconds that a command which has to end may take for it before it is killed. */
const GRACE = 3000;
/** Milliseconds between two looks whether it has ended. */
const LOOK = 20;
/** Milliseconds that output is awaited which processes left in the background hold open. */
const DRAIN = 200;
/** Milliseconds between two reads of output that nobody hears, which slows a flood down. */
const FLOOD_PAUSE = 10;

/** A command of the operator's to run. */
export interface CommandOptions {
  /** The parameter that holds the command, as it is named in the log. */
  readonly name: string;
  /** The parameter's value, with placeholders. */
  readonly template: string;
  readonly values: CommandValues;
  /** Milliseconds it may take, 0 without a limit. */
  readonly deadlineMs: number;
  readonly log: (entry: LogEntry) => void;
  /** Ends the command when it is aborted. */
  readonly stop?: AbortSignal;
}

/** How a command ended and the end of what it wrote. */
export interface CommandResult {
  readonly end: "by-itself" | "timed-out" | "stopped" | "not-started";
  /** Null when it was ended by a signal, or not started. */
  readonly status: number | null;
  readonly signal: string | null;
  readonly output: string;
}

interface Started {
  readonly process: Subprocess;
  /** What the process and all that it starts write to. */
  readonly outputFd: number;
}

type Ending = Exclude<CommandResult["end"], "not-started">;

/**
 * Runs a command with the shell, in a process group of its own. It gets its values in the places
 * of its template, in the environment (`PGPOOL_…`) and as a line of JSON on standard input. Every
 * line it writes is logged, and how it ended. Never throws; done when the shell has ended, whatever
 * it left in the background.
 */
export async function runCommand(options: CommandOptions): Promise<CommandResult> {
  const { name, log } = options;
  const started = start(options);
  if (started === null) return { end: "not-started", status: null, signal: null, output: "" };
  const { process, outputFd } = started;
  const output = new CommandOutput((line) => log({ severity: "log", text: `${name}: ${line}` }));
  const reading = read(outputFd, output);
  const end = await untilEnd(process, options);
  await Promise.race([reading, Bun.sleep(DRAIN)]);
  log(endEntry(options, end, process));
  const { exitCode: status, signalCode } = process;
  const signal = signalCode === null ? null : String(signalCode);
  return { end, status, signal, output: output.tail };
}

function start({ name, template, values, log }: CommandOptions): Started | null {
  try {
    const text = expandTemplate(template, placeholders(values));
    log({ severity: "log", text: `execute command: ${text}` });
    const environs = { ...process.env, ...environment(name, values) };
    return spawnShell(text, environs, commandJson(name, values));
  } catch (error) {
    const isRefused = error instanceof CommandTemplateError;
    log({
      severity: "error",
      text: `${name} was not run`,
      detail: error instanceof Error ? error.message : String(error),
      ...(isRefused ? { hint: "Let it read PGPOOL_… from its environment instead." } : {}),
    });
    return null;
  }
}

/** Both outputs go into one pipe, so that lines stay in order. */
function spawnShell(text: string, env: NodeJS.ProcessEnv, input: string): Started {
  const { readFd, writeFd } = openPipe();
  try {
    const process = Bun.spawn(["/bin/sh", "-c", text], {
      detached: true,
      env,
      stdin: new TextEncoder().encode(input),
      stdout: writeFd,
      stderr: writeFd,
    });
    return { process, outputFd: readFd };
  } catch (error) {
    closeSync(readFd);
    throw error;
  } finally {
    closeSync(writeFd);
  }
}

/** Goes on after the command's end for as long as something it started writes. */
async function read(fd: number, output: CommandOutput): Promise<void> {
  try {
    for await (const bytes of Bun.file(fd).stream()) {
      output.write(bytes);
      if (!output.isHeard) await Bun.sleep(FLOOD_PAUSE);
    }
  } finally {
    closeSync(fd);
  }
  output.end();
}

/** Waits until the command ends, or ends it when its time is over or pgpool stops. */
async function untilEnd(
  process: Subprocess,
  { deadlineMs, stop }: CommandOptions,
): Promise<Ending> {
  const { promise: cut, resolve } = Promise.withResolvers<"timed-out" | "stopped">();
  const timer = deadlineMs > 0 ? setTimeout(() => resolve("timed-out"), deadlineMs) : undefined;
  const onStop = () => resolve("stopped");
  stop?.addEventListener("abort", onStop);
  if (stop?.aborted) onStop();
  const end = await Promise.race([process.exited.then(() => "by-itself" as const), cut]);
  clearTimeout(timer);
  stop?.removeEventListener("abort", onStop);
  if (end === "by-itself") return end;
  await endGroup(process.pid);
  await Promise.race([process.exited, Bun.sleep(GRACE)]);
  return end;
}

/** Asks all processes of the group to end, and kills those that do not. */
async function endGroup(leader: number): Promise<void> {
  const limit = Date.now() + GRACE;
  let isAlive = signalGroup(leader, "SIGTERM");
  while (isAlive && Date.now() < limit) {
    await Bun.sleep(LOOK);
    isAlive = signalGroup(leader, 0);
  }
  if (isAlive) signalGroup(leader, "SIGKILL");
}

/** Whether there was anybody to get the signal. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, signal);
  } catch {
    return false;
  }
}

function endEntry(
  { name, deadlineMs }: CommandOptions,
  end: Ending,
  { exitCode, signalCode }: Subprocess,
): LogEntry {
  switch (end) {
    case "by-itself":
      return {
        severity: exitCode === 0 ? "log" : "warning",
        text: signalCode === null
          ? `${name} exited with status ${exitCode}`
          : `${name} was ended by signal ${signalCode}`,
      };
    case "timed-out":
      return {
        severity: "warning",
        text: `${name} did not end within ${deadlineMs / 1000} seconds and was ended`,
      };
    case "stopped":
      return { severity: "warning", text: `${name} was ended because pgpool stops` };
  }
}
