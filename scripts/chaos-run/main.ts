/** scripts/chaos: random faults under load, and whether pgpool keeps its promises. */
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import { Command, InvalidArgumentError } from "commander";
import { makeSchedule } from "../../tests/chaos/schedule.ts";
import { type ChaosPool, startChaosPool } from "../../tests/e2e/chaos/pool.ts";
import { describeResult, type Result, runSchedule } from "../../tests/e2e/chaos/run.ts";
import { cleanUp } from "../../tests/support/clean-up.ts";

const DESCRIPTION =
  `Starts a PostgreSQL 18 primary with standbys, the first of them synchronous, behind pgpool, lets \
clients write and read through it while servers are killed, stopped and cut off at random, and \
checks that no acknowledged write is lost, none is done twice, no read shows the future and nobody \
hangs. The same seed gives the same faults.`;

interface ChaosOptions {
  readonly schedules: number;
  readonly seed: number;
  readonly standbys: number;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function parseOptions(args: readonly string[]): ChaosOptions {
  const { seed, ...others } = new Command("chaos")
    .description(DESCRIPTION)
    .option("--schedules <n>", "how many schedules to run", wholeNumber, 20)
    .option("--seed <n>", "seed of the first one; those that follow count on", wholeNumber)
    .option(
      "--standbys <n>",
      "1 or 2; with 2 the other one has to follow a new primary",
      oneOrTwo,
      1,
    )
    .parse([...args], { from: "user" })
    .opts<{ schedules: number; standbys: number; seed?: number }>();
  return { ...others, seed: seed ?? randomInt(1_000_000_000) };
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It is a whole number.");
  return Number(text);
}

function oneOrTwo(text: string): number {
  if (!/^[12]$/.test(text)) throw new InvalidArgumentError("It is 1 or 2.");
  return Number(text);
}

/** Runs all schedules. @returns how many broke a promise */
async function run({ schedules, seed, standbys }: ChaosOptions): Promise<number> {
  let broken = 0;
  let pool = await startChaosPool(standbys);
  for (let next = seed; next < seed + schedules; next++) {
    const result = await runOne(pool, next);
    if (result.broken === "") continue;
    broken++;
    // What a broken run has left behind says nothing about the next one.
    await pool[Symbol.asyncDispose]();
    pool = await startChaosPool(standbys);
  }
  await pool[Symbol.asyncDispose]();
  return broken;
}

async function runOne(pool: ChaosPool, seed: number): Promise<Result> {
  say(`seed ${seed}`);
  const result = await runSchedule(pool, makeSchedule(seed), (text) => say(`  ${text}`));
  say(`  ${describeResult(result)}`);
  if (result.broken !== "") {
    const log = `chaos-${seed}.log`;
    writeFileSync(log, result.log);
    say(`  ${result.broken}\n  the log of pgpool is in ${log}`);
  }
  return result;
}

const options = parseOptions(process.argv.slice(2));
try {
  const broken = await run(options);
  process.stdout.write(`${options.schedules - broken} schedules passed, ${broken} failed\n`);
  process.exitCode = broken === 0 ? 0 : 1;
} finally {
  await cleanUp();
}
