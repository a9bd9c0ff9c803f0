import type { AdminContext, QueryCacheStats } from "../../admin/context.ts";
import { POOL_VERSION } from "../../admin/pool-version.ts";
import type { HealthCheckStats } from "../../cluster/health-stats.ts";
import { isUsable, type NodeState } from "../../cluster/types.ts";
import type {
  HealthCheckStatistics,
  LoginFailure,
  NodeChanges,
  NodeStatistics,
  PoolStatistics,
  QueryCacheStatistics,
  ReplicationDelay,
  WorkerStatistics,
} from "../../pcp/statistics.ts";
import { writeNode } from "../../session/load-balance.ts";
import type { GateState } from "../messages.ts";
import { whyLoginsWait } from "../new-clients.ts";
import type { SharedCounters } from "../shared-memory.ts";
import type { SharedFigures } from "./figures.ts";
import { processFacts } from "./process-facts.ts";

/** A worker that has not told of itself for this long does not answer, in milliseconds. */
const SILENCE_MS = 15_000;

/** A worker's process as the supervisor sees it. */
export interface WorkerState {
  readonly number: number;
  readonly pid: number;
  readonly running: boolean;
  readonly ready: boolean;
}

/** What the figures are gathered from. */
export interface StatisticsSources {
  readonly context: Pick<
    AdminContext,
    "snapshot" | "settings" | "counters" | "healthChecks" | "queryCache"
  >;
  readonly counters: SharedCounters;
  readonly workers: readonly WorkerState[];
  /** Unix time in seconds when pgpool was started. */
  readonly startTime: number;
  readonly stopping: boolean;
  readonly gate: GateState;
  readonly changes: NodeChanges;
  readonly cacheEnabled: boolean;
}

/** All figures of the pool, read from the shared memory without asking anybody. */
export function poolStatistics(sources: StatisticsSources): PoolStatistics {
  const { context, counters, startTime, changes } = sources;
  const { snapshot, settings } = context;
  const { figures } = counters;
  const workers = workerStatistics(sources);
  return {
    time: Date.now() / 1000,
    version: POOL_VERSION,
    startTime,
    generation: snapshot.generation,
    clientSlots: settings.numInitChildren,
    notReady: notReady(sources, workers),
    changes,
    nodes: snapshot.nodes.filter(({ status }) => status !== "unused")
      .map((node) => nodeStatistics(node, context, figures)),
    workers,
    supervisor: processFacts(process.pid) ??
      { pid: process.pid, cpuSeconds: 0, residentBytes: 0 },
    slotWaits: figures.slotWaits(),
    ...(sources.cacheEnabled ? { queryCache: queryCache(context.queryCache()) } : {}),
  };
}

/** Why a client that comes now would not be served. */
function notReady(
  { stopping, gate, context: { snapshot } }: StatisticsSources,
  workers: readonly WorkerStatistics[],
): string[] {
  const reasons: string[] = [];
  if (stopping) reasons.push("pgpool is stopping");
  if (!workers.some(({ state }) => state === "ready")) reasons.push("no worker is ready");
  const node = snapshot.nodes[writeNode(snapshot)];
  if (node === undefined || !isUsable(node)) reasons.push("all backend nodes are down");
  const held = whyLoginsWait(gate, snapshot);
  if (held !== undefined) reasons.push(held);
  return reasons;
}

function nodeStatistics(
  node: NodeState,
  context: StatisticsSources["context"],
  figures: SharedFigures,
): NodeStatistics {
  const { select, insert, update, delete: deleted, ddl, other, error, fatal, panic } = context
    .counters(node.id);
  const checks = context.healthChecks(node.id);
  const delay = delayOf(node);
  return {
    id: node.id,
    hostname: node.hostname,
    port: node.port,
    status: node.status,
    role: node.role,
    weight: node.weight,
    ...(delay === undefined ? {} : { delay }),
    replicationState: node.replicationState,
    replicationSyncState: node.replicationSyncState,
    lastStatusChange: node.lastStatusChange,
    statements: { select, insert, update, delete: deleted, ddl, other },
    errors: { error, fatal, panic },
    statementTimes: figures.durations(node.id, "statement"),
    connectionWaits: figures.durations(node.id, "connection"),
    ...(checks.total === 0 ? {} : { healthChecks: healthChecks(checks) }),
  };
}

function delayOf(node: NodeState): ReplicationDelay | undefined {
  if (node.role !== "standby" || !isUsable(node)) return undefined;
  return node.delayByTime
    ? { unit: "seconds", value: node.replicationDelay / 1e6 }
    : { unit: "bytes", value: node.replicationDelay };
}

function healthChecks(stats: HealthCheckStats): HealthCheckStatistics {
  const { success, fail, skip, retry, failures, lastSuccess } = stats;
  return { success, fail, skip, retry, failures, lastSuccess };
}

function queryCache(stats: QueryCacheStats): QueryCacheStatistics {
  return {
    hits: stats.hits,
    misses: stats.selects,
    entries: stats.entries,
    usedBytes: stats.usedSize,
    freeBytes: stats.freeSize,
  };
}

function workerStatistics(
  { context, counters, workers }: StatisticsSources,
): WorkerStatistics[] {
  const { figures } = counters;
  const nodes = context.snapshot.nodes.filter(({ status }) => status !== "unused");
  const clients = counters.slotsByWorker();
  const oldest = Date.now() - SILENCE_MS;
  return workers.map(({ number, pid, running, ready }) => {
    const failures = (why: LoginFailure) => figures.ofWorker(number, `failed-${why}`);
    const process = running ? processFacts(pid) : undefined;
    return {
      worker: number,
      ...(process === undefined ? {} : { process }),
      state: !running || !ready
        ? "starting"
        : figures.ofWorker(number, "toldAt") < oldest
        ? "silent"
        : "ready",
      clients: clients[number] ?? 0,
      waitingClients: counters.waiting(number),
      heldClients: figures.ofWorker(number, "held"),
      sessions: {
        active: figures.ofWorker(number, "active"),
        idle: figures.ofWorker(number, "idle"),
        idleInTransaction: figures.ofWorker(number, "idleInTransaction"),
        waiting: figures.ofWorker(number, "waiting"),
      },
      accepted: figures.ofWorker(number, "accepted"),
      logins: figures.ofWorker(number, "logins"),
      loginFailures: {
        authentication: failures("authentication"),
        slots: failures("slots"),
        servers: failures("servers"),
        timeout: failures("timeout"),
        other: failures("other"),
      },
      connections: nodes.map(({ id }) => ({
        node: id,
        used: figures.ofNode(number, id, "used"),
        idle: figures.ofNode(number, id, "idle"),
        opened: figures.ofNode(number, id, "opened"),
        hits: figures.ofNode(number, id, "hits"),
        misses: figures.ofNode(number, id, "misses"),
      })),
    };
  });
}
