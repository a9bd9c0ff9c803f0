import { liveness, type PingOutcome, type ProbeOutcome } from "../cluster/facts.ts";
import type { NodeState } from "../cluster/types.ts";

/** What the live columns of SHOW POOL_NODES are asked with. Deadlines in milliseconds. */
export interface LiveChecks {
  ping(node: NodeState, deadline: number): Promise<PingOutcome>;
  freshFacts(node: NodeState, deadline: number): Promise<ProbeOutcome>;
}

/**
 * pg_status: PQping at this moment (reference sql-interface.md 3).
 * @param healthCheckPeriod seconds; 0 gives `unknown`
 */
export async function livePgStatus(
  checks: LiveChecks,
  node: NodeState,
  healthCheckPeriod: number,
  deadline: number,
): Promise<"up" | "down" | "unknown"> {
  if (healthCheckPeriod === 0) return "unknown";
  return liveness(await checks.ping(node, deadline)) === "alive" ? "up" : "down";
}

/**
 * pg_role: pg_is_in_recovery() over a connection of its own.
 * @param srCheckPeriod seconds; 0 gives `unknown`
 */
export async function livePgRole(
  checks: LiveChecks,
  node: NodeState,
  srCheckPeriod: number,
  deadline: number,
): Promise<"primary" | "standby" | "unknown"> {
  if (srCheckPeriod === 0) return "unknown";
  const outcome = await checks.freshFacts(node, deadline);
  if (outcome.kind !== "ok") return "unknown";
  return outcome.facts.inRecovery ? "standby" : "primary";
}
