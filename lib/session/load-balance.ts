import { type ClusterSnapshot, isUsable, type NodeState } from "../cluster/types.ts";

/** One entry of a redirect preference list: `pattern:node(ratio)`. */
export interface RedirectRule {
  readonly pattern: RegExp;
  readonly target: "primary" | "standby" | number;
  readonly ratio: number;
}

/** What choosing a load balance node depends on (parameters.md 4.1). */
export interface LoadBalanceInput {
  readonly snapshot: ClusterSnapshot;
  readonly enabled: boolean;
  /** Streaming replication mode: redirect lists and delays count. */
  readonly streaming: boolean;
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  readonly userRules: readonly RedirectRule[];
  readonly databaseRules: readonly RedirectRule[];
  readonly applicationRules: readonly RedirectRule[];
  readonly preferLowerDelay: boolean;
  readonly delayThreshold: number;
  readonly delayThresholdByTime: number;
  /** Nodes this session could not reach. */
  readonly avoid: ReadonlySet<number>;
}

/** Node that writes go to: the verified primary, or the main node when there is none. */
export function writeNode(snapshot: ClusterSnapshot): number {
  return snapshot.primary >= 0 ? snapshot.primary : snapshot.main;
}

/** Whether a node lags behind by more than is allowed (parameters.md 4.1). */
export function exceedsDelay(
  node: NodeState,
  input: Pick<LoadBalanceInput, "delayThreshold" | "delayThresholdByTime">,
): boolean {
  if (node.delayByTime) {
    return input.delayThresholdByTime > 0 &&
      node.replicationDelay > input.delayThresholdByTime * 1000;
  }
  return input.delayThreshold > 0 && node.replicationDelay > input.delayThreshold;
}

/**
 * Chooses the load balance node of a session, or of a statement (parameters.md 4.1).
 *
 * @param random gives numbers in [0, 1).
 */
export function chooseLoadBalanceNode(input: LoadBalanceInput, random: () => number): number {
  const { snapshot } = input;
  const primary = writeNode(snapshot);
  if (!input.enabled) return primary;
  const usable = snapshot.nodes.filter((node) => isUsable(node) && !input.avoid.has(node.id));
  const rule = input.streaming ? matchingRule(input) : undefined;
  let candidates = usable;
  if (rule !== undefined) {
    const preferred = random() <= rule.ratio;
    if (rule.target === "standby") {
      if (!preferred) return primary;
      candidates = usable.filter((node) => node.id !== primary);
    } else {
      const wanted = rule.target === "primary" ? primary : rule.target;
      const node = usable.find((each) => each.id === wanted);
      if (node !== undefined) {
        if (preferred) return lowerDelay(node, usable, input, random);
        candidates = usable.filter((each) => each.id !== wanted);
      }
    }
  }
  const chosen = weighted(candidates, random);
  return chosen === undefined ? primary : lowerDelay(chosen, usable, input, random);
}

/** The last list that matches decides: application before database before user. */
function matchingRule(input: LoadBalanceInput): RedirectRule | undefined {
  return first(input.applicationRules, input.applicationName) ??
    first(input.databaseRules, input.database) ?? first(input.userRules, input.user);
}

function first(rules: readonly RedirectRule[], subject: string): RedirectRule | undefined {
  return subject === "" ? undefined : rules.find((rule) => rule.pattern.test(subject));
}

function weighted(nodes: readonly NodeState[], random: () => number): NodeState | undefined {
  const candidates = nodes.filter((node) => node.weight > 0);
  const total = candidates.reduce((sum, node) => sum + node.weight, 0);
  let at = random() * total;
  for (const node of candidates) {
    at -= node.weight;
    if (at < 0) return node;
  }
  return candidates.at(-1);
}

function lowerDelay(
  node: NodeState,
  usable: readonly NodeState[],
  input: LoadBalanceInput,
  random: () => number,
): number {
  const primary = writeNode(input.snapshot);
  if (
    !input.streaming || !input.preferLowerDelay || node.id === primary || !exceedsDelay(node, input)
  ) {
    return node.id;
  }
  const standbys = usable.filter((each) =>
    each.id !== primary && each.weight > 0 && !exceedsDelay(each, input)
  );
  const least = Math.min(...standbys.map((each) => each.replicationDelay));
  const best = weighted(standbys.filter((each) => each.replicationDelay === least), random);
  return best?.id ?? primary;
}
