/**
 * Through the pool a client gets what it gets directly: the same messages in the same order, with
 * one server and with a primary and a standby that serves the reads.
 */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import fc from "fast-check";
import { waitFor } from "../../support/wait.ts";
import { compare } from "./compare.ts";
import { CORPUS } from "./corpus/mod.ts";
import { randomScript, randomScriptForTwoServers, randomTopic } from "./random-scripts.ts";
import { type Answered, run } from "./run.ts";
import { messageType, type Script, toExchange, type Topic } from "./script.ts";
import { Servers } from "./servers.ts";

/** More find more: `PGPOOL_RANDOM_SESSIONS=2000` for a night, with a seed drawn anew. */
const RANDOM_SESSIONS = Number(process.env["PGPOOL_RANDOM_SESSIONS"] ?? 40);
/** The test run is the same each time, so that what it finds is the change's doing. */
const SEED = process.env["PGPOOL_RANDOM_SESSIONS"] === undefined ? { seed: 20_261_124 } : {};

let servers: Servers;

beforeAll(async () => {
  servers = await Servers.start();
}, 120_000);

afterAll(async () => {
  await servers?.[Symbol.asyncDispose]();
});

describe("the corpus", () => {
  it("has at least 300 simple statements and 100 extended sequences", () => {
    const exchanges = CORPUS.flatMap(({ scripts }) => scripts)
      .flatMap(({ steps }) => steps.map(toExchange));
    const count = (type: string) =>
      exchanges.filter(({ send }) => send.some((bytes) => messageType(bytes) === type)).length;
    expect(count("Q")).toBeGreaterThanOrEqual(300);
    expect(count("S")).toBeGreaterThanOrEqual(100);
  });
});

for (const topic of CORPUS) {
  describe(topic.name, () => {
    const direct = new Map<Script, Answered[]>();

    beforeAll(async () => {
      await servers.prepare(topic);
      for (const script of topic.scripts) {
        direct.set(script, await run(script, servers.targets.direct, topic.name));
      }
    });

    for (const pool of ["single", "replicated"] as const) {
      describe(pool === "single" ? "one server" : "primary and standby", () => {
        for (const script of topic.scripts) {
          if (pool === "replicated" && script.onlyWithOneServer !== null) continue;
          it(script.name, async () => await sameAsDirectly(topic, script, pool, direct));
        }
      });
    }
  });
}

describe("random sessions", () => {
  beforeAll(async () => await servers.prepare(randomTopic));

  const scripts = { single: randomScript, replicated: randomScriptForTwoServers };
  for (const pool of ["single", "replicated"] as const) {
    it(pool === "single" ? "one server" : "primary and standby", async () => {
      const { direct, [pool]: pooled } = servers.targets;
      await fc.assert(
        fc.asyncProperty(scripts[pool], async (script) => {
          const expected = await run(script, direct, randomTopic.name);
          const got = await run(script, pooled, randomTopic.name);
          compare(script.name, [direct.name, pooled.name], [expected, got]);
        }),
        { ...SEED, numRuns: RANDOM_SESSIONS, interruptAfterTimeLimit: 20_000 },
      );
    });
  }
});

it("the standby has served reads", async () => {
  const standby = servers.replicated.server(1);
  await waitFor(async () => {
    const [row] = await standby.query(
      `SELECT sum(xact_commit)::int AS served FROM pg_stat_database
       WHERE datname = ANY ($1::text[])`,
      [`{${CORPUS.map(({ name }) => name).join(",")}}`],
    );
    return Number(row?.["served"]) > 200;
  }, { what: "reads to be counted on the standby" });
});

async function sameAsDirectly(
  topic: Topic,
  script: Script,
  pool: "single" | "replicated",
  direct: ReadonlyMap<Script, readonly Answered[]>,
): Promise<void> {
  const expected = direct.get(script);
  if (expected === undefined) throw new Error(`${script.name} has not run directly`);
  const target = servers.targets[pool];
  const got = await run(script, target, topic.name);
  compare(script.name, [servers.targets.direct.name, target.name], [expected, got]);
}
