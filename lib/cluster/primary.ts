import { describeOutcome, type NodeFacts, type ProbeOutcome, type ReceiverFact } from "./facts.ts";
import type { LogEntry } from "./effects.ts";

/** What a search for the primary found a node to be (the numbers of `node status[n]: k`). */
export const Verdict = { Unknown: 0, Primary: 1, Standby: 2, Invalid: 3 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** A usable node and what it answered. */
export interface Candidate {
  readonly id: number;
  readonly hostname: string;
  readonly port: number;
  readonly alwaysPrimary: boolean;
  /** It may be a primary whatever its timeline. */
  readonly isTrusted: boolean;
  /** Undefined when it was not asked. */
  readonly outcome: ProbeOutcome | undefined;
}

/** What the search starts from. */
export interface SearchContext {
  /** The primary known so far, -1 for none. */
  readonly present: number;
  /** The node that somebody wants to be the primary, -1 for none: its own word is enough then. */
  readonly wanted: number;
  /** Highest timeline a primary of this cluster has been seen on, 0 when unknown. */
  readonly timeline: number;
  readonly detachFalsePrimary: boolean;
}

/** Result of one search. */
export interface SearchResult {
  /** -1 when there is none. */
  readonly primary: number;
  readonly verdicts: ReadonlyMap<number, Verdict>;
  readonly notes: readonly LogEntry[];
}

interface Answer {
  readonly candidate: Candidate;
  readonly facts: NodeFacts;
}

/**
 * Finds the primary among the usable nodes (reference behaviour.md 8.1).
 *
 * An ALWAYS_PRIMARY node is it without a check. Of several servers that are not in recovery the
 * one that feeds all standbys is true, then the one known so far, then the highest timeline, then
 * the highest id (the lowest when there is no standby at all). A server on an older timeline than
 * the cluster has been on is a primary of the past and is never taken. The known primary is kept
 * when it does not answer and nobody else is one: losing it is decided elsewhere.
 */
export function findPrimary(
  candidates: readonly Candidate[],
  context: SearchContext,
): SearchResult {
  const verdicts = new Map<number, Verdict>();
  for (const candidate of candidates) verdicts.set(candidate.id, Verdict.Unknown);
  const answers = candidates.flatMap(answerOf);
  const standbys = answers.filter((answer) => answer.facts.inRecovery);
  for (const standby of standbys) verdicts.set(standby.candidate.id, Verdict.Standby);

  const always = candidates.find((candidate) => candidate.alwaysPrimary);
  if (always !== undefined) {
    for (const answer of answers) verdicts.set(answer.candidate.id, Verdict.Standby);
    verdicts.set(always.id, Verdict.Primary);
    return { primary: always.id, verdicts, notes: nodeNotes(always.id, verdicts) };
  }

  const notes = candidates.flatMap(silenceNote);
  const claims = answers.filter((answer) => !answer.facts.inRecovery);
  const current = claims.filter((claim) => !isOfThePast(claim, context));
  for (const claim of claims) {
    if (!current.includes(claim)) notes.push(pastNote(claim, context.timeline));
  }

  const owner = current.length > 1 ? ownerOfAll(current, standbys, notes) : undefined;
  const wanted = current.find(({ candidate }) => candidate.id === context.wanted);
  const chosen = wanted ?? owner ?? choose(current, standbys.length > 0, context.present);
  const silent = candidates.some((candidate) =>
    candidate.id === context.present && candidate.outcome?.kind !== "ok"
  );
  const primary = chosen?.candidate.id ?? (silent ? context.present : -1);
  if (chosen !== undefined) verdicts.set(chosen.candidate.id, Verdict.Primary);

  const isProven = owner !== undefined || standbys.length === 0;
  for (const claim of claims) {
    if (claim === chosen) continue;
    const isFalse = context.detachFalsePrimary && chosen !== undefined && isProven;
    verdicts.set(claim.candidate.id, isFalse ? Verdict.Invalid : Verdict.Unknown);
  }
  return { primary, verdicts, notes: [...notes, ...nodeNotes(chosen?.candidate.id, verdicts)] };
}

/**
 * Whether a standby with this receiver is fed by the node: same host and port, where a socket
 * directory stands for every local name (behaviour.md 8.1).
 */
export function isFedBy(
  node: { readonly hostname: string; readonly port: number },
  receiver: ReceiverFact | null,
): boolean {
  if (receiver === null || receiver.status !== "streaming") return false;
  if (receiver.senderPort !== node.port) return false;
  if (receiver.senderHost === node.hostname) return true;
  const isLocalNode = node.hostname === "" || node.hostname.startsWith("/");
  const sender = receiver.senderHost;
  return isLocalNode && (sender === "" || sender === "localhost" || sender.startsWith("/"));
}

function answerOf(candidate: Candidate): Answer[] {
  const { outcome } = candidate;
  return outcome?.kind === "ok" ? [{ candidate, facts: outcome.facts }] : [];
}

/** Why a node says nothing of its role. */
function silenceNote({ id, outcome }: Candidate): LogEntry[] {
  if (outcome === undefined || outcome.kind === "ok") return [];
  return [{
    severity: "log",
    text: `find_primary_node: node ${id} does not tell its role`,
    detail: describeOutcome(outcome),
  }];
}

function isOfThePast(claim: Answer, context: SearchContext): boolean {
  const { timeline } = claim.facts;
  if (claim.candidate.id === context.present || claim.candidate.isTrusted) return false;
  return timeline !== null && timeline < context.timeline;
}

function ownerOfAll(
  claims: readonly Answer[],
  standbys: readonly Answer[],
  notes: LogEntry[],
): Answer | undefined {
  if (standbys.length === 0) return undefined;
  let owner: Answer | undefined;
  for (const claim of claims) {
    const foreign = standbys.filter((standby) => !isFedBy(claim.candidate, standby.facts.receiver));
    if (foreign.length === 0) owner = claim;
    else notes.push(...ownershipNotes(claim.candidate, foreign, standbys.length));
  }
  return owner;
}

function choose(
  claims: readonly Answer[],
  hasStandbys: boolean,
  present: number,
): Answer | undefined {
  const known = claims.find((claim) => claim.candidate.id === present);
  if (known !== undefined) return known;
  const direction = hasStandbys ? -1 : 1;
  return [...claims].sort((a, b) =>
    (b.facts.timeline ?? 0) - (a.facts.timeline ?? 0) ||
    direction * (a.candidate.id - b.candidate.id)
  )[0];
}

function nodeNotes(
  primary: number | undefined,
  verdicts: ReadonlyMap<number, Verdict>,
): LogEntry[] {
  const notes: LogEntry[] = [];
  if (primary !== undefined) {
    notes.push({ severity: "log", text: `find_primary_node: primary node is ${primary}` });
  }
  for (const [id, verdict] of verdicts) {
    if (verdict !== Verdict.Standby) continue;
    notes.push({ severity: "log", text: `find_primary_node: standby node is ${id}` });
  }
  return notes;
}

function ownershipNotes(
  primary: Candidate,
  foreign: readonly Answer[],
  standbys: number,
): LogEntry[] {
  const notes: LogEntry[] = [];
  for (const { candidate, facts } of foreign) {
    const sender = facts.receiver;
    notes.push({
      severity: "log",
      text: `verify_backend_node_status: primary ${primary.id} does not connect to standby ` +
        `${candidate.id}`,
      detail: `pgpool.conf backend: (host="${primary.hostname}" port=${primary.port}) does not ` +
        `match PostgreSQL primary_conninfo: (host="${sender?.senderHost ?? ""}" ` +
        `port=${sender?.senderPort ?? 0})`,
    });
  }
  notes.push({
    severity: "log",
    text: `verify_backend_node_status: primary ${primary.id} owns only ` +
      `${standbys - foreign.length} standbys out of ${standbys}`,
  });
  return notes;
}

function pastNote(claim: Answer, timeline: number): LogEntry {
  return {
    severity: "warning",
    text: `node ${claim.candidate.id} claims to be primary but is on an old timeline`,
    detail: `The node is on timeline ${claim.facts.timeline}, the cluster has been on timeline ` +
      `${timeline}.`,
    hint: "Rebuild the node as a standby, or attach it by hand to make it the primary.",
  };
}
