import { Command, InvalidArgumentError } from "commander";
import { isNamed, type Workload, WORKLOADS } from "./workloads.ts";

/** Names of what is measured, in the order of the table. */
export const TARGETS = [
  "direct",
  "relay",
  "pgpool",
  "pgbouncer",
  "pgpool2",
  "relay-1",
  "pgpool-1",
] as const;

export type TargetName = (typeof TARGETS)[number];

export interface BenchOptions {
  readonly seconds: number;
  readonly rounds: number;
  /** Empty when the table is not asked for. */
  readonly workloads: readonly Workload[];
  readonly targets: readonly TargetName[];
  /** File for all figures, null for none. */
  readonly json: string | null;
  /** Idle clients, 0 to leave it out. */
  readonly idle: number;
  /** Transactions, 0 to leave it out. */
  readonly growth: number;
  readonly routing: boolean;
}

const DEFAULT_IDLE = 10_000;
const DEFAULT_GROWTH = 1_000_000;
const DEFAULT_ROUNDS = 3;
const DEFAULT_SECONDS = 2;

const DESCRIPTION = `Measures pgpool beside a raw byte relay on the same runtime, PgBouncer, \
Pgpool-II and no pooler at all, in front of a PostgreSQL 18 primary with one standby, all on this \
machine. Without --only, --idle, --growth and --routing everything is measured, in about 13 \
minutes; with some of them only what they name.`;

const AFTER = `
Workloads: ${WORKLOADS.map(({ name }) => name).join(", ")}.
A part of a name stands for all that have it: select, 16, tpcb-prepared.
Targets: ${TARGETS.join(", ")} (-1: one worker process).

The table goes to standard output, progress to standard error. Programs that are missing are
fetched from Debian's packages; what cannot be had is left out, and the output says so.`;

/** Reads the arguments of scripts/bench. A wrong one ends the process with a message, status 2. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const command = new Command("bench")
    .description(DESCRIPTION)
    .option("--quick", "about 2 minutes: one round of 1 second each, and the cost of routing")
    .option("--seconds <n>", `length of each run (${DEFAULT_SECONDS})`, atLeastOne)
    .option("--rounds <n>", `runs of each target and workload (${DEFAULT_ROUNDS})`, atLeastOne)
    .option("--only <names>", "the table with these targets and workloads, separated by commas")
    .option("--json <file>", "write every figure and facts about the machine to a file")
    .option("--idle [n]", `memory with n idle clients (${DEFAULT_IDLE})`, atLeastOne)
    .option(
      "--growth [n]",
      `memory before and after n transactions (${DEFAULT_GROWTH})`,
      atLeastOne,
    )
    .option("--routing", "time to classify a statement that was seen before")
    .helpOption("-h, --help", "this text")
    .addHelpText("after", AFTER)
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse([...args], { from: "user" });
  const given: Given = command.opts();
  const chosen = [given.only, given.idle, given.growth, given.routing].some((one) =>
    one !== undefined
  );
  const everything = !chosen;
  const quick = given.quick === true;
  const names = only(given.only, (message) => command.error(`error: ${message}`));
  return {
    seconds: given.seconds ?? (quick ? 1 : DEFAULT_SECONDS),
    rounds: given.rounds ?? (quick ? 1 : DEFAULT_ROUNDS),
    workloads: everything || given.only !== undefined ? names.workloads : [],
    targets: names.targets,
    json: given.json ?? null,
    idle: amount(given.idle, DEFAULT_IDLE, everything && !quick),
    growth: amount(given.growth, DEFAULT_GROWTH, everything && !quick),
    routing: everything || given.routing === true,
  };
}

/** What commander gives for the options above. */
interface Given {
  readonly quick?: boolean;
  readonly seconds?: number;
  readonly rounds?: number;
  readonly only?: string;
  readonly json?: string;
  /** true without a number */
  readonly idle?: number | true;
  readonly growth?: number | true;
  readonly routing?: boolean;
}

function amount(given: number | true | undefined, usual: number, byDefault: boolean): number {
  if (given === true) return usual;
  return given ?? (byDefault ? usual : 0);
}

function atLeastOne(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError("It needs a number from 1.");
  return value;
}

/** The targets and workloads that --only names; of the kind that it does not name, all. */
function only(list: string | undefined, fail: (message: string) => never) {
  const words = (list ?? "").split(",").map((word) => word.trim()).filter((word) => word !== "");
  const isTarget = (word: string) => TARGETS.some((target) => target === word);
  for (const word of words) {
    if (isTarget(word) || WORKLOADS.some((workload) => isNamed(workload, word))) continue;
    fail(`"${word}" of --only is neither a target nor a workload (see --help)`);
  }
  const targets = TARGETS.filter((target) => words.includes(target));
  const workloadWords = words.filter((word) => !isTarget(word));
  return {
    targets: targets.length > 0 ? targets : TARGETS,
    workloads: workloadWords.length === 0
      ? WORKLOADS
      : WORKLOADS.filter((each) => workloadWords.some((word) => isNamed(each, word))),
  };
}
