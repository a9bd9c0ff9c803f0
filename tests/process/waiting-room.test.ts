import { describe, expect, it } from "bun:test";
import { WaitEnded, WaitingRoom } from "../../lib/process/waiting-room.ts";

class Late extends Error {}

const late = () => new Late();

describe("a waiting room", () => {
  it("lets those who wait go on in turn, or all at once", async () => {
    const sizes: number[] = [];
    const room = new WaitingRoom((size) => sizes.push(size));
    const order: string[] = [];
    const waits = ["a", "b", "c"].map(async (name) => {
      await room.wait({ milliseconds: 0, late });
      order.push(name);
    });
    room.next();
    await waits[0];
    expect(order).toEqual(["a"]);
    room.all();
    await Promise.all(waits);
    expect(order).toEqual(["a", "b", "c"]);
    expect(sizes).toEqual([1, 2, 3, 2, 1, 0]);
  });

  it("sends away who has waited too long, has gone, or comes after it was closed", async () => {
    const room = new WaitingRoom();
    const outcome = (wait: Promise<void>) => wait.then(() => "in", (error: unknown) => error);
    expect(await outcome(room.wait({ milliseconds: 1, late }))).toBeInstanceOf(Late);
    const gone = new AbortController();
    const leaves = outcome(room.wait({ milliseconds: 0, late, signal: gone.signal }));
    gone.abort();
    expect(await leaves).toBeInstanceOf(WaitEnded);
    const stays = outcome(room.wait({ milliseconds: 0, late }));
    room.close();
    expect(await stays).toBeInstanceOf(WaitEnded);
    expect(room.size).toBe(0);
    expect(() => room.wait({ milliseconds: 0, late })).toThrow(WaitEnded);
  });
});
