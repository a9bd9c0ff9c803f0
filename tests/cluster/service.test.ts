import { describe, expect, it } from "bun:test";
import { RequestError } from "../../lib/cluster/requests.ts";
import { world } from "./service-world.ts";
import {
  answer,
  backend,
  healthCheck,
  NO_PASSWORD,
  NOT_READY,
  primaryFacts,
  REFUSED,
  settings,
  standbyFacts,
  TIMEOUT,
  turns,
} from "./world.ts";

describe("start", () => {
  it("finds the primary and says so as Pgpool-II does", async () => {
    const { service, texts } = world();
    await service.start();
    service.logNodeStatus();
    expect(texts()).toEqual([
      "find_primary_node_repeatedly: waiting for finding a primary node",
      "find_primary_node: primary node is 0",
      "find_primary_node: standby node is 1",
      "node status[0]: 1",
      "node status[1]: 2",
    ]);
    const { primary, main, nodes } = service.snapshot();
    expect([primary, main]).toEqual([0, 0]);
    expect(nodes.map((node) => [node.role, node.weight])).toEqual([
      ["primary", 0.5],
      ["standby", 0.5],
    ]);
    await service.stop();
  });

  it("looks every second until a primary appears", async () => {
    const { service, clock, servers } = world();
    servers.answers.set(0, answer(standbyFacts(1)));
    let isStarted = false;
    const started = service.start().then(() => isStarted = true);
    await clock.advance(2500);
    expect([isStarted, service.snapshot().primary]).toEqual([false, -1]);
    servers.answers.set(1, answer(primaryFacts()));
    await clock.advance(1000);
    await started;
    expect(service.snapshot().primary).toBe(1);
  });

  it("goes on without a primary after search_primary_node_timeout, and still finds it", async () => {
    const { service, clock, servers, texts } = world({ searchPrimaryNodeTimeout: 5 });
    servers.answers.set(0, answer(standbyFacts(1)));
    const started = service.start();
    await clock.advance(6000);
    await started;
    expect(texts()).toContain("no primary node was found");
    servers.answers.set(0, answer(primaryFacts()));
    await clock.advance(5000);
    expect(service.snapshot().primary).toBe(0);
  });

  it("marks nodes down that do not answer once the primary is found", async () => {
    const { service, servers, statuses } = world();
    servers.answers.set(1, REFUSED);
    await service.start();
    await turns();
    expect(statuses()).toBe("waiting down");
  });

  it("keeps a node that only refuses the check's password", async () => {
    const { service, servers, statuses } = world();
    servers.answers.set(1, NO_PASSWORD);
    await service.start();
    await turns();
    expect(statuses()).toBe("waiting waiting");
  });

  it("leaves a node down that the status file says is down, until it is attached", async () => {
    const { service, clock, statuses, saved } = world({}, ["up", "down"]);
    await service.start();
    await clock.advance(60_000);
    expect(statuses()).toBe("up down");
    await service.attach(1);
    expect(statuses()).toBe("up waiting");
    expect(saved.at(-1)).toBe("up\nup\n");
  });

  it("uses all nodes when the status file knows none that is up", async () => {
    const { service, statuses } = world({}, ["down", "down"]);
    await service.start();
    expect(statuses()).toBe("waiting waiting");
  });

  it("takes the main node as primary in raw mode and asks for no role", async () => {
    const { service, servers, texts } = world({ mode: "raw", srCheckUser: "" });
    servers.answers.set(0, NO_PASSWORD);
    await service.start();
    await turns();
    expect(service.snapshot().primary).toBe(0);
    expect(service.snapshot().nodes.map((node) => node.role)).toEqual(["main", "replica"]);
    expect(texts()).toEqual([]);
  });
});

