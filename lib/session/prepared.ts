import type { StatementClass } from "../sql/statement-class.ts";

/** Parse messages kept for moving statements to other nodes, per session, in bytes. */
const KEEP_BYTES = 16 * 1024 * 1024;

/** A prepared statement of the extended protocol, or of PREPARE. */
export interface Prepared {
  readonly statement: StatementClass;
  /** The text is a read by its first letters. */
  readonly readText: boolean;
  /** The message that prepares it, kept so that it can be sent to another node. */
  readonly message: Uint8Array | undefined;
  /** Nodes it has been sent to. */
  readonly nodes: number[];
}

/** A portal of the extended protocol and where it is. */
export interface Portal {
  readonly statement: StatementClass | undefined;
  readonly node: number;
  readonly followers: readonly number[];
}

/** Prepared statements by name, bounded by the bytes of the messages kept. */
export class PreparedStatements {
  #byName = new Map<string, Prepared>();
  #bytes = 0;

  get(name: string): Prepared | undefined {
    return this.#byName.get(name);
  }

  /** Registers a statement and keeps its message as long as there is room. */
  set(
    name: string,
    statement: StatementClass,
    readText: boolean,
    message: Uint8Array,
    nodes: number[],
  ): Prepared {
    this.delete(name);
    const fits = this.#bytes + message.length <= KEEP_BYTES;
    const kept = fits ? Uint8Array.from(message) : undefined;
    this.#bytes += kept?.length ?? 0;
    const prepared = { statement, readText, message: kept, nodes };
    this.#byName.set(name, prepared);
    return prepared;
  }

  delete(name: string): void {
    const old = this.#byName.get(name);
    if (old === undefined) return;
    this.#bytes -= old.message?.length ?? 0;
    this.#byName.delete(name);
  }

  /** Forgets a statement if it is still the given one: its Parse failed. */
  forget(prepared: Prepared): void {
    for (const [name, each] of this.#byName) {
      if (each === prepared) {
        this.delete(name);
        return;
      }
    }
  }

  clear(): void {
    this.#byName.clear();
    this.#bytes = 0;
  }

  /** A node's connection is gone, and with it what was prepared there. */
  lost(node: number): void {
    for (const prepared of this.#byName.values()) {
      const at = prepared.nodes.indexOf(node);
      if (at >= 0) prepared.nodes.splice(at, 1);
    }
  }
}
