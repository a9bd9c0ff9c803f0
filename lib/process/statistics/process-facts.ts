import { readFileSync } from "node:fs";
import type { ProcessStatistics } from "../../pcp/statistics.ts";

/** Ticks a second in which Linux counts time on processors, the same on all its platforms. */
const TICKS_PER_SECOND = 100;

/** What the operating system tells of a process, undefined when it is gone. */
export function processFacts(pid: number): ProcessStatistics | undefined {
  let stat: string;
  let status: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    status = readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return undefined;
  }
  // The name of the program stands in parentheses and may hold anything; state is next.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? "0";
  return {
    pid,
    cpuSeconds: (user + system) / TICKS_PER_SECOND,
    residentBytes: Number(resident) * 1024,
  };
}