describe("a complaint", () => {
  it("about a node that answers changes nothing", async () => {
    const { service, complain, generations, servers } = world();
    await service.start();
    const before = generations.length;
    complain(1);
    await turns();
    expect([servers.pings, generations.length]).toEqual([[1], before]);
  });

  it("about a dead standby takes it out", async () => {
    const { service, complain, servers, log, texts, statuses, saved } = world();
    await service.start();
    await turns();
    servers.answers.set(1, REFUSED);
    log.length = 0;
    complain(1);
    await turns();
    expect(statuses()).toBe("waiting down");
    expect(texts()).toEqual([
      "backend node 1 is reported: connect-failed",
      "backend node 1 at localhost(11003) does not answer",
      "=== Starting degeneration. shutdown host localhost(11003) ===",
      "failover: set new primary node: 0",
      "failover: set new main node: 0",
      "=== Failover done. shutdown host localhost(11003) ===",
    ]);
    expect([saved.at(-1), service.snapshot().primary]).toEqual(["up\ndown\n", 0]);
    expect(servers.released).toEqual([1]);
  });

  it("of who looks at the nodes is decided before he goes on", async () => {
    const { service, servers, statuses } = world();
    await service.start();
    await service.reportDead(1);
    expect([servers.pings, statuses()]).toEqual([[1], "waiting waiting"]);
    servers.answers.set(1, REFUSED);
    await service.reportDead(1);
    expect(statuses()).toBe("waiting down");
    await service.reportDead(1);
  });

  it("of who looks at the nodes does not hold him up for longer than a check may take", async () => {
    const { service, servers, clock, statuses } = world();
    await service.start();
    servers.answers.set(0, NOT_READY);
    const reported = service.reportDead(0).then(() => "over");
    await clock.advance(4000);
    expect(await Promise.race([reported, Promise.resolve("under way")])).toBe("under way");
    await clock.advance(2000);
    expect([await reported, statuses()]).toEqual(["over", "waiting waiting"]);
  });

  it("is verified once, however many workers complain", async () => {
    const { service, complain, servers } = world();
    await service.start();
    servers.answers.set(1, TIMEOUT);
    for (let i = 0; i < 10; i++) complain(1);
    await turns();
    expect(servers.pings).toEqual([1]);
  });

  it("is only logged, and not often, when failover is not wanted", async () => {
    const off = world({ failoverOnBackendError: false });
    await off.service.start();
    off.servers.answers.set(1, REFUSED);
    off.complain(1);
    off.complain(1);
    await turns();
    expect(off.statuses()).toBe("waiting waiting");
    const reason = "because failover_on_backend_error is off";
    expect(off.texts().filter((text) => text.endsWith(reason)).length).toBe(1);

    const disallowed = world({ backends: [backend(0), backend(1, { allowToFailover: false })] });
    await disallowed.service.start();
    disallowed.servers.answers.set(1, REFUSED);
    disallowed.complain(1);
    await turns();
    expect(disallowed.statuses()).toBe("waiting waiting");
  });

  it("about a shutdown counts only with failover_on_backend_shutdown", async () => {
    for (const [failoverOnBackendShutdown, expected] of [[false, "waiting"], [true, "down"]]) {
      const { service, servers } = world({
        failoverOnBackendShutdown: failoverOnBackendShutdown === true,
      });
      await service.start();
      servers.answers.set(1, NOT_READY);
      service.complain(1, "shutdown", "57P01", 99);
      await turns();
      expect(service.snapshot().nodes[1]?.status).toBe(expected === "down" ? "down" : "waiting");
    }
  });

  it("gives a primary time to recover from a crash", async () => {
    const { service, servers, complain, statuses, clock } = world();
    await service.start();
    servers.answers.set(0, NOT_READY);
    complain(0);
    await clock.advance(5000);
    expect(statuses()).toBe("waiting waiting");
    servers.answers.set(0, answer(primaryFacts()));
    await clock.advance(1000);
    servers.answers.set(0, NOT_READY);
    complain(0);
    await clock.advance(11_000);
    expect(statuses()).toBe("down waiting");
  });

  it("of read-only makes a promotion known at once", async () => {
    const { service, servers, texts } = world();
    await service.start();
    servers.answers.set(0, answer(standbyFacts(1)));
    servers.answers.set(1, answer(primaryFacts({ timeline: 2 })));
    service.complain(0, "read-only", "25006", 1);
    await turns();
    expect(service.snapshot().primary).toBe(1);
    expect(texts()).toContain("failover: set new primary node: 1");
  });
});

describe("the periodic check", () => {
  it("notices a promotion within sr_check_period and takes the dead primary out", async () => {
    const { service, servers, clock, statuses } = world();
    await service.start();
    servers.answers.set(0, REFUSED);
    servers.answers.set(1, answer(primaryFacts({ timeline: 2 })));
    await clock.advance(10_000);
    expect([service.snapshot().primary, statuses()]).toEqual([1, "down waiting"]);
  });

  it("takes a standby out that hangs, unless health checks see to that", async () => {
    for (const [period, status] of [[0, "down"], [60, "waiting"]] as const) {
      const healthChecks = new Map([[1, healthCheck({ period })]]);
      const { service, servers, clock, statuses } = world({ healthChecks });
      await service.start();
      await clock.advance(0);
      servers.answers.set(1, TIMEOUT);
      await clock.advance(30_000);
      expect(statuses()).toBe(`waiting ${status}`);
    }
  });

  it("does not take nodes out when none answers", async () => {
    const { service, servers, clock, statuses } = world();
    await service.start();
    servers.answers.set(0, TIMEOUT);
    servers.answers.set(1, TIMEOUT);
    await clock.advance(30_000);
    expect([service.snapshot().primary, statuses()]).toEqual([0, "waiting waiting"]);
  });

  it("measures the delay in bytes and tells it when it is over the threshold", async () => {
    const { service, servers, clock, texts } = world({ delayThreshold: 100 });
    const replicas = [{
      applicationName: "server1",
      state: "streaming",
      syncState: "async",
      replayLag: null,
    }];
    servers.answers.set(0, answer(primaryFacts({ lsn: (1n << 32n) + 5n, replicas })));
    servers.answers.set(1, answer(standbyFacts(0, { lsn: (1n << 32n) - 95n })));
    await service.start();
    expect(service.snapshot().nodes[1]).toMatchObject({
      replicationDelay: 100,
      replicationState: "streaming",
      replicationSyncState: "async",
    });
    const behind = "Replication of node: 1 is behind 101 bytes from the primary server (node: 0)";
    expect(texts()).not.toContain(behind);
    servers.answers.set(0, answer(primaryFacts({ lsn: (1n << 32n) + 6n, replicas })));
    await clock.advance(10_000);
    expect(texts()).toContain(behind);
  });

  it("measures the delay in time when a threshold in time is set", async () => {
    const { service, servers, texts } = world({ delayThresholdByTime: 1000 });
    servers.answers.set(
      0,
      answer(primaryFacts({
        replicas: [{
          applicationName: "server1",
          state: "streaming",
          syncState: "async",
          replayLag: 1_500_000,
        }],
      })),
    );
    await service.start();
    expect(service.snapshot().nodes[1]).toMatchObject({
      replicationDelay: 1_500_000,
      delayByTime: true,
    });
    expect(texts()).toContain(
      "Replication of node: 1 is behind 1.500000 second(s) from the primary server (node: 0)",
    );
  });

  it("tells once that a node cannot be measured", async () => {
    const { service, servers, clock, log } = world();
    await service.start();
    servers.answers.set(1, NO_PASSWORD);
    await clock.advance(30_000);
    const errors = log.filter((entry) => entry.severity === "error");
    expect(errors).toEqual([{
      process: "sr_check_worker",
      severity: "error",
      text: "Failed to check replication time lag",
      detail: "No persistent db connection for the node 1",
      hint: "check sr_check_user and sr_check_password",
    }]);
  });
});

