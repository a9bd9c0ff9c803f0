import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { RelationCache } from "../../lib/catalog/cache.ts";

describe("RelationCache", () => {
  it("forgets an entry after its life", () => {
    let now = 0;
    const cache = new RelationCache<number>({ size: 4, expireSeconds: 10, clock: () => now });
    cache.store("a", 1);
    now = 9_999;
    expect(cache.lookup("a")).toBe(1);
    now = 10_000;
    expect(cache.lookup("a")).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it("keeps entries for ever when relcache_expire is 0", () => {
    let now = 0;
    const cache = new RelationCache<number>({ size: 4, expireSeconds: 0, clock: () => now });
    cache.store("a", 1);
    now = 1e15;
    expect(cache.lookup("a")).toBe(1);
  });

  it("gives up the entry that was not used for the longest time", () => {
    const cache = new RelationCache<number>({ size: 2, expireSeconds: 0, clock: () => 0 });
    cache.store("a", 1);
    cache.store("b", 2);
    cache.lookup("a");
    cache.store("c", 3);
    expect([cache.lookup("a"), cache.lookup("b"), cache.lookup("c")]).toEqual([1, undefined, 3]);
  });

  it("never grows above its size and never gives a wrong value", () => {
    const keys = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()));
    fc.assert(fc.property(keys, fc.integer({ min: 1, max: 5 }), (uses, size) => {
      const cache = new RelationCache<string>({ size, expireSeconds: 0, clock: () => 0 });
      for (const [key, isStore] of uses) {
        if (isStore) cache.store(String(key), `value ${key}`);
        else expect([undefined, `value ${key}`]).toContain(cache.lookup(String(key)));
        expect(cache.size).toBeLessThanOrEqual(size);
      }
    }));
  });
});
