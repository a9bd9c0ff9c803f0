/** Nodes that are down and answer again. */
import { describe, expect, it } from "bun:test";
import type { ClusterSettings } from "../../lib/cluster/settings.ts";
import { world } from "./service-world.ts";
import { answer, healthCheck, primaryFacts, REFUSED, standbyFacts, turns } from "./world.ts";

const STREAMING = [{
  applicationName: "server1",
  state: "streaming",
  syncState: "async",
  replayLag: null,
}];

/** A world that has been started; node 1 streams from node 0. */
async function started(change: Partial<ClusterSettings> = {}) {
  const made = world(change);
  made.servers.answers.set(0, answer(primaryFacts({ replicas: STREAMING })));
  await made.service.start();
  await made.clock.advance(0);
  made.log.length = 0;
  const fail = async (node: number) => {
    made.servers.answers.set(node, REFUSED);
    made.complain(node);
    await turns();
  };
  return { ...made, fail };
}

describe("a node that failed", () => {
  it("stays down without auto_failback, as in Pgpool-II", async () => {
    const { servers, fail, clock, statuses, service } = await started();
    await fail(1);
    servers.answers.set(1, answer(standbyFacts(0)));
    await clock.advance(600_000);
    expect(statuses()).toBe("waiting down");
    await service.attach(1);
    expect(statuses()).toBe("waiting waiting");
  });

  it("is used again with auto_failback when it streams from the primary", async () => {
    const { servers, fail, clock, statuses, texts } = await started({ autoFailback: true });
    await fail(1);
    await clock.advance(4000);
    servers.answers.set(1, answer(standbyFacts(0)));
    await clock.advance(6000);
    expect(statuses()).toBe("waiting waiting");
    const at = texts().indexOf("request auto failback, node id:1");
    expect(texts().slice(at)).toEqual([
      "request auto failback, node id:1",
      "=== Starting fail back. reconnect host localhost(11003) ===",
      "find_primary_node_repeatedly: waiting for finding a primary node",
      "find_primary_node: primary node is 0",
      "find_primary_node: standby node is 1",
      "failover: set new primary node: 0",
      "failover: set new main node: 0",
      "=== Failback done. reconnect host localhost(11003) ===",
    ]);
  });

  it("is not used while it streams from nobody", async () => {
    const { servers, fail, clock, statuses, log } = await started({ autoFailback: true });
    await fail(1);
    servers.answers.set(0, answer(primaryFacts({ replicas: [] })));
    servers.answers.set(1, answer(standbyFacts(0, { receiver: null })));
    await clock.advance(60_000);
    expect(statuses()).toBe("waiting down");
    expect(log.filter(({ text }) => text === "node 1 answers again but is not used")).toEqual([
      expect.objectContaining({ detail: "It does not stream from the primary, node 0." }),
    ]);
  });

  it("waits for auto_failback_interval after its last automatic return", async () => {
    const healthChecks = new Map([[1, healthCheck({ period: 10 })]]);
    const { servers, fail, clock, statuses, service } = await started({
      autoFailback: true,
      autoFailbackInterval: 60,
      healthChecks,
    });
    await fail(1);
    servers.answers.set(1, answer(standbyFacts(0)));
    await clock.advance(10_000);
    expect(statuses()).toBe("waiting waiting");
    await clock.advance(1000);
    await fail(1);
    servers.answers.set(1, answer(standbyFacts(0)));
    await clock.advance(59_500);
    expect(statuses()).toBe("waiting down");
    await clock.advance(9500);
    expect(statuses()).toBe("waiting waiting");
    expect(service.healthCheckStats(1).skip).toBeGreaterThan(5);
  });

  it("is not used while it claims to be a second primary", async () => {
    const { servers, fail, clock, statuses, service, log } = await started({ autoFailback: true });
    servers.answers.set(1, answer(primaryFacts({ timeline: 2 })));
    await fail(0);
    await clock.advance(2000);
    expect(service.snapshot().primary).toBe(1);
    servers.answers.set(0, answer(primaryFacts({ timeline: 1 })));
    await clock.advance(20_000);
    expect([statuses(), service.snapshot().primary]).toEqual(["down waiting", 1]);
    expect(log.filter(({ text }) => text === "node 0 answers again but is not used")).toEqual([
      expect.objectContaining({
        detail: "It claims to be a primary, and node 1 is the primary.",
      }),
    ]);
  });

  it("is not used as a primary of the past even when there is no other", async () => {
    const { servers, fail, clock, statuses, service } = await started({ autoFailback: true });
    servers.answers.set(1, answer(primaryFacts({ timeline: 2 })));
    await fail(0);
    await clock.advance(2000);
    await fail(1);
    servers.answers.set(0, answer(primaryFacts({ timeline: 1 })));
    await clock.advance(20_000);
    expect([statuses(), service.snapshot().primary]).toEqual(["down down", -1]);
    await service.attach(0);
    expect([statuses(), service.snapshot().primary]).toEqual(["waiting down", 0]);
  });

  it("is the primary again after an outage of everything, with auto_failback", async () => {
    const { servers, fail, clock, statuses, service } = await started({ autoFailback: true });
    for (const id of [0, 1]) await fail(id);
    await clock.advance(1000);
    expect(statuses()).toBe("down down");
    servers.answers.set(0, answer(primaryFacts({ replicas: STREAMING })));
    servers.answers.set(1, answer(standbyFacts(0)));
    await clock.advance(20_000);
    expect([statuses(), service.snapshot().primary]).toEqual(["waiting waiting", 0]);
  });

  it("is not the primary again once failover_command was to promote another", async () => {
    const { servers, fail, clock, statuses, commands } = await started({
      autoFailback: true,
      failoverCommand: "promote",
      searchPrimaryNodeTimeout: 5,
    });
    await fail(0);
    await commands.end();
    await fail(1);
    await commands.end();
    servers.answers.set(0, answer(primaryFacts()));
    await clock.advance(60_000);
    expect(statuses()).toBe("down down");
  });

  it("is not used by itself in native replication, where its data may differ", async () => {
    const { servers, fail, clock, statuses } = await started({
      mode: "native_replication",
      autoFailback: true,
    });
    await fail(1);
    servers.answers.set(1, answer(primaryFacts()));
    await clock.advance(60_000);
    expect(statuses()).toBe("waiting down");
  });
});

