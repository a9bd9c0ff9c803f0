import type { HealthCheckStats } from "../cluster/health-stats.ts";
import type { ClusterSnapshot } from "../cluster/types.ts";
import type { WorkerReport } from "../process/messages.ts";

/** Statements and errors of one node since the start, over all workers. */
export interface NodeCounters {
  readonly select: number;
  readonly insert: number;
  readonly update: number;
  readonly delete: number;
  readonly ddl: number;
  readonly other: number;
  readonly panic: number;
  readonly fatal: number;
  readonly error: number;
}

/** The query cache in figures; all zero while it is off. */
export interface QueryCacheStats {
  readonly hits: number;
  readonly selects: number;
  readonly hashEntries: number;
  readonly usedHashEntries: number;
  readonly entries: number;
  readonly usedSize: number;
  readonly freeSize: number;
  readonly fragmentSize: number;
}

/** Settings that views show or compute with; times in seconds. */
export interface AdminSettings {
  readonly numInitChildren: number;
  readonly maxPool: number;
  readonly childLifeTime: number;
  readonly clientIdleLimit: number;
  readonly healthCheckPeriod: number;
}

/** One row of SHOW POOL_STATUS. */
export interface StatusItem {
  readonly name: string;
  readonly value: string;
  readonly description: string;
}

/**
 * Everything the views are made of. The live questions have deadlines of their own; a view asks
 * for nothing it does not show.
 */
export interface AdminContext {
  /** Unix time in seconds. */
  readonly now: number;
  /** The newest one. */
  readonly snapshot: ClusterSnapshot;
  readonly settings: AdminSettings;
  counters(node: number): NodeCounters;
  healthChecks(node: number): HealthCheckStats;
  queryCache(): QueryCacheStats;
  reports(): Promise<readonly WorkerReport[]>;
  statusItems(): readonly StatusItem[];
  /**
   * Whether the server takes connections just now; `unknown` without health checks. What comes of
   * the answer for the status of the node, `snapshot` shows from then on.
   */
  pgStatus(node: number): Promise<"up" | "down" | "unknown">;
  /** What the server says it is just now; only asked where pgStatus is `up`. */
  pgRole(node: number): Promise<"primary" | "standby" | "main" | "replica" | "unknown">;
}

export const NO_QUERY_CACHE: QueryCacheStats = {
  hits: 0,
  selects: 0,
  hashEntries: 0,
  usedHashEntries: 0,
  entries: 0,
  usedSize: 0,
  freeSize: 0,
  fragmentSize: 0,
};
