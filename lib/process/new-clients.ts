import type { ClusterSnapshot } from "../cluster/types.ts";
import type { GateState } from "./messages.ts";

/** What new clients have to wait for before they are connected; undefined when nothing. */
export function whyLoginsWait(
  gate: GateState,
  { transition, primary }: ClusterSnapshot,
): string | undefined {
  if (gate.kind === "clients" || (gate.kind === "transactions" && gate.holdsLogins)) {
    return "new clients are held by an administrator's request";
  }
  return transition !== "none" && primary < 0 ? `a ${transition} is in progress` : undefined;
}