describe("a node that was not there when pgpool started", () => {
  it("is used as soon as its role is clear, also without auto_failback", async () => {
    const made = world();
    made.servers.answers.set(1, REFUSED);
    await made.service.start();
    await turns();
    expect(made.statuses()).toBe("waiting down");
    made.servers.answers.set(1, answer(standbyFacts(0)));
    await made.clock.advance(5000);
    expect(made.statuses()).toBe("waiting waiting");
  });

  it("is the primary when it is one and there is no other", async () => {
    const made = world({ searchPrimaryNodeTimeout: 5 });
    made.servers.answers.set(0, REFUSED);
    made.servers.answers.set(1, REFUSED);
    const start = made.service.start();
    await made.clock.advance(6000);
    await start;
    expect(made.statuses()).toBe("down down");
    made.servers.answers.set(0, answer(primaryFacts()));
    await made.clock.advance(6000);
    expect([made.statuses(), made.service.snapshot().primary]).toEqual(["waiting down", 0]);
  });
});

describe("a node that pgpool_status says is down", () => {
  const AUTO = { autoFailback: true, searchPrimaryNodeTimeout: 300 };

  it("is the primary when all others answer and none is, without waiting for the search", async () => {
    const made = world(AUTO, ["down", "up"]);
    const start = made.service.start();
    await made.clock.advance(6000);
    await start;
    expect([made.statuses(), made.service.snapshot().primary]).toEqual(["waiting up", 0]);
  });

  it("is not, while one that was in use may have become the primary since", async () => {
    const made = world({ ...AUTO, searchPrimaryNodeTimeout: 10 }, ["down", "up"]);
    made.servers.answers.set(1, REFUSED);
    const start = made.service.start();
    await made.clock.advance(60_000);
    await start;
    expect([made.statuses(), made.service.snapshot().primary]).toEqual(["down down", -1]);
    expect(made.log).toContainEqual(expect.objectContaining({
      text: "node 0 answers again but is not used",
      detail: "It claims to be a primary, and was down when pgpool was stopped: " +
        "a node that was not may be ahead of it.",
    }));
    made.servers.answers.set(1, answer(primaryFacts({ timeline: 2 })));
    await made.clock.advance(6000);
    expect([made.statuses(), made.service.snapshot().primary]).toEqual(["down waiting", 1]);
  });
});

describe("a quarantined node", () => {
  it("is used again with its first sign of life", async () => {
    const { service, clock, statuses, texts } = await started({
      healthChecks: new Map([[1, healthCheck()]]),
    });
    await service.quarantine(1);
    expect(statuses()).toBe("waiting quarantine");
    expect(texts()).toContain("=== Starting quarantine. shutdown host localhost(11003) ===");
    await clock.advance(10_000);
    expect(statuses()).toBe("waiting waiting");
  });

  it("is used again when it is attached, without failback_command", async () => {
    const { service, statuses, commands } = await started({ failbackCommand: "back" });
    await service.quarantine(0);
    expect([statuses(), service.snapshot().primary]).toEqual(["quarantine waiting", -1]);
    await service.attach(0);
    expect([statuses(), service.snapshot().primary]).toEqual(["waiting waiting", 0]);
    expect(commands.calls).toEqual([]);
  });
});
