import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, writeSync } from "node:fs";
import type { Readable } from "node:stream";
import { FATAL_STATUS } from "./errors.ts";

/** Tells a process that whoever started it waits at the descriptor READY_FD. */
const READY_VARIABLE = "PGPOOL_STARTED_IN_BACKGROUND";
const READY_FD = 3;

/** Milliseconds after which a start is left to itself. */
const PATIENCE_MS = 30_000;

/**
 * Starts a program in a session of its own, in `/`, without standard input and output, and waits
 * until it calls `tellStarter`. What it has written to standard error by then is passed on when it
 * ends instead, because nobody would see it otherwise.
 *
 * @returns 0, or the exit status of a program that could not start.
 */
export async function startInBackground(
  program: string,
  args: readonly string[],
): Promise<number> {
  const child = spawn(program, [...args], {
    argv0: "pgpool",
    cwd: "/",
    detached: true,
    env: { ...process.env, [READY_VARIABLE]: "1" },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const said: Buffer[] = [];
  child.stderr?.on("data", (bytes: Buffer) => said.push(bytes));
  const status = await outcome(child);
  if (status !== 0) process.stderr.write(Buffer.concat(said));
  for (const stream of child.stdio) stream?.destroy();
  child.unref();
  return status;
}

/** Tells whoever started this process in the background that it listens; nobody else hears it. */
export function tellStarter(): void {
  if (process.env[READY_VARIABLE] === undefined) return;
  delete process.env[READY_VARIABLE];
  try {
    writeSync(READY_FD, "\n");
    closeSync(READY_FD);
  } catch {
    // The starter has run out of patience, or the variable came from somebody else.
  }
}

function outcome(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const timer = setTimeout(() => resolve(0), PATIENCE_MS);
  const ready = child.stdio[READY_FD];
  if (isReadable(ready)) ready.once("data", () => resolve(0));
  child.once("close", (status) => resolve(status || FATAL_STATUS));
  child.once("error", reject);
  return promise.finally(() => clearTimeout(timer));
}

function isReadable(stream: ChildProcess["stdio"][number] | undefined): stream is Readable {
  return stream !== null && stream !== undefined && "read" in stream;
}
