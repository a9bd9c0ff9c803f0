import { clientProgram } from "../../support/clients.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { tempDir } from "../../support/temp.ts";
import { within } from "../../support/wait.ts";

export interface ProgramOptions {
  readonly port: number;
  readonly database?: string;
  /** Given on standard input. */
  readonly input?: string;
  readonly deadlineMs?: number;
}

export interface ProgramResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a client program (psql, pgbench) as the superuser against a port of the loopback, in a
 * directory of its own and without anybody's settings. One that takes too long is killed.
 */
export async function runProgram(
  name: string,
  args: readonly string[],
  { port, database = "postgres", input = "", deadlineMs = 60_000 }: ProgramOptions,
): Promise<ProgramResult> {
  const path = clientProgram(name);
  if (path === null) throw new Error(`${name} is not installed`);
  const child = Bun.spawn([path, ...args], {
    cwd: tempDir(),
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
    env: {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: "/nonexistent",
      LC_ALL: "C.UTF-8",
      PGHOST: "127.0.0.1",
      PGPORT: String(port),
      PGUSER: SUPERUSER,
      PGDATABASE: database,
      PGCONNECT_TIMEOUT: "10",
    },
  });
  try {
    const ended = Promise.all([
      child.exited,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    const [status, stdout, stderr] = await within(ended, { what: `${name} to end`, deadlineMs });
    return { status, stdout, stderr };
  } finally {
    child.kill("SIGKILL");
  }
}

/** psql without psqlrc that stops at the first error, fed by standard input. */
export async function psql(
  input: string,
  options: ProgramOptions,
  args: readonly string[] = [],
): Promise<ProgramResult> {
  return await runProgram("psql", ["-X", "-v", "ON_ERROR_STOP=1", ...args], { ...options, input });
}
