import type { Draft } from "./draft.ts";
import { cancelFollow } from "./follow.ts";
import { type ClusterNode, isUsableNode, placeOf } from "./node.ts";
import type { RequestRefusal } from "./requests.ts";
import { beginSearch, restartSearch } from "./search.ts";
import { hasSearchedPrimary } from "./settings.ts";
import { mainNode } from "./snapshot.ts";
import { type BegunRequest, type Change, type NodeRequest, transitionOfChange } from "./work.ts";

type Down = Extract<Change, { kind: "down" }>;

/** Begins a request (reference behaviour.md 11); it may well be over at once. */
export function begin(draft: Draft, request: NodeRequest): void {
  const node = draft.node(request.node);
  if (node === undefined) return;
  switch (request.change.kind) {
    case "down":
      beginDown(draft, request, request.change, node);
      return;
    case "quarantine":
      beginQuarantine(draft, request, node);
      return;
    case "up":
      beginUp(draft, request, node);
      return;
    case "promote":
      beginPromotion(draft, request, node);
      return;
  }
}

/** The operator's command of the request under way has ended, whatever became of it. */
export function commandEnded(draft: Draft): void {
  const { active } = draft.work;
  if (active === null) return;
  draft.doWork({ active: null });
  settleRoles(draft, active);
}

/** A request that is over; `refusal` says why it came to nothing. */
interface EndedRequest {
  readonly begun: BegunRequest;
  readonly refusal: RequestRefusal | null;
}

/** Says who has which role now, and ends requests, oldest first. */
export function finish(draft: Draft, ended: readonly EndedRequest[]): void {
  if (ended.some(hasChanged)) logRoles(draft);
  for (const end of ended) {
    const { request } = end.begun;
    const node = draft.node(request.node);
    if (node === undefined) continue;
    if (hasChanged(end)) {
      log(draft, `=== ${endText(request.change, placeOf(node))} ===`);
      count(draft, request.change);
    } else {
      draft.log({
        severity: "warning",
        text: `promotion failed. host ${placeOf(node)} has not become the primary`,
      });
    }
    draft.answer(request, end.refusal);
  }
}

/** A switchover that promoted nobody, or somebody else, has still taken the primary out. */
function hasChanged({ begun, refusal }: EndedRequest): boolean {
  return refusal === null || begun.request.change.kind !== "promote";
}

function logRoles(draft: Draft): void {
  if (hasSearchedPrimary(draft.settings.mode)) {
    log(draft, `failover: set new primary node: ${draft.primary}`);
  }
  log(draft, `failover: set new main node: ${mainNode(draft.nodes)}`);
}

function beginDown(draft: Draft, request: NodeRequest, change: Down, node: ClusterNode): void {
  const refusal = refusalNow(draft, change, node);
  if (refusal !== null) {
    draft.log({ severity: "log", text: "failover: no backends are degenerated" });
    draft.answer(request, refusal);
    return;
  }
  const begun = begunRequest(draft, request);
  log(draft, `=== Starting degeneration. shutdown host ${placeOf(node)} ===`);
  draft.takeOut(node.id, change.cause === "failure" && !node.isSeen ? "unseen" : change.cause);
  const newMain = change.promote ?? mainNode(draft.nodes);
  const { failoverCommand: template, failoverCommandTimeout } = draft.settings;
  if (hasSearchedPrimary(draft.settings.mode) && begun.oldPrimary === node.id) {
    cancelFollow(draft);
    const { lost } = draft.work;
    const successor = template === "" ? -1 : newMain;
    const isHandedOn = successor !== -1 || lost?.isHandedOn === true;
    draft.doWork({ lost: { node: lost?.node ?? node.id, successor, isHandedOn } });
  }
  runOrGoOn(draft, begun, newMain, "failover_command", template, failoverCommandTimeout);
}

/** What has changed since the request was queued may have made it pointless. */
function refusalNow(draft: Draft, change: Down, node: ClusterNode): RequestRefusal | null {
  const { status } = node;
  if (!isUsableNode(node)) return { kind: "not-valid-for-failover", status };
  if (!node.allowToFailover) return { kind: "failover-disallowed" };
  if (change.promote === null) return null;
  if (draft.primary !== node.id) return { kind: "no-primary" };
  const successor = draft.node(change.promote);
  return successor !== undefined && isUsableNode(successor)
    ? null
    : { kind: "not-valid-for-promotion", status: successor?.status ?? "unused" };
}

function beginQuarantine(draft: Draft, request: NodeRequest, node: ClusterNode): void {
  if (!isUsableNode(node)) {
    draft.answer(request, { kind: "not-valid-for-failover", status: node.status });
    return;
  }
  const begun = begunRequest(draft, request);
  log(draft, `=== Starting quarantine. shutdown host ${placeOf(node)} ===`);
  draft.changeStatus(node.id, "quarantine", "none");
  draft.effect({ type: "save-status" });
  draft.effect({ type: "disconnect", node: node.id });
  settleRoles(draft, begun);
}

