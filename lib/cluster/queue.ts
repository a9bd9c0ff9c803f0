import type { Draft } from "./draft.ts";
import { begin, commandEnded } from "./failover.ts";
import { followEnded } from "./follow.ts";
import { isUsableNode } from "./node.ts";
import type { RequestRefusal } from "./requests.ts";
import { type BegunRequest, type Change, type NodeRequest, transitionOfChange } from "./work.ts";

/** What can be asked for by hand. */
export type Wish =
  | { readonly kind: "attach" }
  | { readonly kind: "detach" }
  | { readonly kind: "quarantine" }
  | { readonly kind: "promote"; readonly switchover: boolean };

/** Somebody asks for a change; `ticket` is answered when it is done or refused. */
export function hearWish(draft: Draft, ticket: number, node: number, wish: Wish): void {
  const refusal = refusalOf(draft, node, wish);
  if (refusal === null) request(draft, { ...requestOf(draft, node, wish), tickets: [ticket] });
  else draft.effect({ type: "answer", ticket, refusal });
}

/** The cluster itself has found that a node is not to be used any more. */
export function requestDown(draft: Draft, node: number, cause: "failure" | "false-primary"): void {
  request(draft, { node, change: { kind: "down", cause, promote: null }, tickets: [] });
}

/** A node may be used again, because its role is clear. */
export function requestUp(draft: Draft, node: number): void {
  request(draft, { node, change: { kind: "up" }, tickets: [] });
}

/** A node that answers after all is not taken out for a failure that nobody has acted upon yet. */
export function withdrawDown(draft: Draft, id: number): void {
  const isMoot = ({ node, change, tickets }: NodeRequest) =>
    node === id && change.kind === "down" && change.cause === "failure" && tickets.length === 0;
  if (!draft.work.queue.some(isMoot)) return;
  draft.doWork({ queue: draft.work.queue.filter((queued) => !isMoot(queued)) });
  draft.log({ severity: "log", text: `failover of node ${id} is called off: it answers again` });
}

/** A command has ended; one that was stopped is of no interest. */
export function hearCommandEnd(draft: Draft, run: number): void {
  if (draft.work.active?.run === run) {
    commandEnded(draft);
    advance(draft);
  } else if (draft.work.follow?.run === run) {
    followEnded(draft);
  }
}

/** Begins what is next, as long as nothing is under way that has to end first. */
function advance(draft: Draft): void {
  while (draft.work.active === null) {
    const [next, ...queue] = draft.work.queue;
    if (next === undefined) return;
    draft.doWork({ queue });
    begin(draft, next);
  }
}

/** A request for what is asked for already joins that. */
function request(draft: Draft, wanted: NodeRequest): void {
  const { queue, active, awaiting } = draft.work;
  if (active !== null && isSame(active.request, wanted)) {
    draft.doWork({ active: { ...active, request: joined(active.request, wanted) } });
  } else if (awaiting.some((begun) => isSame(begun.request, wanted))) {
    draft.doWork({ awaiting: awaiting.map((begun) => joinedBegun(begun, wanted)) });
  } else if (queue.some((queued) => isSame(queued, wanted))) {
    draft.doWork({ queue: queue.map((queued) => joined(queued, wanted)) });
  } else {
    draft.doWork({ queue: [...queue, wanted] });
  }
  advance(draft);
}

function isSame(one: NodeRequest, other: NodeRequest): boolean {
  return one.node === other.node && one.change.kind === other.change.kind;
}

function joined(one: NodeRequest, other: NodeRequest): NodeRequest {
  return isSame(one, other) ? { ...one, tickets: [...one.tickets, ...other.tickets] } : one;
}

function joinedBegun(begun: BegunRequest, other: NodeRequest): BegunRequest {
  return { ...begun, request: joined(begun.request, other) };
}

function requestOf(draft: Draft, node: number, wish: Wish): Omit<NodeRequest, "tickets"> {
  switch (wish.kind) {
    case "attach":
      return { node, change: { kind: "up" } };
    case "detach":
      return { node, change: { kind: "down", cause: "operator", promote: null } };
    case "quarantine":
      return { node, change: { kind: "quarantine" } };
    case "promote":
      return wish.switchover
        ? { node: draft.primary, change: { kind: "down", cause: "operator", promote: node } }
        : { node, change: { kind: "promote" } };
  }
}

function refusalOf(draft: Draft, id: number, wish: Wish): RequestRefusal | null {
  const node = draft.node(id);
  if (node === undefined || node.status === "unused") return { kind: "unknown-node" };
  const { status } = node;
  switch (wish.kind) {
    case "attach":
      return isUsableNode(node) ? { kind: "not-valid-for-failback", status } : null;
    case "detach":
    case "quarantine":
      if (!isUsableNode(node)) return { kind: "not-valid-for-failover", status };
      return node.allowToFailover ? null : { kind: "failover-disallowed" };
    case "promote":
      return promotionRefusal(draft, id, wish.switchover);
  }
}

function promotionRefusal(
  draft: Draft,
  id: number,
  switchover: boolean,
): RequestRefusal | null {
  const { settings, primary } = draft;
  const node = draft.node(id);
  if (settings.mode !== "streaming_replication") return { kind: "not-streaming-mode" };
  if (id === primary) return { kind: "already-primary" };
  if (node === undefined) return { kind: "unknown-node" };
  if (!isUsableNode(node)) return { kind: "not-valid-for-promotion", status: node.status };
  const { queue, active, awaiting } = draft.work;
  const under = [...active === null ? [] : [active.request], ...awaiting.map((one) => one.request)];
  const other = [...under, ...queue].find(({ change }) => isPromotion(change));
  if (other !== undefined) {
    return { kind: "in-progress", transition: transitionOfChange(other.change) };
  }
  if (!switchover) return null;
  if (primary === -1) return { kind: "no-primary" };
  if (settings.failoverCommand === "") return { kind: "no-failover-command" };
  return draft.node(primary)?.allowToFailover ? null : { kind: "failover-disallowed" };
}

function isPromotion(change: Change): boolean {
  return change.kind === "promote" || change.kind === "down" && change.promote !== null;
}
