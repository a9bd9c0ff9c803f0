import { type ClusterNode, isUsableNode } from "./node.ts";
import { type ClusterSettings, hasSearchedPrimary } from "./settings.ts";
import { transitionOf, type Work } from "./work.ts";
import type { ClusterSnapshot, NodeRole, NodeState } from "./types.ts";

/** What a snapshot is made of. */
export interface SnapshotSource {
  readonly settings: ClusterSettings;
  readonly generation: number;
  readonly nodes: readonly ClusterNode[];
  /** The verified primary in modes that have one, -1 otherwise. */
  readonly primary: number;
  readonly work: Work;
}

/** Lowest usable node id, -1 when no node is usable (reference behaviour.md 1, "main node"). */
export function mainNode(nodes: readonly ClusterNode[]): number {
  return nodes.find(isUsableNode)?.id ?? -1;
}

/**
 * The immutable picture of the cluster that workers get. `nodes[id].id === id` for every slot.
 * In modes without a searched primary the main node is the primary (behaviour.md 8).
 */
export function makeSnapshot(source: SnapshotSource): ClusterSnapshot {
  const main = mainNode(source.nodes);
  const isSearched = hasSearchedPrimary(source.settings.mode);
  const primary = isSearched ? source.primary : main;
  const total = source.nodes.reduce((sum, node) => sum + node.weight, 0);
  return {
    generation: source.generation,
    primary,
    main,
    transition: transitionOf(source.work),
    nodes: source.nodes.map((node) => nodeState(node, roleOf(node, isSearched, primary), total)),
  };
}

/** Whether two snapshots show the same, whatever their generations. */
export function showsTheSame(a: ClusterSnapshot, b: ClusterSnapshot): boolean {
  return a.primary === b.primary && a.main === b.main && a.transition === b.transition &&
    a.nodes.length === b.nodes.length &&
    a.nodes.every((node, index) => isSameNode(node, b.nodes[index]));
}

function roleOf(node: ClusterNode, isSearched: boolean, primary: number): NodeRole {
  if (isSearched) return node.id === primary ? "primary" : "standby";
  return node.id === primary ? "main" : "replica";
}

function nodeState(node: ClusterNode, role: NodeRole, totalWeight: number): NodeState {
  return {
    id: node.id,
    hostname: node.hostname,
    port: node.port,
    status: node.status,
    role,
    weight: totalWeight > 0 ? node.weight / totalWeight : 0,
    replicationDelay: node.replicationDelay,
    delayByTime: node.delayByTime,
    replicationState: node.replicationState,
    replicationSyncState: node.replicationSyncState,
    lastStatusChange: node.lastStatusChange,
    serverVersion: node.serverVersion,
  };
}

function isSameNode(a: NodeState, b: NodeState | undefined): boolean {
  return b !== undefined && a.id === b.id && a.hostname === b.hostname && a.port === b.port &&
    a.status === b.status && a.role === b.role && a.weight === b.weight &&
    a.replicationDelay === b.replicationDelay && a.delayByTime === b.delayByTime &&
    a.replicationState === b.replicationState &&
    a.replicationSyncState === b.replicationSyncState &&
    a.lastStatusChange === b.lastStatusChange && a.serverVersion === b.serverVersion;
}
