import { mayReturn } from "./comeback.ts";
import { RESTART_GRACE, RESTART_PAUSE } from "./complaint.ts";
import type { Draft } from "./draft.ts";
import { describeOutcome, liveness, type PingOutcome } from "./facts.ts";
import { failed, type HealthTally, NO_TALLY, skipped, succeeded } from "./health-stats.ts";
import { type ClusterNode, isUsableNode } from "./node.ts";
import { requestDown, requestUp, withdrawDown } from "./queue.ts";
import { healthCheckOf, type HealthCheckSettings } from "./settings.ts";

/** The health check of one node. */
export interface HealthState {
  /** The check under way, null between two checks. */
  readonly check: {
    /** Milliseconds when its first attempt was due. */
    readonly startedAt: number;
    /** Attempts after the first. */
    readonly retries: number;
  } | null;
  readonly tally: HealthTally;
}

export const NO_HEALTH: HealthState = { check: null, tally: NO_TALLY };

/** Starts the checks of all nodes, or fits those that are not under way to new settings. */
export function planHealthChecks(draft: Draft): void {
  for (const { id } of draft.nodes) {
    if (draft.health(id).check === null) planNext(draft, id, 0);
  }
}

/** It is time to look at a node, or to try once more (reference behaviour.md 10). */
export function hearHealthDue(draft: Draft, id: number): void {
  const node = draft.node(id);
  const settings = healthCheckOf(draft.settings, id);
  if (node === undefined || node.status === "unused" || settings.period === 0) {
    draft.setHealth(id, { ...draft.health(id), check: null });
    return;
  }
  if (isChecked(node)) {
    const { check, tally } = draft.health(id);
    draft.setHealth(id, { check: check ?? { startedAt: draft.now, retries: 0 }, tally });
    draft.effect({ type: "health-check", node: id });
    return;
  }
  draft.setHealth(id, { check: null, tally: skipped(draft.health(id).tally, draft.now) });
  planNext(draft, id, settings.period * 1000);
  if (mayReturn(draft.settings, node)) draft.effect({ type: "ask-return", node: id });
}

/** A node has been looked at. An answer that began before its last change decides nothing. */
export function hearHealth(
  draft: Draft,
  id: number,
  outcome: PingOutcome,
  startedAt: number,
): void {
  const node = draft.node(id);
  const { check, tally } = draft.health(id);
  if (node === undefined || check === null) return;
  const settings = healthCheckOf(draft.settings, id);
  const duration = draft.now - check.startedAt;
  const isStale = !isChecked(node) || node.changedAt > startedAt;

  if (outcome.kind === "answers") {
    if (check.retries > 0) log(draft, id, `health check retrying on DB node: ${id} succeeded`);
    draft.setHealth(id, {
      check: null,
      tally: succeeded(tally, draft.now, duration, check.retries),
    });
    planNext(draft, id, settings.period * 1000);
    if (!isStale) hearWell(draft, node);
    return;
  }

  const pause = isStale ? null : pauseBeforeRetry(draft, node, outcome, check, settings);
  if (pause !== null) {
    const retries = check.retries + 1;
    log(
      draft,
      id,
      `health check retrying on DB node: ${id} (round:${retries})`,
      describeOutcome(outcome),
    );
    draft.setHealth(id, { check: { ...check, retries }, tally });
    draft.effect({ type: "health-timer", node: id, pause });
    return;
  }

  draft.setHealth(id, {
    check: null,
    tally: failed(tally, draft.now, duration, check.retries, outcome.kind),
  });
  planNext(draft, id, settings.period * 1000);
  if (!isStale) judge(draft, node, outcome);
}

/** Whether a node in its present status is looked at at all. */
function isChecked(node: ClusterNode): boolean {
  return isUsableNode(node) || node.status === "quarantine";
}

/**
 * Milliseconds until another attempt, null when there is none. A primary that starts up or recovers
 * from a crash is not given up before its time, as when a worker complains of it.
 */
function pauseBeforeRetry(
  draft: Draft,
  node: ClusterNode,
  outcome: PingOutcome,
  check: NonNullable<HealthState["check"]>,
  settings: HealthCheckSettings,
): number | null {
  const life = liveness(outcome);
  if (outcome.kind === "test-request" || life === "alive" || settings.period === 0) return null;
  if (check.retries < settings.maxRetries) return settings.retryDelay * 1000;
  const isRestarting = life === "not-ready" && node.id === draft.primary;
  return isRestarting && draft.now - check.startedAt < RESTART_GRACE ? RESTART_PAUSE : null;
}

/** A quarantine ends with the first sign of life. */
function hearWell(draft: Draft, node: ClusterNode): void {
  draft.update(node.id, { isSeen: true });
  withdrawDown(draft, node.id);
  if (node.status === "quarantine") requestUp(draft, node.id);
}

/** The last attempt has failed. */
function judge(draft: Draft, node: ClusterNode, outcome: PingOutcome): void {
  const { id } = node;
  const detail = describeOutcome(outcome);
  if (liveness(outcome) === "alive") {
    draft.log({
      process: `health_check${id}`,
      severity: "warning",
      text: `health check on node ${id} is refused, but the server lives`,
      detail,
      hint: "Check health_check_user, health_check_password and health_check_database.",
    });
    return;
  }
  const isLate = outcome.kind === "timeout" || outcome.kind === "connect-timeout";
  log(draft, id, `health check failed on node ${id} (timeout:${isLate ? 1 : 0})`, detail);
  if (!isUsableNode(node)) return;
  if (node.allowToFailover) requestDown(draft, id, "failure");
  else log(draft, id, `health check failed on node ${id} but failover is disallowed for the node`);
}

function planNext(draft: Draft, id: number, pause: number): void {
  const { period } = healthCheckOf(draft.settings, id);
  draft.effect({ type: "health-timer", node: id, pause: period === 0 ? null : pause });
}

function log(draft: Draft, id: number, text: string, detail?: string): void {
  const process = `health_check${id}` as const;
  draft.log({ process, severity: "log", text, ...(detail === undefined ? {} : { detail }) });
}
