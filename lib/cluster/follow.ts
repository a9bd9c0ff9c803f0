import type { Draft } from "./draft.ts";
import { isUsableNode, placeOf } from "./node.ts";

/**
 * Takes out the nodes that have to follow another primary from now on (reference behaviour.md 11,
 * step 7). A node that must not go down stays in use.
 */
export function degenerateFollowers(draft: Draft, nodes: readonly number[]): void {
  let count = 0;
  for (const id of nodes) {
    const node = draft.node(id);
    if (node === undefined || !isUsableNode(node) || !node.allowToFailover) continue;
    draft.log({
      severity: "log",
      text: `starting follow degeneration. shutdown host ${placeOf(node)}`,
    });
    draft.takeOut(id, "follow");
    count++;
  }
  if (count === 0) return;
  draft.log({
    severity: "log",
    text: `failover: ${count} follow backends have been degenerated`,
  });
}

/** Runs follow_primary_command for every node that is down, one after the other. */
export function startFollow(draft: Draft, oldPrimary: number): void {
  if (draft.settings.followPrimaryCommand === "") return;
  const nodes = draft.nodes.filter(({ status }) => status === "down").map(({ id }) => id);
  cancelFollow(draft);
  followNext(draft, nodes, draft.primary, oldPrimary);
}

/** The command has ended for one node. */
export function followEnded(draft: Draft): void {
  const { follow } = draft.work;
  if (follow === null) return;
  draft.doWork({ follow: null });
  draft.log({
    severity: "log",
    text: `=== Follow primary command for node ${follow.node} ended ===`,
  });
  followNext(draft, follow.rest, follow.primary, follow.oldPrimary);
}

/** The primary that nodes were made to follow is none any more. */
export function cancelFollow(draft: Draft): void {
  const { follow } = draft.work;
  if (follow === null) return;
  draft.doWork({ follow: null });
  draft.effect({ type: "stop-command", run: follow.run });
}

/** Nodes that have been attached meanwhile are passed over. */
function followNext(
  draft: Draft,
  nodes: readonly number[],
  primary: number,
  oldPrimary: number,
): void {
  const [id, ...rest] = nodes;
  if (id === undefined) return;
  const node = draft.node(id);
  if (node === undefined || node.status !== "down") {
    followNext(draft, rest, primary, oldPrimary);
    return;
  }
  const run = draft.work.lastRun + 1;
  draft.doWork({ lastRun: run, follow: { run, node: id, rest, primary, oldPrimary } });
  draft.log({
    severity: "log",
    text: `=== Starting follow primary command for node ${id} ===`,
  });
  draft.effect({
    type: "command",
    run,
    name: "follow_primary_command",
    template: draft.settings.followPrimaryCommand,
    deadline: draft.settings.failoverCommandTimeout * 1000,
    values: {
      node,
      newMain: draft.node(primary) ?? null,
      oldMain: oldPrimary,
      oldPrimary: draft.node(oldPrimary) ?? null,
    },
  });
}
