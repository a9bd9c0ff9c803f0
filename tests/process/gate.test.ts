import { describe, expect, it } from "bun:test";
import { ClosedGate, Gate, GateBusyError } from "../../lib/process/gate.ts";
import type { GateState, SupervisorMessage } from "../../lib/process/messages.ts";
import { ManualClock } from "../cluster/world.ts";

/** A gate before two workers, and what those were told. */
function gate() {
  const clock = new ManualClock();
  const told: SupervisorMessage[] = [];
  const subject = new Gate(2, (message) => void told.push(message), clock, () => {});
  const states = () => told.flatMap((message) => message.type === "gate" ? [message.gate] : []);
  const last = (): GateState | undefined => states().at(-1);
  return { subject, clock, told, states, last };
}

/** Number of the present closing. */
function closing(state: GateState | undefined): number {
  if (state === undefined || state.kind === "open") throw new Error("the gate is open");
  return state.closing;
}

describe("the gate before all workers", () => {
  it("is quiet when every worker has said so, and opens when it is let go", async () => {
    const { subject, last } = gate();
    const closed = subject.close("transactions");
    expect(last()).toEqual({ kind: "transactions", closing: 1, holdsLogins: false });
    expect(subject.state).toEqual(last() ?? { kind: "open" });
    const quiet = closed.quiet(1000);
    subject.workerQuiet(1, 1);
    subject.workerQuiet(1, 1);
    expect(Bun.peek.status(quiet)).toBe("pending");
    subject.workerQuiet(2, 1);
    expect(await quiet).toBe("quiet");
    closed[Symbol.dispose]();
    expect(last()).toEqual({ kind: "open" });
  });

  it("stays closed when the time is over, until it is let go", async () => {
    const { subject, clock, last } = gate();
    {
      using closed = subject.close("clients");
      const quiet = closed.quiet(1000);
      await clock.advance(1000);
      expect(await quiet).toBe("late");
      expect(last()?.kind).toBe("clients");
    }
    expect(last()).toEqual({ kind: "open" });
  });

  it("takes no word for this closing that was meant for the one before", async () => {
    const { subject, clock, last } = gate();
    subject.close("transactions")[Symbol.dispose]();
    const closed = subject.close("transactions");
    expect(closing(last())).toBe(2);
    subject.workerQuiet(1, 1);
    subject.workerQuiet(2, 1);
    const quiet = closed.quiet(10);
    await clock.advance(10);
    expect(await quiet).toBe("late");
  });

  it("is closed by one at a time", () => {
    const { subject } = gate();
    const closed = subject.close("clients");
    expect(() => subject.close("transactions")).toThrow(GateBusyError);
    closed[Symbol.dispose]();
    expect(subject.close("transactions")).toBeInstanceOf(ClosedGate);
  });

  it("opens when pgpool stops, and is not closed again", async () => {
    const { subject, last, states } = gate();
    const closed = subject.close("transactions");
    const quiet = closed.quiet(1000);
    subject.stop();
    expect(await quiet).toBe("stopped");
    expect(last()).toEqual({ kind: "open" });
    closed.holdLogins();
    closed[Symbol.dispose]();
    expect(states()).toHaveLength(2);
    expect(() => subject.close("clients")).toThrow(GateBusyError);
  });

  it("has new clients wait as well, and transactions ended, when it is told so", () => {
    const { subject, told, last } = gate();
    using closed = subject.close("transactions");
    closed.holdLogins();
    expect(last()).toEqual({ kind: "transactions", closing: 1, holdsLogins: true });
    closed.endTransactions();
    expect(told.at(-1)).toEqual({ type: "end-transactions" });
  });
});
