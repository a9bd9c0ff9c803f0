import { expect, it } from "bun:test";
import type { ClusterSnapshot, NodeStatus } from "../../../lib/cluster/types.ts";
import { ChangeCounter } from "../../../lib/process/statistics/changes.ts";
import { CLUSTER } from "../../session/harness.ts";

/** A counter, and what shows it the cluster with these statuses and this primary. */
function watched() {
  const counter = new ChangeCounter();
  let listener: ((snapshot: ClusterSnapshot) => void) | undefined;
  let first = CLUSTER;
  const snapshot = (primary: number, ...statuses: NodeStatus[]): ClusterSnapshot => ({
    ...CLUSTER,
    primary,
    nodes: CLUSTER.nodes.map((node, id) => ({ ...node, status: statuses[id] ?? "unused" })),
  });
  return {
    changes: () => counter.changes,
    start(primary: number, ...statuses: NodeStatus[]) {
      first = snapshot(primary, ...statuses);
      counter.watch({
        snapshot: () => first,
        onSnapshot: (given) => {
          listener = given;
          return () => {};
        },
      });
    },
    see: (primary: number, ...statuses: NodeStatus[]) => listener?.(snapshot(primary, ...statuses)),
  };
}

it("counts nodes that are taken out, come back and become primary", () => {
  const { start, see, changes } = watched();
  start(0, "up", "waiting");
  see(0, "up", "up");
  see(-1, "down", "up");
  see(1, "down", "up");
  see(1, "waiting", "up");
  see(1, "up", "quarantine");
  expect(changes()).toEqual({ failover: 2, failback: 1, promotion: 1 });
});

it("does not count what is found out at the start, nor nodes that a reload adds or frees", () => {
  const { start, see, changes } = watched();
  start(-1, "down", "unused");
  see(0, "down", "waiting");
  see(0, "down", "unused");
  expect(changes()).toEqual({ failover: 0, failback: 0, promotion: 0 });
});
