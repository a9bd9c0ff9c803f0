/** The figures that this project has set itself to reach. */
import type { GrowthResult } from "./growth.ts";
import type { IdleResult } from "./idle.ts";
import { fixed } from "./report.ts";
import type { RoutingResult } from "./routing.ts";
import type { Line } from "./summary.ts";

const MB = 1e6;
const IDLE_CLIENTS = 10_000;
/** Heaps breathe: less than this is not growth. */
const BREATH = 0.05;

export interface Results {
  readonly lines: readonly Line[];
  readonly idle: IdleResult | null;
  readonly growth: GrowthResult | null;
  readonly routing: readonly RoutingResult[];
}

export interface Goal {
  readonly what: string;
  readonly limit: number;
  readonly value: number;
  readonly reached: boolean;
}

/** The goals for which there are figures. */
export function judge(results: Results): Goal[] {
  const goals: [string, number, number][] = [
    ["CPU/tx, select-simple-16: pgpool / relay", 1.3, ratio(results, "simple", "relay")],
    ["CPU/tx, select-extended-16: pgpool / relay", 1.5, ratio(results, "extended", "relay")],
    ["CPU/tx, select-simple-16: pgpool / pgpool2", 0.5, ratio(results, "simple", "pgpool2")],
    ["CPU/tx, select-extended-16: pgpool / pgpool2", 0.5, ratio(results, "extended", "pgpool2")],
    [`MB for ${IDLE_CLIENTS} idle clients`, 150, idle(results.idle)],
    ["memory after the transactions / before", 1 + BREATH, growth(results.growth)],
    ["us to classify a known statement", 2, Math.max(...results.routing.map((one) => one.micros))],
  ];
  return goals.filter(([, , value]) => Number.isFinite(value)).map(([what, limit, value]) => ({
    what,
    limit,
    value,
    reached: value <= limit,
  }));
}

export function formatGoals(goals: readonly Goal[]): string {
  return goals.map(({ what, limit, value, reached }) =>
    `  ${reached ? "reached" : "MISSED "}  ${what}: ${fixed(value, 2)} (at most ${limit})\n`
  ).join("");
}

function ratio({ lines }: Results, mode: string, peer: string): number {
  const cpu = (target: string) =>
    lines.find((line) => line.workload === `select-${mode}-16` && line.target === target)?.figures
      .cpu ?? NaN;
  return cpu("pgpool") / cpu(peer);
}

function idle(result: IdleResult | null): number {
  if (result === null || result.clients < IDLE_CLIENTS) return NaN;
  return Math.max(result.loggedIn.pss, result.used.pss) / MB;
}

/** The lowest of the last figures against the first: a leak is still there when a heap is tidy. */
function growth(result: GrowthResult | null): number {
  const [first, ...later] = result?.memory ?? [];
  if (first === undefined) return NaN;
  return Math.min(...later.slice(-3).map(({ pss }) => pss)) / first.pss;
}
