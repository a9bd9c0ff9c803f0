import type { Draft } from "./draft.ts";
import type { ProbeOutcome } from "./facts.ts";
import { finish } from "./failover.ts";
import { degenerateFollowers, startFollow } from "./follow.ts";
import { isUsableNode } from "./node.ts";
import type { RequestRefusal } from "./requests.ts";
import type { BegunRequest } from "./work.ts";

/** Milliseconds within which a server that is said to be promoted has to say so itself. */
const PROMOTION_LIMIT = 5000;

/** How a request ends; `waits` while it does not. */
type End = { readonly kind: "waits" } | {
  readonly kind: "over";
  readonly refusal: RequestRefusal | null;
};

const WAITS: End = { kind: "waits" };
const DONE: End = { kind: "over", refusal: null };

/** The node whose promotion was asked for and waits for its word, -1 for none. */
export function awaitedPrimary(draft: Draft): number {
  const begun = draft.work.awaiting.find(({ request }) => request.change.kind === "promote");
  return begun?.request.node ?? -1;
}

/**
 * All usable nodes were asked: requests that waited for the primary end when it is found, or will
 * not be (reference behaviour.md 11, steps 6 to 9).
 */
export function settleAwaiting(
  draft: Draft,
  outcomes: ReadonlyMap<number, ProbeOutcome>,
): void {
  const { awaiting, lost } = draft.work;
  const ends = awaiting.map((begun) => ({ begun, end: endOf(draft, begun, outcomes) }));
  const over = ends.flatMap(({ begun, end }) =>
    end.kind === "over" ? [{ begun, refusal: end.refusal }] : []
  );
  draft.doWork({
    awaiting: ends.filter(({ end }) => end.kind === "waits").map(({ begun }) => begun),
  });

  const promoted = over.find(({ begun, refusal }) =>
    begun.request.change.kind === "promote" && refusal === null
  );
  const old = lost?.node ?? promoted?.begun.oldPrimary ?? -1;
  const isReplaced = draft.primary !== -1 && draft.primary !== old &&
    (lost !== null || promoted !== undefined);
  if (isReplaced) takeOutFollowers(draft, promoted?.begun.oldPrimary ?? -1);
  finish(draft, over);
  if (draft.primary !== -1) draft.doWork({ lost: null });
  if (isReplaced) startFollow(draft, old);
}

/** Without a command that makes them follow, only a primary of before has to go. */
function takeOutFollowers(draft: Draft, replaced: number): void {
  const { mode, followPrimaryCommand } = draft.settings;
  const isFollowed = mode === "streaming_replication" && followPrimaryCommand !== "";
  const others = draft.usable().map(({ id }) => id).filter((id) => id !== draft.primary);
  degenerateFollowers(draft, isFollowed ? others : others.filter((id) => id === replaced));
}

function endOf(
  draft: Draft,
  { request, since }: BegunRequest,
  outcomes: ReadonlyMap<number, ProbeOutcome>,
): End {
  const { primary, search } = draft;
  const { change, node } = request;
  switch (change.kind) {
    case "up":
      return outcomes.has(node) || !isInUse(draft, node) ? DONE : WAITS;
    case "promote":
      if (primary === node) return DONE;
      return draft.now - since < PROMOTION_LIMIT ? WAITS : notPromoted(draft);
    case "down":
    case "quarantine":
      if (primary === -1 && search?.isExpired !== true) return WAITS;
      if (change.kind === "quarantine" || change.promote === null) return DONE;
      return primary === change.promote ? DONE : notPromoted(draft);
  }
}

function isInUse(draft: Draft, id: number): boolean {
  const node = draft.node(id);
  return node !== undefined && isUsableNode(node);
}

function notPromoted(draft: Draft): End {
  return { kind: "over", refusal: { kind: "not-promoted", primary: draft.primary } };
}
