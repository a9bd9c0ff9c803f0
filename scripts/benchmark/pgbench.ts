/** Runs pgbench and reads what it measured. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { onCleanUp } from "../../tests/support/clean-up.ts";
import { SUPERUSER } from "../../tests/support/postgres.ts";
import { sendSignal } from "../../tests/support/server-process.ts";
import { parseLatencies, parseReport, type PgbenchReport } from "./pgbench-output.ts";
import { percentile } from "./statistics.ts";
import type { Workload } from "./workloads.ts";

const HOST = "127.0.0.1";
const DATABASE = "postgres";
/** Time for connecting and for printing, beyond the run itself. */
const GRACE_MS = 20_000;
/** About how many latencies are kept of a run; pgbench samples when there would be more. */
const MOST_LATENCIES = 150_000;
/** More transactions a second than one machine will do. */
const FASTEST = 50_000;

/** pgbench has failed or was too slow; the message is the first that it complained of. */
export class PgbenchError extends Error {
  override readonly name = "PgbenchError";
}

export interface PgbenchResult extends PgbenchReport {
  /** Milliseconds; connecting does not count. */
  readonly p50: number;
  readonly p99: number;
}

/** Runs of pgbench against servers of this machine, with their logs in a directory. */
export class Pgbench {
  constructor(readonly program: string, readonly dir: string, readonly signal: AbortSignal) {}

  /** Creates and fills pgbench's tables. */
  async initialise(port: number, scale: number): Promise<void> {
    await this.#run(["-i", "-q", "-s", String(scale), ...connection(port)], 600_000);
  }

  /**
   * Runs a workload.
   *
   * @throws {PgbenchError} also when single clients were thrown out.
   */
  async measure(port: number, workload: Workload, seconds: number): Promise<PgbenchResult> {
    const rate = Math.min(1, MOST_LATENCIES / (FASTEST * seconds));
    const logs = mkdtempSync(join(this.dir, "log-"));
    try {
      const output = await this.#run([
        ...workloadArguments(workload),
        ...["-T", String(seconds), "--log", "--log-prefix", join(logs, "log")],
        ...(rate < 1 ? ["--sampling-rate", String(rate)] : []),
        ...connection(port),
      ], seconds * 1000 + GRACE_MS);
      const times = readdirSync(logs).flatMap((name) =>
        parseLatencies(readFileSync(join(logs, name), "utf8"))
      );
      const sorted = Float64Array.from(times).sort();
      return {
        ...parseReport(output),
        p50: percentile(sorted, 0.5) / 1000,
        p99: percentile(sorted, 0.99) / 1000,
      };
    } finally {
      rmSync(logs, { recursive: true, force: true });
    }
  }

  /** Runs a number of transactions, at least that many. */
  async repeat(port: number, workload: Workload, transactions: number): Promise<PgbenchReport> {
    const each = String(Math.ceil(transactions / workload.clients));
    const output = await this.#run(
      [...workloadArguments(workload), "-t", each, ...connection(port)],
      transactions * 10 + GRACE_MS,
    );
    return parseReport(output);
  }

  async #run(args: readonly string[], deadlineMs: number): Promise<string> {
    this.signal.throwIfAborted();
    const child = Bun.spawn({
      cmd: ["setpriv", "--pdeathsig", "KILL", "--", this.program, ...args],
      cwd: this.dir,
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C.UTF-8", HOME: "/" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const kill = () => sendSignal(child.pid, "SIGKILL");
    const forget = onCleanUp(kill);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      kill();
    }, deadlineMs);
    try {
      const [status, output, errors] = await Promise.all([
        child.exited,
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      this.signal.throwIfAborted();
      if (late) throw new PgbenchError(`pgbench has not ended within ${deadlineMs / 1000} s`);
      if (status !== 0) throw new PgbenchError(firstError(errors) || `pgbench ended: ${status}`);
      return output;
    } finally {
      clearTimeout(timer);
      forget();
    }
  }
}

function workloadArguments(workload: Workload): string[] {
  const threads = Math.min(workload.clients, availableParallelism());
  return [
    ...["-n", "-b", workload.script, "-M", workload.mode],
    ...["-c", String(workload.clients), "-j", String(threads)],
    ...(workload.reconnect ? ["-C"] : []),
  ];
}

function connection(port: number): string[] {
  return ["-h", HOST, "-p", String(port), "-U", SUPERUSER, DATABASE];
}

/** The first thing that went wrong; what follows are mostly its consequences. */
function firstError(errors: string): string {
  const lines = errors.split("\n").filter((line) => /error:|FATAL|ERROR/.test(line));
  return (lines[0] ?? errors.trimEnd().split("\n").at(-1) ?? "").slice(0, 200);
}