function beginUp(draft: Draft, request: NodeRequest, node: ClusterNode): void {
  if (isUsableNode(node)) {
    draft.answer(request, { kind: "not-valid-for-failback", status: node.status });
    return;
  }
  const begun = begunRequest(draft, request);
  log(draft, `=== Starting fail back. reconnect host ${placeOf(node)} ===`);
  const wasQuarantined = node.status === "quarantine";
  trust(draft, request);
  draft.changeStatus(node.id, "waiting", "none");
  draft.effect({ type: "save-status" });
  const { failbackCommand, failoverCommandTimeout } = draft.settings;
  // Quarantine is no state of the server, so that nothing has to be run for it (commands.md 2.5).
  const template = wasQuarantined ? "" : failbackCommand;
  const newMain = mainNode(draft.nodes);
  runOrGoOn(draft, begun, newMain, "failback_command", template, failoverCommandTimeout);
}

function beginPromotion(draft: Draft, request: NodeRequest, node: ClusterNode): void {
  if (!isUsableNode(node)) {
    draft.answer(request, { kind: "not-valid-for-promotion", status: node.status });
    return;
  }
  log(draft, `starting promotion. promote host ${placeOf(node)}`);
  trust(draft, request);
  cancelFollow(draft);
  awaitPrimary(draft, begunRequest(draft, request));
}

/** Whoever asks for a primary of the past while there is no other means it. */
function trust(draft: Draft, { node, tickets }: NodeRequest): void {
  draft.update(node, { isTrusted: draft.primary === -1 && tickets.length > 0 });
}

/** Runs the operator's command, if there is one; what comes after it follows in any case. */
function runOrGoOn(
  draft: Draft,
  begun: BegunRequest,
  newMain: number,
  name: "failover_command" | "failback_command",
  template: string,
  timeout: number,
): void {
  const node = draft.node(begun.request.node);
  if (template === "" || node === undefined) {
    settleRoles(draft, begun);
    return;
  }
  const run = draft.work.lastRun + 1;
  draft.doWork({ active: { ...begun, run }, lastRun: run });
  draft.effect({
    type: "command",
    run,
    name,
    template,
    deadline: timeout * 1000,
    values: {
      node,
      newMain: draft.node(newMain) ?? null,
      oldMain: begun.oldMain,
      oldPrimary: draft.node(begun.oldPrimary) ?? null,
    },
  });
}

/**
 * The node's part is done. A primary has to be found before the request has ended where a node is
 * used again, or where failover_command was to make one: where nobody was asked to, nothing is
 * under way that would be worth waiting for.
 */
function settleRoles(draft: Draft, begun: BegunRequest): void {
  if (!hasSearchedPrimary(draft.settings.mode)) {
    finish(draft, [{ begun, refusal: null }]);
    return;
  }
  const isAwaited = begun.request.change.kind === "up" ||
    draft.primary === -1 && draft.work.lost?.isHandedOn === true;
  if (isAwaited) {
    awaitPrimary(draft, begun);
    return;
  }
  finish(draft, [{ begun, refusal: null }]);
  if (draft.primary === -1) beginSearch(draft);
}

function awaitPrimary(draft: Draft, begun: BegunRequest): void {
  draft.doWork({ awaiting: [...draft.work.awaiting, begun] });
  const isLoss = begun.request.change.kind === "down" && begun.oldPrimary === begun.request.node;
  if (isLoss) restartSearch(draft);
  else beginSearch(draft);
}

function begunRequest(draft: Draft, request: NodeRequest): BegunRequest {
  return {
    request,
    oldMain: mainNode(draft.nodes),
    oldPrimary: oldPrimary(draft, request.node),
    since: draft.now,
  };
}

/**
 * The primary, or the one that was lost. A node that was to become the primary and goes down before
 * it was seen to be one counts as it: otherwise the command would promote nobody in its place.
 */
function oldPrimary(draft: Draft, node: number): number {
  if (!hasSearchedPrimary(draft.settings.mode)) return -1;
  const { lost } = draft.work;
  if (draft.primary !== -1 || lost === null) return draft.primary;
  return lost.successor === node ? node : lost.node;
}

function count(draft: Draft, change: Change): void {
  const { counts } = draft.work;
  const kind = change.kind === "quarantine" ? "quarantine" : transitionOfChange(change);
  draft.doWork({ counts: { ...counts, [kind]: counts[kind] + 1 } });
}

function endText(change: Change, place: string): string {
  switch (change.kind) {
    case "down":
      return `Failover done. shutdown host ${place}`;
    case "quarantine":
      return `Quarantine done. shutdown host ${place}`;
    case "up":
      return `Failback done. reconnect host ${place}`;
    case "promote":
      return `Promotion done. promoted host ${place}`;
  }
}

function log(draft: Draft, text: string): void {
  draft.log({ severity: "log", text });
}
