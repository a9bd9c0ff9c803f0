import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { WriteQueue } from "../../lib/net/write-queue.ts";

/** A socket that takes what a list of numbers allows, in turn. */
function socketTaking(limits: readonly number[]) {
  const taken: Uint8Array[] = [];
  let call = 0;
  return {
    taken,
    send(bytes: Uint8Array, offset: number, length: number): number {
      const limit = limits[call++ % limits.length] ?? 0;
      const count = Math.min(limit, length);
      taken.push(bytes.slice(offset, offset + count));
      return count;
    },
  };
}

describe("what is written to a slow socket", () => {
  it("arrives complete and in order, however little the socket takes at a time", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
        (sizes, limits, flushes) => {
          const queue = new WriteQueue();
          const socket = socketTaking(limits);
          const chunks = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
          chunks.forEach((chunk, index) => {
            queue.push(chunk);
            if (flushes[index % flushes.length]) queue.flush(socket);
          });
          let rounds = 0;
          while (!queue.flush(socket) && rounds < 1_000_000) rounds++;
          expect(queue.bytes).toBe(0);
          expect(Buffer.concat(socket.taken).equals(Buffer.concat(chunks))).toBe(true);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("offers refused bytes again with nothing but more bytes behind them", () => {
    const offers: Uint8Array[] = [];
    const deaf = {
      send(bytes: Uint8Array, offset: number, length: number): number {
        offers.push(bytes.slice(offset, offset + length));
        return 0;
      },
    };
    const queue = new WriteQueue();
    queue.push(new Uint8Array([1, 2, 3]));
    queue.flush(deaf);
    queue.push(new Uint8Array([4]));
    queue.push(new Uint8Array(100_000).fill(5));
    queue.flush(deaf);
    expect(offers[0]).toEqual(new Uint8Array([1, 2, 3]));
    expect(offers[1]?.subarray(0, 4)).toEqual(new Uint8Array([1, 2, 3, 4]));
  });

  it("leaves in one call when it is many small messages", () => {
    const socket = socketTaking([1_000_000]);
    const queue = new WriteQueue();
    for (let i = 0; i < 100; i++) queue.push(new Uint8Array(50));
    expect(queue.flush(socket)).toBe(true);
    expect(socket.taken.length).toBe(1);
  });

  it("is forgotten when the peer is gone", () => {
    const queue = new WriteQueue();
    queue.push(new Uint8Array(10));
    expect(queue.flush({ send: () => -1 })).toBe(true);
    expect(queue.bytes).toBe(0);
  });
});
