/** Health checks of simulated servers. */
import { describe, expect, it } from "bun:test";
import type { ProbeOutcome } from "../../lib/cluster/facts.ts";
import type { HealthCheckSettings } from "../../lib/cluster/settings.ts";
import { world } from "./service-world.ts";
import {
  answer,
  backend,
  healthCheck,
  NO_PASSWORD,
  NOT_READY,
  REFUSED,
  settings,
  standbyFacts,
  TIMEOUT,
  turns,
} from "./world.ts";

/** A world whose standby is checked every ten seconds; the first check is over. */
async function checked(change: Partial<HealthCheckSettings> = {}) {
  const made = world({ srCheckPeriod: 0, healthChecks: new Map([[1, healthCheck(change)]]) });
  await made.service.start();
  await made.clock.advance(0);
  made.log.length = 0;
  return { ...made, stats: () => made.service.healthCheckStats(1) };
}

describe("a health check", () => {
  it("is made every health_check_period and counted", async () => {
    const { clock, stats, texts } = await checked();
    await clock.advance(30_000);
    const now = Math.floor(clock.now() / 1000);
    expect(stats()).toEqual({
      total: 4,
      success: 4,
      fail: 0,
      skip: 0,
      retry: 0,
      maxRetry: 0,
      maxDuration: 0,
      minDuration: 0,
      averageDuration: 0,
      last: now,
      lastSuccess: now,
      lastSkip: 0,
      lastFail: 0,
      failures: {},
    });
    expect(texts()).toEqual([]);
  });

  it("takes out a node that does not answer, and counts what it skips then", async () => {
    const { clock, stats, servers, statuses, texts } = await checked();
    servers.answers.set(1, TIMEOUT);
    await clock.advance(10_000);
    expect(statuses()).toBe("waiting down");
    expect(texts().slice(0, 2)).toEqual([
      "health check failed on node 1 (timeout:1)",
      "=== Starting degeneration. shutdown host localhost(11003) ===",
    ]);
    await clock.advance(20_000);
    expect(stats()).toMatchObject({
      total: 4,
      success: 1,
      fail: 1,
      skip: 2,
      lastFail: stats().last - 20,
    });
    expect(stats().failures).toEqual({ timeout: 1 });
  });

  it("is tried again as often as health_check_max_retries says", async () => {
    const { clock, stats, servers, statuses, texts } = await checked({
      maxRetries: 3,
      retryDelay: 2,
    });
    servers.answers.set(1, REFUSED);
    await clock.advance(15_000);
    servers.answers.set(1, answer(standbyFacts(0)));
    await clock.advance(1000);
    expect(texts()).toEqual([
      "health check retrying on DB node: 1 (round:1)",
      "health check retrying on DB node: 1 (round:2)",
      "health check retrying on DB node: 1 (round:3)",
      "health check retrying on DB node: 1 succeeded",
    ]);
    expect(statuses()).toBe("waiting waiting");
    expect(stats()).toMatchObject({
      total: 2,
      success: 2,
      retry: 3,
      maxRetry: 3,
      maxDuration: 6000,
      minDuration: 0,
      averageDuration: 3000,
    });
  });

  it("gives up when its retries are used up", async () => {
    const { clock, stats, servers, statuses, texts } = await checked({
      maxRetries: 2,
      retryDelay: 1,
    });
    servers.answers.set(1, REFUSED);
    await clock.advance(12_000);
    expect(texts()[2]).toBe("health check failed on node 1 (timeout:0)");
    expect([statuses(), stats().retry, stats().fail]).toEqual(["waiting down", 2, 1]);
  });

  it("tells in the log and in the figures what was wrong", async () => {
    const outcomes: [ProbeOutcome, RegExp][] = [
      [{ kind: "timeout" }, /accepts connections but does not answer/],
      [{ kind: "connect-timeout" }, /no answer to the attempt to connect/],
      [{ kind: "not-postgresql" }, /not a PostgreSQL server/],
      [{ kind: "refused", code: "ECONNREFUSED" }, /connection refused/],
      [NOT_READY, /takes no connections now \(57P03\): starting up/],
      [{ kind: "shutting-down" }, /is shutting down/],
      [{ kind: "auth-failed", code: "28P01", message: "no" }, /does not let the user in/],
    ];
    for (const [outcome, text] of outcomes) {
      const { clock, stats, servers, log } = await checked();
      servers.answers.set(1, outcome);
      await clock.advance(10_000);
      expect(stats().failures).toEqual({ [outcome.kind]: 1 });
      expect(log[0]?.detail).toMatch(text);
    }
  });

  it("does not take out a server that only refuses the check's user", async () => {
    const { clock, servers, statuses, log } = await checked();
    servers.answers.set(1, NO_PASSWORD);
    await clock.advance(10_000);
    expect(statuses()).toBe("waiting waiting");
    expect(log[0]).toMatchObject({
      severity: "warning",
      text: "health check on node 1 is refused, but the server lives",
    });
  });

  it("gives a primary that recovers from a crash its time", async () => {
    const made = world({ healthChecks: new Map([[0, healthCheck({ period: 3 })]]) });
    await made.service.start();
    await made.clock.advance(1000);
    made.servers.answers.set(0, NOT_READY);
    await made.clock.advance(9000);
    expect(made.statuses()).toBe("waiting waiting");
    await made.clock.advance(4000);
    expect(made.statuses()).toBe("down waiting");
  });

  it("only warns where failover is disallowed", async () => {
    const made = world({
      backends: [backend(0), backend(1, { allowToFailover: false })],
      healthChecks: new Map([[1, healthCheck()]]),
    });
    await made.service.start();
    await made.clock.advance(0);
    made.servers.answers.set(1, REFUSED);
    await made.clock.advance(10_000);
    expect(made.statuses()).toBe("waiting waiting");
    expect(made.texts()).toContain(
      "health check failed on node 1 but failover is disallowed for the node",
    );
  });

  it("takes a node for dead when a tester asks for it", async () => {
    const { clock, downRequests, texts, stats } = await checked({ maxRetries: 5 });
    downRequests.add(1);
    await clock.advance(10_000);
    expect(texts()).toContain("=== Starting degeneration. shutdown host localhost(11003) ===");
    expect(stats()).toMatchObject({ retry: 0, failures: { "test-request": 1 } });
  });

  it("can be turned off and on by a reload", async () => {
    const { clock, service, stats } = await checked();
    service.reload(settings());
    await clock.advance(60_000);
    expect(stats().total).toBe(1);
    service.reload(settings({ healthChecks: new Map([[1, healthCheck({ period: 5 })]]) }));
    await clock.advance(5000);
    expect(stats().total).toBe(3);
  });

  it("that ends after the node's status changed decides nothing", async () => {
    const made = await checked();
    const asked = Promise.withResolvers<void>();
    made.servers.login = async () => {
      await asked.promise;
      return REFUSED;
    };
    await made.clock.advance(10_000);
    await made.clock.advance(1);
    await made.service.detach(1);
    await made.service.attach(1);
    asked.resolve();
    await turns();
    expect(made.statuses()).toBe("waiting waiting");
  });
});
