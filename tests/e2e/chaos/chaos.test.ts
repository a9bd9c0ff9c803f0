/** Clients write and read while servers, workers and the network between them fail at random. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { describeStep, makeSchedule } from "../../chaos/schedule.ts";
import { type ChaosPool, startChaosPool } from "./pool.ts";
import { describeResult, runSchedule } from "./run.ts";

const FIRST_SEED = 1;
const SCHEDULES = 20;

let pool: ChaosPool;

beforeAll(async () => {
  pool = await startChaosPool();
}, 60_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

describe("whatever fails, all promises to clients are kept", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
    const schedule = makeSchedule(seed);
    it(`seed ${seed}: ${schedule.steps.map(describeStep).join(", ")}`, async () => {
      const result = await runSchedule(pool, schedule);
      if (result.broken !== "") {
        process.stderr.write(`${result.log}\n${describeResult(result)}\n`);
        // What a broken run has left behind says nothing about the next one.
        await pool[Symbol.asyncDispose]();
        pool = await startChaosPool();
      }
      expect(result.broken).toBe("");
    }, 180_000);
  }
});
