import { afterEach, describe, expect, it } from "bun:test";
import { readlinkSync } from "node:fs";
import { join } from "node:path";
import {
  createSharedMemory,
  SharedCounters,
  type SharedFile,
  sharedMemoryPath,
} from "../../lib/process/shared-memory.ts";
import { tempDir } from "../support/temp.ts";

const open: SharedFile[] = [];

afterEach(() => {
  for (const memory of open.splice(0)) memory.close();
});

function create(workers: number, slots: number): SharedFile {
  const memory = createSharedMemory(workers, slots, tempDir());
  open.push(memory);
  return memory;
}

function worker(memory: SharedFile, number: number): SharedCounters {
  return new SharedCounters(sharedMemoryPath(memory.fd), number);
}

describe("memory of all processes", () => {
  it("has no name that could be left behind", () => {
    expect(readlinkSync(sharedMemoryPath(create(1, 1).fd))).toEndWith("(deleted)");
  });

  it("counts exactly, whoever counts", async () => {
    const memory = create(2, 1);
    memory.counters.figures.count(3, "select");
    const script = join(import.meta.dir, "count-in-memory.ts");
    const children = [1, 2].map((number) =>
      Bun.spawn([process.execPath, script, String(number)], {
        stdio: ["ignore", "inherit", "inherit", memory.fd],
      })
    );
    expect(await Promise.all(children.map((child) => child.exited))).toEqual([0, 0]);
    const { select, error, insert } = memory.counters.figures.statements(3);
    expect({ select, error, insert }).toEqual({ select: 20_001, error: 20_000, insert: 0 });
    expect(memory.counters.figures.statements(0).select).toBe(0);
  });

  it("gives out each client slot once, up to the limit", () => {
    const memory = create(2, 3);
    const [one, two] = [worker(memory, 1), worker(memory, 2)];
    const slots = [one.tryAcquireSlot(3), two.tryAcquireSlot(3), one.tryAcquireSlot(3)];
    expect(new Set(slots)).toEqual(new Set([0, 1, 2]));
    expect(two.tryAcquireSlot(3)).toBe(-1);
    one.releaseSlot(slots[0] ?? -1);
    expect(memory.counters.slotsInUse()).toBe(2);
    expect(two.tryAcquireSlot(2)).toBeLessThan(2);
  });

  it("never lets one worker give back another's slot", () => {
    const memory = create(2, 1);
    const slot = worker(memory, 1).tryAcquireSlot(1);
    worker(memory, 2).releaseSlot(slot);
    expect(memory.counters.slotsInUse()).toBe(1);
  });

  it("gives back what a dead worker held", () => {
    const memory = create(2, 4);
    const [one, two] = [worker(memory, 1), worker(memory, 2)];
    for (let i = 0; i < 3; i++) one.tryAcquireSlot(4);
    two.tryAcquireSlot(4);
    one.setWaiting(5);
    two.setWaiting(1);
    expect(memory.counters.allWaiting()).toBe(6);
    expect(memory.counters.reclaim(1)).toBe(3);
    expect(memory.counters.slotsInUse()).toBe(1);
    expect(memory.counters.allWaiting()).toBe(1);
  });
});
