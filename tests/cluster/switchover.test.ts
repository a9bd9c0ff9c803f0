import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { SwitchoverError } from "../../lib/cluster/switchover/error.ts";
import {
  endOfRecords,
  switchOver,
  type SwitchoverGate,
  type SwitchoverParts,
} from "../../lib/cluster/switchover/switchover.ts";
import type { SwitchoverOptions, SwitchoverReport } from "../../lib/cluster/types.ts";
import { ManualClock } from "./world.ts";

/** What happens in a made-up switchover; times are milliseconds after the gate has been closed. */
interface Story {
  /** When the last transaction through pgpool ends by itself, and that of a direct client. */
  readonly lastTransaction: number;
  readonly lastDirect: number;
  /** Bytes that the standby is behind, and replays in a millisecond. */
  readonly lag: number;
  readonly speed: number;
  readonly mayFence: boolean;
  readonly mayPromote: boolean;
  readonly hasCommand: boolean;
  readonly system: string;
  /** The promotion takes so long, or fails; then the standby may be promoted all the same. */
  readonly promotion: number | "fails" | "fails but is done";
  /** The server is gone from this time on. */
  readonly standbyDies: number;
  readonly primaryDies: number;
  /** pgpool is told to stop. */
  readonly stops: number;
}

const CALM: Story = {
  lastTransaction: 0,
  lastDirect: 0,
  lag: 1000,
  speed: 1000,
  mayFence: true,
  mayPromote: true,
  hasCommand: false,
  system: "1",
  promotion: 50,
  standbyDies: Infinity,
  primaryDies: Infinity,
  stops: Infinity,
};

const OPTIONS: SwitchoverOptions = { drainTimeout: 2000, force: false };

/** A pool and its servers, of which everything is known that counts. */
class World {
  readonly clock = new ManualClock();
  readonly began = this.clock.now();
  readonly told: string[] = [];
  closedAt = Infinity;
  isOpen = true;
  areLoginsHeld = false;
  isFenced = false;
  isPromoted = false;
  isOut = false;
  isRetired = false;
  isEnded = false;
  areDirectEnded = false;
  /** What was not as it has to be when the standby was promoted. */
  readonly faults: string[] = [];

  constructor(readonly story: Story) {}

  /** Milliseconds since the gate was closed. */
  get sinceClosing(): number {
    return this.clock.now() - this.closedAt;
  }

  get position(): bigint {
    return 1_000_000_000n;
  }

  get replayed(): bigint {
    const { lag, speed } = this.story;
    return this.position - BigInt(Math.max(0, lag - speed * (this.clock.now() - this.began)));
  }

  get isQuiet(): boolean {
    return this.isEnded || this.sinceClosing >= this.story.lastTransaction;
  }

  get writers(): number {
    return this.areDirectEnded || this.sinceClosing >= this.story.lastDirect ? 0 : 1;
  }

  alive(node: number, dies: number): void {
    if (this.sinceClosing >= dies) {
      throw new SwitchoverError("unreachable", `node ${node} can not be asked`);
    }
  }

  async after(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => this.clock.after(milliseconds, resolve));
  }

  gate(): SwitchoverGate {
    this.closedAt = this.clock.now();
    this.isOpen = false;
    return {
      quiet: async (limit) => {
        for (let waited = 0;; waited += 10) {
          if (this.sinceClosing >= this.story.stops) return "stopped";
          if (this.isQuiet) return "quiet";
          if (waited >= limit) return "late";
          await this.after(10);
        }
      },
      endTransactions: () => this.isEnded = true,
      holdLogins: () => this.areLoginsHeld = true,
      [Symbol.dispose]: () => this.isOpen = true,
    };
  }

  async promote(): Promise<void> {
    const { promotion, standbyDies } = this.story;
    if (this.isOpen) this.faults.push("clients were not held back");
    if (!this.areLoginsHeld) this.faults.push("new clients were not held back");
    if (!this.isQuiet) this.faults.push("transactions ran");
    if (this.writers > 0) this.faults.push("direct clients wrote");
    if (this.replayed < this.position) this.faults.push("the standby had not got everything");
    if (this.isFenced !== this.story.mayFence) this.faults.push("the old primary was not fenced");
    this.isOut = true;
    await this.after(typeof promotion === "number" ? promotion : 20);
    this.alive(1, standbyDies);
    this.isPromoted = promotion !== "fails";
    if (typeof promotion !== "number") throw new SwitchoverError("not-promoted", "it failed");
  }

  get parts(): SwitchoverParts {
    const { story } = this;
    return {
      clock: this.clock,
      isPromotedByCommand: story.hasCommand,
      primary: {
        node: 0,
        state: async () => {
          this.alive(0, story.primaryDies);
          const { position, writers } = this;
          return { system: "1", timeline: 3, isInRecovery: false, position, writers };
        },
        fence: async () => {
          this.isFenced = story.mayFence;
          await this.after(5);
          this.alive(0, story.primaryDies);
          return story.mayFence;
        },
        unfence: async () => {
          this.alive(0, story.primaryDies);
          this.isFenced = false;
        },
        endWriters: async () => {
          this.alive(0, story.primaryDies);
          this.areDirectEnded = true;
        },
        retire: async () => {
          this.alive(0, story.primaryDies);
          this.isRetired = true;
        },
      },
      standby: {
        node: 1,
        state: async () => {
          this.alive(1, story.standbyDies);
          const { replayed, isPromoted } = this;
          const { system, mayPromote } = story;
          return { system, timeline: 3, isInRecovery: !isPromoted, replayed, mayPromote };
        },
      },
      closeGate: () => this.gate(),
      promote: () => this.promote(),
      takeBack: async () => {
        this.isOut = false;
      },
      progress: (message) => this.told.push(message),
    };
  }

  /** Runs it to its end, which has to come within two minutes. */
  async run(options: SwitchoverOptions): Promise<SwitchoverReport | SwitchoverError> {
    let end: SwitchoverReport | SwitchoverError | undefined;
    switchOver(this.parts, options).then(
      (report) => end = report,
      (error: unknown) => {
        if (!(error instanceof SwitchoverError)) throw error;
        end = error;
      },
    );
    for (let step = 0; step < 12_000 && end === undefined; step++) await this.clock.advance(10);
    if (end === undefined) throw new Error("the switchover did not end");
    return end;
  }
}

