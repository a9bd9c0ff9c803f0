import type { ClusterSnapshot } from "../../cluster/types.ts";
import { writeNode } from "../../session/load-balance.ts";

/** Notices when a node stops being the one that takes writes. */
export class NodeWatch implements Disposable {
  readonly #noticed = Promise.withResolvers<undefined>();
  readonly #watches: Set<NodeWatch>;
  #happened = false;

  /** @param watches where it is kept as long as it is needed. */
  constructor(readonly node: number, watches: Set<NodeWatch>) {
    this.#watches = watches;
    watches.add(this);
  }

  get happened(): boolean {
    return this.#happened;
  }

  /** Resolves when it has happened. */
  get promise(): Promise<undefined> {
    return this.#noticed.promise;
  }

  look(snapshot: ClusterSnapshot): void {
    if (writeNode(snapshot) === this.node) return;
    this.#happened = true;
    this.#noticed.resolve(undefined);
  }

  [Symbol.dispose](): void {
    this.#watches.delete(this);
  }
}
