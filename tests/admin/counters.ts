import type { NodeCounters } from "../../lib/admin/context.ts";

/** The figures of a node that has had no statement. */
export const NO_COUNTERS: NodeCounters = {
  select: 0,
  insert: 0,
  update: 0,
  delete: 0,
  ddl: 0,
  other: 0,
  panic: 0,
  fatal: 0,
  error: 0,
};
