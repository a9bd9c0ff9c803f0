import { liveness, type PingOutcome, type ProbeOutcome } from "../cluster/facts.ts";
import { isUsable, type NodeState } from "../cluster/types.ts";

/** What the live columns of SHOW POOL_NODES are asked with. Deadlines in milliseconds. */
export interface LiveChecks {
  ping(node: NodeState, deadline: number): Promise<PingOutcome>;
  freshFacts(node: NodeState, deadline: number): Promise<ProbeOutcome>;
}

/**
 * pg_status: PQping at this moment (reference sql-interface.md 3).
 * @param healthCheckPeriod seconds; 0 gives `unknown`
 * @param onAbsent is waited for when nobody listens there although the node is in use
 */
export async function livePgStatus(
  checks: Pick<LiveChecks, "ping">,
  node: NodeState,
  healthCheckPeriod: number,
  deadline: number,
  onAbsent: (node: number) => Promise<void>,
): Promise<"up" | "down" | "unknown"> {
  if (healthCheckPeriod === 0) return "unknown";
  const outcome = await checks.ping(node, deadline);
  if (isAbsent(outcome) && isUsable(node)) await onAbsent(node.id);
  return liveness(outcome) === "alive" ? "up" : "down";
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

/** One that is slow, starts up or shuts down is left to the health checks and their patience. */
function isAbsent({ kind }: PingOutcome): boolean {
  return kind === "refused" || kind === "unreachable";
}
