import type { Clock } from "./clock.ts";
import { type ClusterNode, isUsableNode } from "./node.ts";

/** Those who wait until a node that was reported has been looked at. */
export class Verifications {
  readonly #waiting = new Set<{ readonly node: number; readonly end: () => void }>();

  /** Resolves when `tell` says so for the node, or after `limit` milliseconds. */
  wait(node: number, clock: Clock, limit: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = {
      node,
      end: () => {
        cancel();
        this.#waiting.delete(waiting);
        resolve();
      },
    };
    const cancel = clock.after(limit, waiting.end);
    this.#waiting.add(waiting);
    return promise;
  }

  /** Ends the waiting for all nodes of which that is true. */
  tell(isOver: (node: number) => boolean): void {
    for (const { node, end } of [...this.#waiting]) if (isOver(node)) end();
  }
}

/** Whether nobody is about to find out if the node can be used. */
export function isVerified(node: ClusterNode | undefined): boolean {
  return node === undefined || !isUsableNode(node) || node.verifyingSince === null;
}