async function tell(change: Partial<Story>, options: Partial<SwitchoverOptions> = {}) {
  const world = new World({ ...CALM, ...change });
  const end = await world.run({ ...OPTIONS, ...options });
  return { world, end, kind: end instanceof SwitchoverError ? end.kind : "done" };
}

describe("a switchover", () => {
  it("drains, fences, waits for the standby, promotes it and lets clients go on", async () => {
    const { world, end } = await tell({ lastTransaction: 300, lag: 500_000 });
    expect(end).toMatchObject({ node: 1, oldPrimary: 0, isFenced: true });
    expect(world.isPromoted).toBe(true);
    expect(world.isRetired).toBe(true);
    expect(world.isOpen).toBe(true);
    expect(world.told.length).toBeGreaterThanOrEqual(4);
  });

  it("makes nobody wait for a standby that is far behind", async () => {
    const { world, end } = await tell({ lag: 5 * 1024 * 1024, speed: 1000 });
    if (end instanceof SwitchoverError) throw end;
    expect(end.pause).toBeLessThan(end.total);
    expect(world.told[0]).toContain("near enough");
    const hopeless = await tell({ lag: 1 << 30, speed: 1 });
    expect(hopeless.kind).toBe("not-caught-up");
    expect(hopeless.world.closedAt).toBe(Infinity);
  });

  it("is called off when transactions do not end, or ends them when it is told so", async () => {
    const calledOff = await tell({ lastTransaction: 60_000 });
    expect(calledOff.kind).toBe("not-drained");
    expect(calledOff.world.isEnded).toBe(false);
    const forced = await tell({ lastTransaction: 60_000, lastDirect: 60_000 }, { force: true });
    expect(forced.kind).toBe("done");
    expect(forced.world.areDirectEnded).toBe(true);
  });

  it("waits for clients that do not come through pgpool as well", async () => {
    expect((await tell({ lastDirect: 500 })).kind).toBe("done");
    const { kind, world } = await tell({ lastDirect: 60_000 });
    expect(kind).toBe("not-drained");
    expect(world.isFenced).toBe(false);
  });

  it("begins nothing that can not end well", async () => {
    for (
      const [change, kind] of [
        [{ system: "2" }, "wrong-role"],
        [{ mayPromote: false }, "no-right"],
        [{ standbyDies: -Infinity }, "unreachable"],
      ] as const
    ) {
      const { world, kind: seen } = await tell(change);
      expect(seen).toBe(kind);
      expect(world.closedAt).toBe(Infinity);
    }
    expect((await tell({ mayPromote: false, hasCommand: true })).kind).toBe("done");
  });

  it("goes on without a fence where pgpool has no right to set one, and says so", async () => {
    const { world, end } = await tell({ mayFence: false });
    expect(end).toMatchObject({ isFenced: false });
    expect(world.told.join()).toContain("refuse writes");
  });

  it("never promotes too early, and leaves the pool serving whatever fails", async () => {
    const time = (...values: readonly number[]) => fc.constantFrom(...values);
    const stories: fc.Arbitrary<Story> = fc.record({
      lastTransaction: time(0, 10, 1900, 2100, 60_000),
      lastDirect: time(0, 0, 500, 60_000),
      lag: time(0, 1000, 1 << 20, 1 << 25),
      speed: time(1, 1000, 1 << 20),
      mayFence: fc.boolean(),
      mayPromote: fc.boolean(),
      hasCommand: fc.boolean(),
      system: fc.constant("1"),
      promotion: fc.constantFrom<Story["promotion"]>(0, 50, 3000, "fails", "fails but is done"),
      standbyDies: time(Infinity, Infinity, 0, 20, 1000, 2500),
      primaryDies: time(Infinity, Infinity, 0, 20, 1000, 2500),
      stops: time(Infinity, Infinity, 10, 1000),
    });
    const property = fc.asyncProperty(stories, fc.boolean(), async (story, force) => {
      const { world, kind } = await tell(story, { force });
      expect(world.faults).toEqual([]);
      expect(world.isOpen).toBe(true);
      if (kind === "done") expect(world.isPromoted).toBe(true);
      if (world.isPromoted) {
        expect(world.isFenced).toBe(story.mayFence);
      } else {
        expect(world.isOut).toBe(false);
        if (world.sinceClosing < story.primaryDies) expect(world.isFenced).toBe(false);
      }
    });
    await fc.assert(property, { numRuns: 300 });
  }, 60_000);
});

describe("the end of the last record", () => {
  it("lies before the header of a page that has just begun", () => {
    expect(endOfRecords(0x5000028n)).toBe(0x5000000n);
    expect(endOfRecords(0x5002018n)).toBe(0x5002000n);
    expect(endOfRecords(0x5002050n)).toBe(0x5002050n);
  });
});
