import { afterEach, describe, expect, it } from "bun:test";
import { NO_QUERY_CACHE } from "../../../lib/admin/context.ts";
import { NO_HEALTH_CHECKS } from "../../../lib/cluster/health-stats.ts";
import type { GateState } from "../../../lib/process/messages.ts";
import type { NodeState } from "../../../lib/cluster/types.ts";
import {
  createSharedMemory,
  SharedCounters,
  type SharedFile,
  sharedMemoryPath,
} from "../../../lib/process/shared-memory.ts";
import {
  poolStatistics,
  type StatisticsSources,
  type WorkerState,
} from "../../../lib/process/statistics/gather.ts";
import { CLUSTER } from "../../session/harness.ts";
import { tempDir } from "../../support/temp.ts";
import { NO_COUNTERS } from "../../admin/counters.ts";

const open: SharedFile[] = [];

afterEach(() => {
  for (const memory of open.splice(0)) memory.close();
});

/** A pool with one worker, which told of itself so many milliseconds ago. */
function pool(toldAgo = 0) {
  const memory = createSharedMemory(1, 4, tempDir());
  open.push(memory);
  const worker = new SharedCounters(sharedMemoryPath(memory.fd), 1);
  worker.figures.setWorker("toldAt", Date.now() - toldAgo);
  return {
    worker,
    statistics: (told: {
      worker?: Partial<WorkerState>;
      context?: Partial<StatisticsSources["context"]>;
      stopping?: boolean;
      gate?: GateState;
      cacheEnabled?: boolean;
    } = {}) =>
      poolStatistics({
        context: {
          snapshot: CLUSTER,
          settings: {
            numInitChildren: 4,
            maxPool: 1,
            childLifeTime: 0,
            clientIdleLimit: 0,
            healthCheckPeriod: 0,
          },
          counters: () => NO_COUNTERS,
          healthChecks: () => NO_HEALTH_CHECKS,
          queryCache: () => NO_QUERY_CACHE,
          ...told.context,
        },
        counters: memory.counters,
        workers: [{ number: 1, pid: process.pid, running: true, ready: true, ...told.worker }],
        startTime: 1,
        stopping: told.stopping ?? false,
        gate: told.gate ?? { kind: "open" },
        changes: { failover: 0, failback: 0, promotion: 0 },
        cacheEnabled: told.cacheEnabled ?? false,
      }),
  };
}

function cluster(...changes: Partial<NodeState>[]) {
  const nodes = CLUSTER.nodes.map((node, id) => ({ ...node, ...changes[id] }));
  return { snapshot: { ...CLUSTER, nodes } };
}

describe("whether a new client would be served", () => {
  it("it would with a worker that answers and a node for writes", () => {
    expect(pool().statistics().notReady).toEqual([]);
  });

  it("it would not while pgpool stops", () => {
    expect(pool().statistics({ stopping: true }).notReady).toEqual(["pgpool is stopping"]);
  });

  it.each([[{ ready: false }], [{ running: false }]])(
    "it would not before a worker is ready: %p",
    (worker) => {
      expect(pool().statistics({ worker }).notReady).toEqual(["no worker is ready"]);
    },
  );

  it("it would not while new clients are held, or during a failover that leaves no primary", () => {
    const held = ["new clients are held by an administrator's request"];
    const { statistics } = pool();
    expect(statistics({ gate: { kind: "clients", closing: 1 } }).notReady).toEqual(held);
    const gate = { kind: "transactions", closing: 1, holdsLogins: true } as const;
    expect(statistics({ gate }).notReady).toEqual(held);
    expect(statistics({ gate: { ...gate, holdsLogins: false } }).notReady).toEqual([]);
    const failover = { ...CLUSTER, transition: "failover" } as const;
    expect(statistics({ context: { snapshot: failover } }).notReady).toEqual([]);
    expect(statistics({ context: { snapshot: { ...failover, primary: -1 } } }).notReady)
      .toEqual(["a failover is in progress"]);
  });

  it("it would not without any usable node", () => {
    const context = { snapshot: { ...CLUSTER, primary: -1, main: -1 } };
    expect(pool().statistics({ context }).notReady).toEqual(["all backend nodes are down"]);
    const down = cluster({ status: "down" });
    expect(pool().statistics({ context: down }).notReady).toEqual(["all backend nodes are down"]);
  });
});

describe("the state of a worker", () => {
  it("is silent when it has not told of itself for 15 seconds", () => {
    const state = (toldAgo: number, worker = {}) =>
      pool(toldAgo).statistics({ worker }).workers[0]?.state;
    expect(state(14_000)).toBe("ready");
    expect(state(16_000)).toBe("silent");
    expect(state(16_000, { ready: false })).toBe("starting");
    expect(pool(16_000).statistics().notReady).toEqual(["no worker is ready"]);
  });

  it("comes with its process while that runs", () => {
    const facts = pool().statistics().workers[0]?.process;
    expect(facts?.pid).toBe(process.pid);
    expect(facts?.residentBytes).toBeGreaterThan(10 << 20);
    expect(facts?.cpuSeconds).toBeGreaterThan(0);
    expect(pool().statistics({ worker: { running: false } }).workers[0]?.process).toBeUndefined();
  });
});

describe("the figures of a worker", () => {
  it("are those of its cells and slots", () => {
    const { worker, statistics } = pool();
    worker.tryAcquireSlot(4);
    worker.tryAcquireSlot(4);
    worker.setWaiting(3);
    worker.figures.setWorker("idle", 2);
    worker.figures.countWorker("failed-slots");
    worker.figures.setNode(1, "used", 5);
    worker.figures.waitedForSlot(10);
    const [told] = statistics().workers;
    expect(told).toMatchObject({ clients: 2, waitingClients: 3, sessions: { idle: 2, active: 0 } });
    expect(told?.loginFailures.slots).toBe(1);
    expect(told?.connections.map(({ node, used }) => [node, used])).toEqual([[0, 0], [1, 5]]);
    expect(statistics().slotWaits.sum).toBe(0.01);
  });
});

describe("the figures of a node", () => {
  it("leave out nodes that are not configured", () => {
    const context = cluster({}, { status: "unused" });
    expect(pool().statistics({ context }).nodes.map(({ id }) => id)).toEqual([0]);
  });

  it("tell the delay of a usable standby in the unit it is measured in", () => {
    const delay = (change: Partial<NodeState>) =>
      pool().statistics({ context: cluster({}, change) }).nodes[1]?.delay;
    expect(delay({ replicationDelay: 70 })).toEqual({ unit: "bytes", value: 70 });
    expect(delay({ replicationDelay: 1_500_000, delayByTime: true })).toEqual({
      unit: "seconds",
      value: 1.5,
    });
    expect(delay({ replicationDelay: 70, status: "down" })).toBeUndefined();
    expect(pool().statistics().nodes[0]?.delay).toBeUndefined();
  });

  it("tell of health checks when there have been some, and of the cache while it is on", () => {
    const context = {
      healthChecks: () => ({ ...NO_HEALTH_CHECKS, total: 2, success: 1, fail: 1 }),
      queryCache: () => ({ ...NO_QUERY_CACHE, hits: 4, selects: 5 }),
    };
    expect(pool().statistics({ context }).nodes[0]?.healthChecks?.success).toBe(1);
    expect(pool().statistics().nodes[0]?.healthChecks).toBeUndefined();
    expect(pool().statistics({ context, cacheEnabled: true }).queryCache?.misses).toBe(5);
    expect(pool().statistics({ context }).queryCache).toBeUndefined();
  });
});
