import type { ClusterService } from "../../cluster/service.ts";
import { type ClusterSnapshot, isUsable } from "../../cluster/types.ts";
import type { NodeChanges } from "../../pcp/statistics.ts";

/** Counts what happens to nodes, by comparing each snapshot of the cluster with the one before. */
export class ChangeCounter {
  #changes: NodeChanges = { failover: 0, failback: 0, promotion: 0 };
  #before: ClusterSnapshot | undefined;
  /** The last node that was primary, -1 before there was one. */
  #primary = -1;

  /** Begins to count; what is found out about nodes at the start is no change. */
  watch(service: Pick<ClusterService, "snapshot" | "onSnapshot">): void {
    this.#note(service.snapshot());
    service.onSnapshot((snapshot) => this.#note(snapshot));
  }

  get changes(): NodeChanges {
    return this.#changes;
  }

  #note(snapshot: ClusterSnapshot): void {
    let { failover, failback, promotion } = this.#changes;
    for (const node of snapshot.nodes) {
      const before = this.#before?.nodes[node.id];
      // A node that a reload adds or frees has neither failed nor come back.
      if (before === undefined || before.status === "unused" || node.status === "unused") continue;
      if (isUsable(before) && !isUsable(node)) failover++;
      if (!isUsable(before) && isUsable(node)) failback++;
    }
    if (snapshot.primary >= 0 && snapshot.primary !== this.#primary) {
      if (this.#primary >= 0) promotion++;
      this.#primary = snapshot.primary;
    }
    this.#before = snapshot;
    this.#changes = { failover, failback, promotion };
  }
}