describe("a node that was detached by hand", () => {
  it("stays out until it is attached", async () => {
    const { service, clock, statuses } = world({ autoFailback: true });
    await service.start();
    await service.detach(1);
    await clock.advance(600_000);
    expect(statuses()).toBe("waiting down");
    await service.attach(1);
    expect(statuses()).toBe("waiting waiting");
    expect(service.detach(7)).rejects.toThrow(new RequestError(7, { kind: "unknown-node" }));
  });
});

describe("several primaries", () => {
  const three = [backend(0), backend(1), backend(2)];

  it("are told apart by the standbys they feed, and the false one is detached", async () => {
    const { service, servers, clock, statuses, texts } = world({
      backends: three,
      detachFalsePrimary: true,
    });
    servers.answers.set(2, answer(standbyFacts(0)));
    await service.start();
    servers.answers.set(2, answer(primaryFacts({ timeline: 2 })));
    await clock.advance(10_000);
    expect([service.snapshot().primary, statuses()]).toEqual([0, "waiting waiting down"]);
    expect(texts()).toContain(
      "verify_backend_node_status: primary 2 owns only 0 standbys out of 1",
    );
  });

  it("do not take the role from the one that is known", async () => {
    const { service, servers, clock, statuses } = world({ backends: three });
    servers.answers.set(2, answer(standbyFacts(0)));
    await service.start();
    servers.answers.set(2, answer(primaryFacts({ timeline: 2 })));
    servers.answers.set(1, answer(standbyFacts(0, { receiver: null })));
    await clock.advance(10_000);
    expect([service.snapshot().primary, statuses()]).toEqual([0, "waiting waiting waiting"]);
  });

  it("are never asked when one is configured as ALWAYS_PRIMARY", async () => {
    const { service, servers } = world({
      backends: [backend(0), backend(1, { alwaysPrimary: true })],
    });
    servers.answers.set(1, NO_PASSWORD);
    await service.start();
    expect(service.snapshot().primary).toBe(1);
  });
});

describe("other events", () => {
  it("make waiting nodes that answer up when a first client came", async () => {
    const { service, statuses, saved } = world();
    await service.start();
    service.nodeUsed(0);
    expect(statuses()).toBe("up up");
    await turns();
    expect(saved.at(-1)).toBe("up\nup\n");
  });

  it("add a reloaded backend as down, to be attached", async () => {
    const { service, servers, clock, statuses } = world();
    await service.start();
    servers.answers.set(3, answer(standbyFacts(0)));
    service.reload(settings({ backends: [backend(0, { weight: 3 }), backend(1), backend(3)] }));
    await clock.advance(60_000);
    expect(statuses()).toBe("waiting waiting unused down");
    expect(service.snapshot().nodes.map((node) => node.weight)).toEqual([0.6, 0.2, 0, 0.2]);
    await service.attach(3);
    expect(statuses()).toBe("waiting waiting unused waiting");
  });

  it("end with stop: nothing is asked any more", async () => {
    const { service, servers, clock, complain } = world();
    await service.start();
    await service.stop();
    complain(1);
    await clock.advance(60_000);
    expect([servers.isClosed, servers.pings]).toEqual([true, []]);
  });

  it("let a start end when stopped before a primary was found", async () => {
    const { service, servers } = world();
    servers.answers.set(0, REFUSED);
    const started = service.start();
    await turns();
    await service.stop();
    await started;
  });
});
