import { Buffer } from "node:buffer";

interface Entry<V> {
  readonly key: Buffer;
  readonly value: V;
  readonly cost: number;
}

/** Bytes an entry takes beside its key, measured roughly. */
const OVERHEAD = 400;
/** Keys up to this length are compared here; a native call costs more than that. */
const SHORT = 96;

/**
 * A bounded map from bytes to values, in two generations: when the young one is full it becomes the
 * old one, and what is used of the old one moves over. Keys are looked up by a hash that the caller
 * computes; of two keys with the same hash the later one stays, so that collisions made on purpose
 * cost nothing but misses.
 */
export class ByteTable<V> {
  #young = new Map<number, Entry<V>>();
  #old = new Map<number, Entry<V>>();
  #youngBytes = 0;
  #oldBytes = 0;

  /** @param entries and @param maxBytes bound both generations together. */
  constructor(readonly entries: number, readonly maxBytes: number) {}

  /** Number of entries. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Bytes held, roughly. */
  get bytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  /** The value of the key that a range holds. */
  get(hash: number, bytes: Uint8Array, start: number, end: number): V | undefined {
    const young = this.#young.get(hash);
    if (young !== undefined && isSame(young.key, bytes, start, end)) return young.value;
    const old = this.#old.get(hash);
    if (old === undefined || !isSame(old.key, bytes, start, end)) return undefined;
    this.#old.delete(hash);
    this.#oldBytes -= old.cost;
    this.#add(hash, old);
    return old.value;
  }

  /** Keeps a value, unless its key is unreasonably long; `size` is what the value takes. */
  set(
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    value: V,
    size: number,
  ): void {
    const cost = end - start + size + OVERHEAD;
    if (cost > this.maxBytes / 8) return;
    const key = Buffer.alloc(end - start);
    key.set(bytes.subarray(start, end));
    this.#add(hash, { key, value, cost });
  }

  #add(hash: number, entry: Entry<V>): void {
    const replaced = this.#young.get(hash);
    this.#youngBytes += entry.cost - (replaced?.cost ?? 0);
    this.#young.set(hash, entry);
    if (this.#young.size * 2 <= this.entries && this.#youngBytes * 2 <= this.maxBytes) return;
    this.#old = this.#young;
    this.#oldBytes = this.#youngBytes;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
}

function isSame(key: Buffer, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = key;
  if (length !== end - start) return false;
  if (length > SHORT) return key.compare(bytes, start, end) === 0;
  for (let at = 0; at < length; at++) if (key[at] !== bytes[start + at]) return false;
  return true;
}
