/** What a person reads at the end. */
import type { GrowthResult } from "./growth.ts";
import type { IdleResult } from "./idle.ts";
import type { Machine } from "./machine.ts";
import type { RoutingResult } from "./routing.ts";
import type { Line } from "./summary.ts";

const MB = 1024 * 1024;
const KB = 1024;

const COLUMNS: readonly (readonly [string, (line: Line) => string])[] = [
  ["workload", ({ workload }) => workload],
  ["target", ({ target }) => target],
  ["tps", ({ figures }) => fixed(figures.tps, 0)],
  ["x direct", ({ ofDirect }) => fixed(ofDirect, 2)],
  ["x relay", ({ ofRelay }) => fixed(ofRelay, 2)],
  ["p50 ms", ({ figures }) => fixed(figures.p50, 3)],
  ["p99 ms", ({ figures }) => fixed(figures.p99, 3)],
  ["CPU us/tx", ({ figures, target }) => target === "direct" ? "" : fixed(figures.cpu, 1)],
  ["x relay", ({ cpuOfRelay, target }) => target === "direct" ? "" : fixed(cpuOfRelay, 2)],
  ["PSS MB", ({ figures, target }) => target === "direct" ? "" : fixed(figures.pss / MB, 0)],
  ["RSS MB", ({ figures, target }) => target === "direct" ? "" : fixed(figures.rss / MB, 0)],
  ["errors", ({ errors, figures }) => troubles(errors.length, figures.failed)],
];

/** Columns of text; the others are numbers. */
const TEXTS = 2;

/** The table, a blank line between workloads, and what went wrong in it. */
export function formatLines(lines: readonly Line[]): string {
  const cells = lines.map((line) => COLUMNS.map(([, show]) => show(line)));
  const heading = COLUMNS.map(([name]) => name);
  const widths = heading.map((name, i) =>
    Math.max(name.length, ...cells.map((row) => row[i]?.length ?? 0))
  );
  const print = (row: readonly string[]) =>
    row.map((cell, i) => i < TEXTS ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))
      .join("  ").trimEnd();
  const text = [print(heading), widths.map((width) => "-".repeat(width)).join("  ")];
  for (const [i, row] of cells.entries()) {
    if (i > 0 && lines[i]?.workload !== lines[i - 1]?.workload) text.push("");
    text.push(print(row));
  }
  for (const { workload, target, errors } of lines) {
    for (const error of new Set(errors)) text.push(`\nfailed: ${workload} ${target}: ${error}`);
  }
  return `${text.join("\n")}\n`;
}

export function formatMachine({ cores, cpu, memory, kernel, versions }: Machine): string {
  const programs = Object.entries(versions).map(([name, version]) => `  ${name}: ${version}\n`);
  return `${cores} cores (${cpu}), ${fixed(memory / MB / KB, 0)} GB, Linux ${kernel}\n` +
    programs.join("");
}

export function formatIdle({ clients, processes, before, loggedIn, used }: IdleResult): string {
  const stages = { "no clients": before, "logged in": loggedIn, "each has run a query": used };
  const lines = Object.entries(stages).map(([stage, { pss, rss }]) =>
    `  ${stage.padEnd(20)}  PSS ${fixed(pss / MB, 1)} MB  RSS ${fixed(rss / MB, 1)} MB` +
    (stage === "no clients" ? "" : `  ${fixed((pss - before.pss) / clients / KB, 1)} KB a client`)
  );
  return `${clients} idle clients, ${processes} processes of pgpool together:\n${
    lines.join("\n")
  }\n`;
}

export function formatGrowth({ transactions, memory }: GrowthResult): string {
  const list = memory.map(({ pss }) => fixed(pss / MB, 1)).join(" ");
  return `${transactions} transactions, PSS of all processes in MB before and on the way:\n  ` +
    `${list}\n`;
}

export function formatRouting(results: readonly RoutingResult[]): string {
  const lines = results.map(({ statement, bytes, micros }) =>
    `  ${statement.padEnd(20)}  ${String(bytes).padStart(4)} bytes  ${fixed(micros, 3)} us`
  );
  return `classification of a statement seen before:\n${lines.join("\n")}\n`;
}

function troubles(runs: number, transactions: number): string {
  if (runs === 0 && transactions === 0) return "";
  return runs > 0 ? `${runs} runs` : `${transactions} tx`;
}

/** `-` for what there is no figure of. */
export function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "-";
}
