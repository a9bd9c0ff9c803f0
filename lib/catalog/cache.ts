/** Bounds of a relation cache. */
export interface RelationCacheOptions {
  /** Largest number of entries (relcache_size), at least 1. */
  readonly size: number;
  /** Seconds an entry lives (relcache_expire), 0 = for ever. */
  readonly expireSeconds: number;
  /** Milliseconds, of a clock that never goes back. */
  readonly clock: () => number;
}

/**
 * Answers of the system catalog that are kept for a while (reference behaviour.md 14): bounded,
 * the entry that was not looked at for the longest time makes room. What belongs to one session
 * only, such as temporary tables, must not be stored (`isShareable`).
 */
export class RelationCache<Value> {
  readonly #options: RelationCacheOptions;
  /** In the order of their last use, the oldest first. */
  readonly #entries = new Map<string, { readonly value: Value; readonly storedAt: number }>();

  constructor(options: RelationCacheOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  lookup(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (this.#isExpired(entry.storedAt)) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  store(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, storedAt: this.#options.clock() });
    if (this.#entries.size <= Math.max(1, this.#options.size)) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  /** Forgets everything, for example after a reload. */
  clear(): void {
    this.#entries.clear();
  }

  #isExpired(storedAt: number): boolean {
    const { expireSeconds, clock } = this.#options;
    return expireSeconds > 0 && clock() - storedAt >= expireSeconds * 1000;
  }
}
