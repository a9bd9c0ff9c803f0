import type { StatementClass } from "../sql/statement-class.ts";
import { stringEnd, text } from "../wire/read.ts";

/** Parse messages kept for moving statements to other nodes, per session, in bytes. */
const KEEP_BYTES = 16 * 1024 * 1024;

/** Largest chunk of a client's bytes that is held on to for the sake of a message in it. */
const HELD_CHUNK = 2048;

const NO_STATEMENTS: ReadonlyMap<string, Prepared> = new Map();

/** A prepared statement of the extended protocol, or of PREPARE. */
export interface Prepared {
  readonly statement: StatementClass;
  /** The text is a read by its first letters. */
  readonly readText: boolean;
  /** The message that prepares it stands in these bytes, so that it can be sent to another node. */
  readonly bytes: Uint8Array | undefined;
  readonly start: number;
  readonly end: number;
  /** Nodes it has been sent to. */
  readonly nodes: number[];
}

/** A portal of the extended protocol and where it is. */
export interface Portal {
  /** Undefined when nothing is known of the statement it was bound to. */
  readonly prepared: Prepared | undefined;
  readonly node: number;
  readonly followers: readonly number[];
}

/** Text of a statement of the extended protocol; empty when its message was not kept. */
export function preparedText({ bytes, start, end }: Prepared): string {
  if (bytes === undefined) return "";
  const nameEnd = stringEnd(bytes, start + 5, end);
  const queryEnd = stringEnd(bytes, nameEnd + 1, end);
  return nameEnd < 0 || queryEnd < 0 ? "" : text(bytes, nameEnd + 1, queryEnd);
}

/** Prepared statements by name, bounded by the bytes of the messages kept. */
export class PreparedStatements {
  /** Made with the first statement: most sessions of idle clients have none. */
  #byName: Map<string, Prepared> | undefined;
  #bytes = 0;

  get(name: string): Prepared | undefined {
    return this.#byName?.get(name);
  }

  /**
   * Registers a statement, and keeps its message as long as there is room. Without a message
   * (`start` equals `end`) it can only run where it is.
   */
  set(
    name: string,
    statement: StatementClass,
    readText: boolean,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Prepared {
    this.delete(name);
    const length = end - start;
    const fits = length > 0 && this.#bytes + length <= KEEP_BYTES;
    if (fits) this.#bytes += length;
    // The bytes of a small chunk are ours; a large one is not kept for a small message in it.
    const holds = bytes.length <= HELD_CHUNK;
    const prepared: Prepared = {
      statement,
      readText,
      bytes: !fits ? undefined : holds ? bytes : bytes.slice(start, end),
      start: holds ? start : 0,
      end: holds ? end : length,
      nodes: [],
    };
    this.#byName ??= new Map();
    this.#byName.set(name, prepared);
    return prepared;
  }

  delete(name: string): void {
    const old = this.#byName?.get(name);
    if (old === undefined) return;
    if (old.bytes !== undefined) this.#bytes -= old.end - old.start;
    this.#byName?.delete(name);
  }

  /** Forgets a statement if it is still the given one: its Parse failed. */
  forget(prepared: Prepared): void {
    for (const [name, each] of this.#byName ?? NO_STATEMENTS) {
      if (each === prepared) {
        this.delete(name);
        return;
      }
    }
  }

  clear(): void {
    this.#byName = undefined;
    this.#bytes = 0;
  }

  /** Whether a statement has been sent to the node. */
  isOn(node: number): boolean {
    return this.#byName?.values().some((prepared) => prepared.nodes.includes(node)) ?? false;
  }

  /** A node's connection is gone, and with it what was prepared there. */
  lost(node: number): void {
    for (const prepared of this.#byName?.values() ?? []) {
      const at = prepared.nodes.indexOf(node);
      if (at >= 0) prepared.nodes.splice(at, 1);
    }
  }
}
