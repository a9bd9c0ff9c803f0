import type { NodeComplaint } from "../process/messages.ts";
import { hearComplaint, hearVerification } from "./complaint.ts";
import { hearReturn } from "./comeback.ts";
import { Draft } from "./draft.ts";
import type { Effect } from "./effects.ts";
import { hearDelays } from "./external-delay.ts";
import type { PingOutcome, ProbeOutcome } from "./facts.ts";
import { type ClusterNode, newNode, unusedNode } from "./node.ts";
import { hearReload } from "./reload.ts";
import { hearRound } from "./round.ts";
import { type HealthState, hearHealth, hearHealthDue } from "./health.ts";
import { beginSearch, settle } from "./search.ts";
import { type ClusterSettings, hasSearchedPrimary } from "./settings.ts";
import { hearCommandEnd, hearWish, type Wish } from "./queue.ts";
import type { StatusHint } from "./status-file.ts";
import { Verdict } from "./primary.ts";
import { NO_WORK, type Work } from "./work.ts";

/** Everything the supervisor knows of the servers. Only `step` makes a new one. */
export interface ClusterState {
  readonly settings: ClusterSettings;
  readonly generation: number;
  /** `nodes[id].id === id`. */
  readonly nodes: readonly ClusterNode[];
  /** The verified primary in modes that search one, -1 when there is none. */
  readonly primary: number;
  /** Highest timeline a verified primary has been on, 0 when unknown. */
  readonly timeline: number;
  /** A search for the primary that is under way. */
  readonly search: { readonly since: number; readonly isExpired: boolean } | null;
  /** By node; a node that is missing has not been looked at. */
  readonly health: ReadonlyMap<number, HealthState>;
  /** What the last search found each node to be. */
  readonly verdicts: ReadonlyMap<number, Verdict>;
  /** What the last round told the operator, so that it is told once. */
  readonly told: string;
  /** The external command for delays is running. */
  readonly areDelaysAsked: boolean;
  /** Requests, and how far they have come. */
  readonly work: Work;
  /** The start is over: the primary was found, or the search for it was given up. */
  readonly isSettled: boolean;
}

/** What can happen to a cluster. */
export type ClusterEvent =
  /** First event: look at the servers. */
  | { readonly type: "started" }
  /** A worker believes that a node is not well. */
  | { readonly type: "complained"; readonly node: number; readonly complaint: NodeComplaint }
  /** A first client connection reached the node. */
  | { readonly type: "used"; readonly node: number }
  /** Answer to the effect `verify`. */
  | {
    readonly type: "verified";
    readonly node: number;
    readonly outcome: PingOutcome;
    readonly startedAt: number;
  }
  /** Answer to the effect `check`, and of the periodic check: all usable nodes were asked. */
  | {
    readonly type: "checked";
    readonly outcomes: ReadonlyMap<number, ProbeOutcome>;
    readonly startedAt: number;
  }
  /** Time for the health check of a node. */
  | { readonly type: "health-due"; readonly node: number }
  /** Answer to the effect `health-check`. */
  | {
    readonly type: "health-checked";
    readonly node: number;
    readonly outcome: PingOutcome;
    readonly startedAt: number;
  }
  /** A node that is down was asked whether it is back. */
  | {
    readonly type: "return-probed";
    readonly node: number;
    readonly outcome: ProbeOutcome | PingOutcome;
    readonly startedAt: number;
  }
  /** Somebody asks for a change; answered by the effect `answer`. */
  | {
    readonly type: "wished";
    readonly ticket: number;
    readonly node: number;
    readonly wish: Wish;
  }
  /** Answer to the effect `delay-command`; null when it failed. */
  | {
    readonly type: "delays";
    readonly nodes: readonly number[];
    readonly primary: number;
    readonly output: string | null;
  }
  /** Answer to the effect `command`. */
  | { readonly type: "command-ended"; readonly run: number }
  | { readonly type: "reloaded"; readonly settings: ClusterSettings };

/** A new state and what has to be done about it. */
export interface Transition {
  readonly state: ClusterState;
  readonly effects: readonly Effect[];
}

/**
 * The state before the first event.
 * @param hints what the status file says of each slot; verified later
 * @param now milliseconds
 */
export function initialState(
  settings: ClusterSettings,
  hints: readonly StatusHint[],
  now: number,
): ClusterState {
  const size = settings.backends.reduce((count, backend) => Math.max(count, backend.id + 1), 0);
  const isAnyUp = hints.includes("up");
  const nodes = Array.from({ length: size }, (_, id): ClusterNode => {
    const backend = settings.backends.find((candidate) => candidate.id === id);
    if (backend === undefined) return unusedNode(id, now);
    if (isAnyUp && hints[id] === "down") return newNode(backend, "down", "status-file", now);
    return newNode(backend, isAnyUp && hints[id] === "up" ? "up" : "waiting", "none", now);
  });
  return {
    settings,
    generation: 1,
    nodes,
    primary: -1,
    timeline: 0,
    search: null,
    health: new Map(),
    verdicts: new Map(),
    told: "",
    areDelaysAsked: false,
    work: NO_WORK,
    isSettled: false,
  };
}

/**
 * What one event makes of the state. Pure: the same arguments give the same result.
 * @param now milliseconds
 */
export function step(state: ClusterState, event: ClusterEvent, now: number): Transition {
  const draft = new Draft(state, now);
  switch (event.type) {
    case "started":
      hearStart(draft);
      break;
    case "complained":
      hearComplaint(draft, event.node, event.complaint);
      break;
    case "used":
      hearUse(draft, event.node);
      break;
    case "verified":
      hearVerification(draft, event.node, event.outcome, event.startedAt);
      break;
    case "checked":
      hearRound(draft, event.outcomes, event.startedAt);
      break;
    case "health-due":
      hearHealthDue(draft, event.node);
      break;
    case "health-checked":
      hearHealth(draft, event.node, event.outcome, event.startedAt);
      break;
    case "return-probed":
      hearReturn(draft, event.node, event.outcome, event.startedAt);
      break;
    case "wished":
      hearWish(draft, event.ticket, event.node, event.wish);
      break;
    case "delays":
      hearDelays(draft, event.nodes, event.primary, event.output);
      break;
    case "command-ended":
      hearCommandEnd(draft, event.run);
      break;
    case "reloaded":
      hearReload(draft, event.settings);
      break;
  }
  return draft.finish();
}

function hearStart(draft: Draft): void {
  draft.effect({ type: "save-status" });
  if (hasSearchedPrimary(draft.settings.mode)) {
    beginSearch(draft);
    return;
  }
  settle(draft);
}

/**
 * A client came. Its session may use every node that was found to answer, so all of them are up,
 * as when a session of Pgpool-II connects to all at once.
 */
function hearUse(draft: Draft, id: number): void {
  for (const node of draft.nodes) {
    if (node.status !== "waiting") continue;
    const verdict = draft.verdicts.get(node.id);
    const answered = verdict === Verdict.Primary || verdict === Verdict.Standby;
    if (node.id !== id && !answered) continue;
    draft.changeStatus(node.id, "up", "none");
    draft.update(node.id, { isSeen: true });
    draft.effect({ type: "save-status" });
  }
}
