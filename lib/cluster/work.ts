import type { DownCause } from "./node.ts";
import type { ClusterTransition } from "./types.ts";

/** What is to be done to a node. */
export type Change =
  /** It is taken out; `promote` is the node that failover_command shall promote (switchover). */
  | {
    readonly kind: "down";
    readonly cause: Extract<DownCause, "failure" | "false-primary" | "operator">;
    readonly promote: number | null;
  }
  /** It is not used for the time being, and nobody else is promoted for it (watchdog). */
  | { readonly kind: "quarantine" }
  /** It is used again; its role is found out by asking. */
  | { readonly kind: "up" }
  /** Its server has been promoted, and pgpool is to follow. */
  | { readonly kind: "promote" };

/** A change that was asked for. */
export interface NodeRequest {
  readonly node: number;
  readonly change: Change;
  /** Whoever waits for its end, as numbered by the service. */
  readonly tickets: readonly number[];
}

/** A request that has been begun. */
export interface BegunRequest {
  readonly request: NodeRequest;
  /** Main node before it was begun, -1 for none. */
  readonly oldMain: number;
  /** Primary before it was begun, or the one that was lost and not yet replaced; -1 for none. */
  readonly oldPrimary: number;
  /** Milliseconds when it was begun. */
  readonly since: number;
}

/** follow_primary_command on its way from node to node. */
export interface FollowRun {
  /** Number of the command that runs now. */
  readonly run: number;
  /** The node it runs for, and those still to come. */
  readonly node: number;
  readonly rest: readonly number[];
  readonly primary: number;
  readonly oldPrimary: number;
}

/** A primary that was lost and has not been replaced yet. */
export interface LostPrimary {
  readonly node: number;
  /** The node that failover_command was last called to promote in its place, -1 for none. */
  readonly successor: number;
  /** failover_command has been called to promote another node, so that this one is of the past. */
  readonly isHandedOn: boolean;
}

/** Requests that were done, by kind, since the start. */
export interface ChangeCounts {
  readonly failover: number;
  readonly failback: number;
  readonly promotion: number;
  readonly quarantine: number;
}

/** The requests, and how far they have come. One is worked on at a time. */
export interface Work {
  readonly queue: readonly NodeRequest[];
  /** Its command runs, numbered `run`. */
  readonly active: (BegunRequest & { readonly run: number }) | null;
  /** Done but for the primary, which is being searched. */
  readonly awaiting: readonly BegunRequest[];
  readonly follow: FollowRun | null;
  readonly lost: LostPrimary | null;
  /** Number of the last command that was run. */
  readonly lastRun: number;
  readonly counts: ChangeCounts;
}

export const NO_WORK: Work = {
  queue: [],
  active: null,
  awaiting: [],
  follow: null,
  lost: null,
  lastRun: 0,
  counts: { failover: 0, failback: 0, promotion: 0, quarantine: 0 },
};

/** What workers are told of the work under way. */
export function transitionOf({ active, awaiting }: Work): ClusterTransition {
  const begun = active ?? awaiting[0];
  return begun === undefined ? "none" : transitionOfChange(begun.request.change);
}

/** The word for a change. */
export function transitionOfChange(
  { kind }: Change,
): Exclude<ClusterTransition, "none"> {
  switch (kind) {
    case "down":
    case "quarantine":
      return "failover";
    case "up":
      return "failback";
    case "promote":
      return "promotion";
  }
}
