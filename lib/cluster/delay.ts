import type { LogEntry } from "./effects.ts";
import type { NodeFacts, ProbeOutcome } from "./facts.ts";
import { lsnDistance } from "./lsn.ts";
import { type ClusterNode, isUsableNode, NO_REPLICATION } from "./node.ts";
import type { ClusterSettings } from "./settings.ts";

/** Replication figures of one node. */
export interface DelayFigures {
  readonly replicationDelay: number;
  readonly delayByTime: boolean;
  readonly replicationState: string;
  readonly replicationSyncState: string;
}

/** Result of one delay check. */
export interface DelayCheck {
  readonly figures: ReadonlyMap<number, DelayFigures>;
  readonly notes: readonly LogEntry[];
  /** What could not be measured; empty when all was. */
  readonly problem: string;
}

/**
 * Measures how far the standbys are behind (reference behaviour.md 8.2). Skipped (nothing changes)
 * with one backend or without a primary that answers. A node that is down keeps no delay, but its
 * row in pg_stat_replication is shown, because a standby that streams may be taken back.
 */
export function checkDelay(
  nodes: readonly ClusterNode[],
  outcomes: ReadonlyMap<number, ProbeOutcome>,
  primary: number,
  settings: ClusterSettings,
): DelayCheck {
  const figures = new Map<number, DelayFigures>();
  const notes: LogEntry[] = [];
  const used = nodes.filter((node) => node.status !== "unused");
  if (used.length < 2 || primary < 0) return { figures, notes, problem: "" };
  const source = factsOf(outcomes.get(primary));
  if (source === null) return { figures, notes, problem: missingConnection(primary) };

  let problem = "";
  for (const node of used) {
    if (node.id === primary) {
      figures.set(node.id, NO_REPLICATION);
      continue;
    }
    const facts = factsOf(outcomes.get(node.id));
    if (facts === null && isUsableNode(node)) problem ||= missingConnection(node.id);
    const measured = measure(node, source, facts, settings);
    figures.set(node.id, measured);
    if (isUsableNode(node) && facts !== null && settings.replicationDelaySourceCmd === "") {
      notes.push(...delayNote(node.id, measured, primary, settings));
    }
  }
  return { figures, notes, problem };
}

function factsOf(outcome: ProbeOutcome | undefined): NodeFacts | null {
  return outcome?.kind === "ok" ? outcome.facts : null;
}

function missingConnection(node: number): string {
  return `No persistent db connection for the node ${node}`;
}

function measure(
  node: ClusterNode,
  source: NodeFacts,
  facts: NodeFacts | null,
  settings: ClusterSettings,
): DelayFigures {
  const replica = node.applicationName === ""
    ? undefined
    : source.replicas.find((row) => row.applicationName === node.applicationName);
  const isExternal = settings.replicationDelaySourceCmd !== "";
  const delayByTime = settings.delayThresholdByTime > 0 || isExternal;
  const standbyLsn = facts?.lsn ?? null;
  const bytes = standbyLsn !== null && source.lsn !== null
    ? lsnDistance(source.lsn, standbyLsn)
    : node.delayByTime
    ? 0
    : node.replicationDelay;
  const isMeasured = isUsableNode(node);
  const microseconds = isExternal ? externalDelay(node) : replica?.replayLag ?? 0;
  return {
    replicationDelay: !isMeasured ? 0 : delayByTime ? microseconds : bytes,
    delayByTime: isMeasured && delayByTime,
    replicationState: replica?.state ?? "",
    replicationSyncState: replica?.syncState ?? "",
  };
}

/** What the external command has said last stays until it says something else. */
function externalDelay(node: ClusterNode): number {
  return node.delayByTime ? node.replicationDelay : 0;
}

/** What is to be told of a standby's delay. */
export function delayNote(
  node: number,
  figures: Pick<DelayFigures, "replicationDelay" | "delayByTime">,
  primary: number,
  settings: ClusterSettings,
): LogEntry[] {
  const { replicationDelay: delay, delayByTime } = figures;
  const threshold = delayByTime ? settings.delayThresholdByTime * 1000 : settings.delayThreshold;
  if (!isDelayLogged(settings.logStandbyDelay, delay, threshold)) return [];
  const amount = delayByTime ? `${(delay / 1e6).toFixed(6)} second(s)` : `${delay} bytes`;
  return [{
    process: "sr_check_worker",
    severity: "log",
    text: `Replication of node: ${node} is behind ${amount} from the primary server ` +
      `(node: ${primary})`,
  }];
}

function isDelayLogged(
  when: ClusterSettings["logStandbyDelay"],
  delay: number,
  threshold: number,
): boolean {
  switch (when) {
    case "always":
      return delay > 0;
    case "if_over_threshold":
      return threshold > 0 && delay > threshold;
    case "none":
      return false;
  }
}
