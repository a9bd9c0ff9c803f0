import { awaitedPrimary, settleAwaiting } from "./awaiting.ts";
import { checkDelay } from "./delay.ts";
import type { Draft } from "./draft.ts";
import type { LogEntry } from "./effects.ts";
import { askDelays } from "./external-delay.ts";
import { liveness, type ProbeOutcome } from "./facts.ts";
import { isUsableNode } from "./node.ts";
import { findPrimary, Verdict } from "./primary.ts";
import { requestDown } from "./queue.ts";
import { continueSearch, endSearch, expireSearch } from "./search.ts";
import { hasSearchedPrimary, healthCheckOf } from "./settings.ts";

/**
 * All usable nodes were asked about themselves: who is the primary, who is false, how far are the
 * standbys behind (reference behaviour.md 8.1, 8.2). Answers that began before the last change of
 * a node's status say nothing about it and are dropped.
 */
export function hearRound(
  draft: Draft,
  answers: ReadonlyMap<number, ProbeOutcome>,
  startedAt: number,
): void {
  if (!hasSearchedPrimary(draft.settings.mode)) return;
  const outcomes = new Map<number, ProbeOutcome>();
  for (const [id, outcome] of answers) {
    const node = draft.node(id);
    if (node === undefined || !isUsableNode(node) || node.changedAt > startedAt) continue;
    outcomes.set(id, outcome);
    if (outcome.kind !== "ok") continue;
    draft.update(id, { serverVersion: outcome.facts.serverVersion, isSeen: true });
  }
  // Roles change when the command of the request under way has done its part, not before.
  const isChanging = draft.work.active !== null;
  const notes = isChanging ? [] : judge(draft, outcomes);
  tellOnce(draft, [...notes, ...measure(draft, outcomes)]);
  askDelays(draft);
  suspectHanging(draft, outcomes);
  suspectDead(draft, outcomes);
  if (isChanging) return;
  if (draft.primary === -1) expireSearch(draft);
  settleAwaiting(draft, outcomes);
  if (draft.primary === -1 || draft.work.awaiting.length > 0) continueSearch(draft);
  else endSearch(draft);
  detachFalsePrimaries(draft);
}

function judge(draft: Draft, outcomes: ReadonlyMap<number, ProbeOutcome>): readonly LogEntry[] {
  const before = draft.primary;
  const found = findPrimary(
    draft.usable().map((node) => ({
      id: node.id,
      hostname: node.hostname,
      port: node.port,
      alwaysPrimary: node.alwaysPrimary,
      isTrusted: node.isTrusted,
      outcome: outcomes.get(node.id),
    })),
    {
      present: before,
      wanted: awaitedPrimary(draft),
      timeline: draft.timeline,
      detachFalsePrimary: draft.settings.detachFalsePrimary,
    },
  );
  draft.verdicts = found.verdicts;
  draft.changePrimary(found.primary);
  rememberTimeline(draft, outcomes.get(found.primary));
  if (before !== found.primary) {
    if (draft.isSettled && draft.work.awaiting.length === 0) {
      draft.log({ severity: "log", text: `failover: set new primary node: ${found.primary}` });
    }
    suspectSilent(draft, before, outcomes);
  }
  return found.notes;
}

/** A primary that lost its role without a word is probably dead. */
function suspectSilent(
  draft: Draft,
  before: number,
  outcomes: ReadonlyMap<number, ProbeOutcome>,
): void {
  const node = draft.node(before);
  const outcome = outcomes.get(before);
  if (node === undefined || !isUsableNode(node) || !node.allowToFailover) return;
  if (outcome !== undefined && liveness(outcome) === "alive") return;
  draft.verifySilently([node]);
}

/**
 * A standby that hangs would keep its sessions waiting for ever, so without health checks, which
 * have their own patience, one that gives no answer while the primary does is looked at again. The
 * primary's sessions have nowhere else to go.
 */
function suspectHanging(draft: Draft, outcomes: ReadonlyMap<number, ProbeOutcome>): void {
  if (!draft.settings.failoverOnBackendError) return;
  if (outcomes.get(draft.primary)?.kind !== "ok") return;
  for (const [id, outcome] of outcomes) {
    const node = draft.node(id);
    if (!node?.allowToFailover || healthCheckOf(draft.settings, id).period > 0) continue;
    if (outcome.kind === "timeout") draft.verifySilently([node]);
  }
}

/** While a primary is waited for, a node that is not there must not be waited for as well. */
function suspectDead(draft: Draft, outcomes: ReadonlyMap<number, ProbeOutcome>): void {
  if (draft.work.awaiting.length === 0 || !draft.settings.failoverOnBackendError) return;
  for (const [id, outcome] of outcomes) {
    const node = draft.node(id);
    if (node?.allowToFailover && liveness(outcome) === "dead") draft.verifySilently([node]);
  }
}

function rememberTimeline(draft: Draft, outcome: ProbeOutcome | undefined): void {
  if (outcome?.kind !== "ok") return;
  const timeline = outcome.facts.timeline ?? 0;
  // With one that was attached by hand the cluster has gone back on purpose.
  const isTrusted = draft.node(draft.primary)?.isTrusted === true;
  draft.timeline = isTrusted ? timeline : Math.max(draft.timeline, timeline);
}

function measure(draft: Draft, outcomes: ReadonlyMap<number, ProbeOutcome>): readonly LogEntry[] {
  if (draft.settings.srCheckPeriod === 0) return [];
  const { figures, notes, problem } = checkDelay(
    draft.nodes,
    outcomes,
    draft.primary,
    draft.settings,
  );
  for (const [id, values] of figures) draft.update(id, values);
  for (const note of notes) draft.log(note);
  if (problem === "") return [];
  return [{
    process: "sr_check_worker",
    severity: "error",
    text: "Failed to check replication time lag",
    detail: problem,
    hint: "check sr_check_user and sr_check_password",
  }];
}

/** The same finding every few seconds is told once, until it changes. */
function tellOnce(draft: Draft, notes: readonly LogEntry[]): void {
  const told = JSON.stringify(notes);
  if (told === draft.told) return;
  draft.told = told;
  for (const note of notes) draft.log(note);
}

function detachFalsePrimaries(draft: Draft): void {
  // Nodes that are being made to follow a primary may claim anything (behaviour.md 8.2).
  if (!draft.settings.detachFalsePrimary || draft.work.follow !== null) return;
  for (const node of draft.usable()) {
    if (draft.verdicts.get(node.id) !== Verdict.Invalid || !node.allowToFailover) continue;
    requestDown(draft, node.id, "false-primary");
  }
}
