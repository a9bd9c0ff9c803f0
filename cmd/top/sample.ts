import type {
  BusySession,
  DurationStatistics,
  NodeStatistics,
  PoolActivity,
  PoolStatistics,
  WorkerStatistics,
} from "../../lib/pcp/statistics.ts";

/** What a pool did between two looks at it. Rates are null when there was only one look. */
export interface TopSample {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly version: string;
  readonly startTime: string;
  readonly ready: boolean;
  /** Why a new client would not be served. */
  readonly notReady: readonly string[];
  readonly clients: {
    readonly slots: number;
    readonly served: number;
    /** Waiting for a slot. */
    readonly queued: number;
    /** Waiting for the end of a failover or of an administrator's request. */
    readonly held: number;
    readonly active: number;
    /** Waiting for something of the pool's own. */
    readonly waiting: number;
    readonly idleInTransaction: number;
    readonly idle: number;
  };
  readonly statementsPerSecond: number | null;
  readonly loginsPerSecond: number | null;
  readonly loginFailuresPerSecond: number | null;
  /** Of the clients that needed a connection, how many found one that was there. */
  readonly poolHitRatio: number | null;
  readonly nodes: readonly TopNode[];
  /** Those that have been busy for longest, longest first. */
  readonly sessions: readonly BusySession[];
}

export interface TopNode {
  readonly id: number;
  readonly hostname: string;
  readonly port: number;
  readonly status: NodeStatistics["status"];
  readonly role: NodeStatistics["role"];
  readonly weight: number;
  readonly replicationDelayBytes: number | null;
  readonly replicationDelaySeconds: number | null;
  readonly statementsPerSecond: number | null;
  readonly errorsPerSecond: number | null;
  /** Null when no statement was answered. */
  readonly meanMs: number | null;
  /** 95 of 100 statements took at most this long; an estimate from a histogram. */
  readonly p95Ms: number | null;
  readonly connectionsUsed: number;
  readonly connectionsIdle: number;
}

/** What happened from one look at a pool to the next. */
export function sampleOf(before: PoolActivity | undefined, now: PoolActivity): TopSample {
  const { statistics, sessions } = now;
  const earlier = sameRun(before?.statistics, statistics);
  const rate = (count: (of: PoolStatistics) => number) => rateOf(earlier, statistics, count);
  const all = (count: (worker: WorkerStatistics) => number) => (of: PoolStatistics) =>
    sum(of.workers.map(count));
  const present = (count: (worker: WorkerStatistics) => number) => all(count)(statistics);
  const hits = rate(all(({ connections }) => sum(connections.map((each) => each.hits))));
  const misses = rate(all(({ connections }) => sum(connections.map((each) => each.misses))));
  return {
    time: isoTime(statistics.time),
    version: statistics.version,
    startTime: isoTime(statistics.startTime),
    ready: statistics.notReady.length === 0,
    notReady: statistics.notReady,
    clients: {
      slots: statistics.clientSlots,
      served: present(({ clients }) => clients),
      queued: present(({ waitingClients }) => waitingClients),
      held: present(({ heldClients }) => heldClients),
      active: present((worker) => worker.sessions.active),
      waiting: present((worker) => worker.sessions.waiting),
      idleInTransaction: present((worker) => worker.sessions.idleInTransaction),
      idle: present((worker) => worker.sessions.idle),
    },
    statementsPerSecond: rate(({ nodes }) => sum(nodes.map(statementsOf))),
    loginsPerSecond: rate(all(({ logins }) => logins)),
    loginFailuresPerSecond: rate(all((worker) => sum(Object.values(worker.loginFailures)))),
    poolHitRatio: hits === null || misses === null || hits + misses === 0
      ? null
      : hits / (hits + misses),
    nodes: statistics.nodes.map((node) => nodeOf(node, earlier, statistics)),
    sessions,
  };
}

function nodeOf(
  node: NodeStatistics,
  earlier: PoolStatistics | undefined,
  now: PoolStatistics,
): TopNode {
  const { id, hostname, port, status, role, weight, delay } = node;
  const find = (of: PoolStatistics) => of.nodes.find((each) => each.id === id);
  const rate = (count: (node: NodeStatistics) => number) =>
    rateOf(earlier, now, (of) => {
      const found = find(of);
      return found === undefined ? 0 : count(found);
    });
  const connections = now.workers.flatMap((worker) =>
    worker.connections.filter((each) => each.node === id)
  );
  const before = earlier === undefined ? undefined : find(earlier);
  const times = before && difference(before.statementTimes, node.statementTimes);
  return {
    id,
    hostname,
    port,
    status,
    role,
    weight,
    replicationDelayBytes: delay?.unit === "bytes" ? delay.value : null,
    replicationDelaySeconds: delay?.unit === "seconds" ? delay.value : null,
    statementsPerSecond: rate(statementsOf),
    errorsPerSecond: rate(({ errors }) => sum(Object.values(errors))),
    meanMs: times === undefined ? null : meanMs(times),
    p95Ms: times === undefined ? null : quantileMs(times, 0.95),
    connectionsUsed: sum(connections.map(({ used }) => used)),
    connectionsIdle: sum(connections.map(({ idle }) => idle)),
  };
}

/** The earlier figures, unless the pool was started anew: its counters began at 0 again. */
function sameRun(
  before: PoolStatistics | undefined,
  now: PoolStatistics,
): PoolStatistics | undefined {
  if (before?.startTime !== now.startTime || now.time <= before.time) return undefined;
  return before;
}

function rateOf(
  before: PoolStatistics | undefined,
  now: PoolStatistics,
  count: (of: PoolStatistics) => number,
): number | null {
  if (before === undefined) return null;
  return Math.max(0, count(now) - count(before)) / (now.time - before.time);
}

function statementsOf({ statements }: NodeStatistics): number {
  return sum(Object.values(statements));
}

function difference(before: DurationStatistics, now: DurationStatistics): DurationStatistics {
  return {
    bounds: now.bounds,
    counts: now.counts.map((count, bucket) => count - (before.counts[bucket] ?? 0)),
    sum: now.sum - before.sum,
  };
}

function meanMs(times: DurationStatistics): number | null {
  const count = sum(times.counts);
  return count === 0 ? null : 1000 * times.sum / count;
}

/**
 * The duration that this share of all does not exceed, in milliseconds: within its bucket all are
 * taken to be spread evenly. Beyond the last bound nothing is known but the bound.
 */
export function quantileMs(times: DurationStatistics, share: number): number | null {
  const wanted = share * sum(times.counts);
  if (wanted === 0) return null;
  let below = 0;
  for (const [bucket, count] of times.counts.entries()) {
    const upper = times.bounds[bucket];
    const lower = bucket === 0 ? 0 : times.bounds[bucket - 1] ?? 0;
    if (upper === undefined) return 1000 * lower;
    if (below + count >= wanted) {
      return 1000 * (lower + (upper - lower) * (wanted - below) / count);
    }
    below += count;
  }
  return null;
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
