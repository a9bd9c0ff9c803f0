/** Clients write and read while servers, workers and the network between them fail at random. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { describeStep, makeSchedule } from "../../chaos/schedule.ts";
import { type ChaosPool, startChaosPool } from "./pool.ts";
import { describeResult, runSchedule } from "./run.ts";

const CLUSTERS = [
  { standbys: 1, seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
  { standbys: 2, seeds: [13, 14, 15, 16, 17, 18, 19, 20] },
];

describe.each(CLUSTERS)(
  "whatever fails, all promises to clients are kept, with $standbys standbys",
  ({ standbys, seeds }) => {
    let pool: ChaosPool;

    beforeAll(async () => {
      pool = await startChaosPool(standbys);
    }, 60_000);

    afterAll(async () => {
      await pool?.[Symbol.asyncDispose]();
    });

    for (const seed of seeds) {
      const schedule = makeSchedule(seed);
      it(`seed ${seed}: ${schedule.steps.map(describeStep).join(", ")}`, async () => {
        const result = await runSchedule(pool, schedule);
        if (result.broken !== "") {
          process.stderr.write(`${result.log}\n${describeResult(result)}\n`);
          // What a broken run has left behind says nothing about the next one.
          await pool[Symbol.asyncDispose]();
          pool = await startChaosPool(standbys);
        }
        expect(result.broken).toBe("");
      }, 180_000);
    }
  },
);
