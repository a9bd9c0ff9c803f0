/** What processes cost, as Linux accounts for it in /proc (proc(5)). */
import { readdirSync, readFileSync } from "node:fs";
import { descendants } from "../../tests/support/server-process.ts";

const KIB = 1024;

export interface Memory {
  /** Bytes in physical memory, shared pages divided among those who share them. */
  readonly pss: number;
  /** Bytes in physical memory, shared pages counted in every process. */
  readonly rss: number;
}

/** A process and all below it. */
export function family(pid: number): number[] {
  return [pid, ...descendants(pid)];
}

/**
 * CPU time that the processes have taken so far, in microseconds, with that of children that have
 * ended. The kernel tells it in ticks of usually 10 ms.
 */
export function cpuTime(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ticksOf(read(pid, "stat")), 0) * tickMicros();
}

/** Columns 14 to 17 of /proc/PID/stat: utime, stime, cutime, cstime; 0 of a process that is gone. */
export function ticksOf(stat: string): number {
  // The second column, the name, may hold blanks and brackets.
  const columns = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return columns.slice(11, 15).reduce((sum, column) => sum + Number(column), 0);
}

/** Memory of all the processes together. */
export function memory(pids: readonly number[]): Memory {
  const all = pids.map((pid) => memoryOf(read(pid, "smaps_rollup")));
  return {
    pss: all.reduce((sum, { pss }) => sum + pss, 0),
    rss: all.reduce((sum, { rss }) => sum + rss, 0),
  };
}

/** Reads /proc/PID/smaps_rollup; nothing of a process that is gone. */
export function memoryOf(rollup: string): Memory {
  const bytes = (name: string) => {
    const [, kib = "0"] = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(rollup) ?? [];
    return Number(kib) * KIB;
  };
  return { pss: bytes("Pss"), rss: bytes("Rss") };
}

/** How many files each of the processes has open, the most of any of them. */
export function mostOpenFiles(pids: readonly number[]): number {
  return Math.max(...pids.map((pid) => readdirSync(`/proc/${pid}/fd`).length));
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return ""; // It has ended meanwhile.
  }
}

let tick: number | undefined;

function tickMicros(): number {
  return tick ??= 1e6 / Number(Bun.spawnSync(["getconf", "CLK_TCK"]).stdout.toString());
}
