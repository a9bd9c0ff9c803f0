import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import type { Effect } from "../../lib/cluster/effects.ts";
import { liveness, type PingOutcome, type ProbeOutcome } from "../../lib/cluster/facts.ts";
import { isUsableNode } from "../../lib/cluster/node.ts";
import type { Wish } from "../../lib/cluster/queue.ts";
import {
  type ClusteringMode,
  type ClusterSettings,
  hasSearchedPrimary,
} from "../../lib/cluster/settings.ts";
import { makeSnapshot, showsTheSame } from "../../lib/cluster/snapshot.ts";
import {
  type ClusterEvent,
  type ClusterState,
  initialState,
  step,
} from "../../lib/cluster/state.ts";
import {
  answer,
  backend,
  healthCheck,
  NO_PASSWORD,
  NOT_READY,
  primaryFacts,
  REFUSED,
  settings,
  standbyFacts,
  TIMEOUT,
} from "./world.ts";

const SIZE = 4;
const BACKENDS = [0, 1, 3].map((id) => backend(id, { allowToFailover: id !== 3 }));

const nodeId = fc.integer({ min: 0, max: SIZE });

const outcome: fc.Arbitrary<ProbeOutcome> = fc.oneof(
  fc.integer({ min: 1, max: 3 }).map((timeline) => answer(primaryFacts({ timeline }))),
  nodeId.map((source) => answer(standbyFacts(source))),
  fc.constantFrom<ProbeOutcome>(REFUSED, NOT_READY, TIMEOUT, NO_PASSWORD),
);

const ping: fc.Arbitrary<PingOutcome> = fc.constantFrom<PingOutcome>(
  { kind: "answers" },
  REFUSED,
  NOT_READY,
  TIMEOUT,
  NO_PASSWORD,
);

const wish: fc.Arbitrary<Wish> = fc.constantFrom<Wish>(
  { kind: "attach" },
  { kind: "detach" },
  { kind: "quarantine" },
  { kind: "promote", switchover: false },
  { kind: "promote", switchover: true },
);

/** Every wish of a run has a ticket of its own. */
let lastTicket = 0;

/** Makes an event of the time it happens at; an answer may have begun earlier. */
type Make = (now: number, base: ClusterSettings, state: ClusterState) => ClusterEvent;

const event: fc.Arbitrary<Make> = fc.oneof(
  fc.constantFrom<ClusterEvent>({ type: "started" }).map((made): Make => () => made),
  fc.tuple(
    nodeId,
    fc.constantFrom("connect-failed", "connection-lost", "shutdown", "read-only", "not-answering"),
  ).map(([node, complaint]): Make => () => ({ type: "complained", node, complaint })),
  nodeId.map((node): Make => () => ({ type: "used", node })),
  fc.tuple(nodeId, wish).map(([node, made]): Make => () => ({
    type: "wished",
    ticket: ++lastTicket,
    node,
    wish: made,
  })),
  fc.nat(12).map((run): Make => () => ({ type: "command-ended", run })),
  fc.tuple(nodeId, ping, fc.nat(3000)).map(([node, made, age]): Make => (now) => ({
    type: "verified",
    node,
    outcome: made,
    startedAt: now - age,
  })),
  nodeId.map((node): Make => () => ({ type: "health-due", node })),
  fc.tuple(nodeId, ping, fc.nat(3000)).map(([node, made, age]): Make => (now) => ({
    type: "health-checked",
    node,
    outcome: made,
    startedAt: now - age,
  })),
  fc.tuple(fc.array(fc.tuple(nodeId, outcome), { maxLength: 5 }), fc.nat(3000)).map(
    ([made, age]): Make => (now) => ({
      type: "checked",
      outcomes: new Map(made),
      startedAt: now - age,
    }),
  ),
  fc.tuple(nodeId, outcome, fc.nat(3000)).map(([node, made, age]): Make => (now) => ({
    type: "return-probed",
    node,
    outcome: made,
    startedAt: now - age,
  })),
  fc.boolean().map((more): Make => (_now, base) => ({
    type: "reloaded",
    settings: { ...base, backends: more ? [...BACKENDS, backend(2)] : BACKENDS },
  })),
);

const mode = fc.constantFrom<ClusteringMode>(
  "streaming_replication",
  "streaming_replication",
  "logical_replication",
  "native_replication",
  "snapshot_isolation",
  "raw",
);

const schedule = fc.array(fc.tuple(event, fc.nat(8000)), { maxLength: 60, size: "max" });

/** One event and what came of it. */
interface Look {
  readonly before: ClusterState;
  readonly made: ClusterEvent;
  readonly now: number;
  readonly state: ClusterState;
  readonly effects: readonly Effect[];
}

/** Runs a schedule, looks at every transition, and gives the last state. */
function run(
  options: Partial<ClusterSettings>,
  events: readonly (readonly [Make, number])[],
  look: (look: Look) => void,
): ClusterState {
  let now = 1_700_000_000_000;
  const base = settings({
    backends: BACKENDS,
    healthChecks: new Map(BACKENDS.map(({ id }) => [id, healthCheck({ maxRetries: id })])),
    searchPrimaryNodeTimeout: 5,
    ...options,
  });
  let state = initialState(base, ["up", "down"], now);
  for (const [make, pause] of events) {
    now += pause;
    const made = make(now, base, state);
    const result = step(state, made, now);
    look({ before: state, made, now, ...result });
    state = result.state;
  }
  return state;
}

const command = fc.constantFrom("", "command");

const options = fc.record({
  mode,
  detachFalsePrimary: fc.boolean(),
  failoverOnBackendError: fc.boolean(),
  failoverOnBackendShutdown: fc.boolean(),
  autoFailback: fc.boolean(),
  autoFailbackInterval: fc.nat(20),
  failoverCommand: command,
  failbackCommand: command,
  followPrimaryCommand: command,
});

/** A failure prints the seed that makes it happen again: `{ seed: … }` beside numRuns. */
const RUNS = { numRuns: 1000 };

function always(look: (look: Look) => void): void {
  fc.assert(
    fc.property(options, schedule, (change, events) => void run(change, events, look)),
    RUNS,
  );
}

function isQueuedDown({ work }: ClusterState, id: number): boolean {
  return work.queue.some(({ node, change }) => node === id && change.kind !== "up");
}

describe("whatever happens (numbers as in lib/cluster/SPEC.md)", () => {
  it("1: the generation grows with every visible change, and only then", () => {
    always(({ before, state, effects }) => {
      const isSame = showsTheSame(makeSnapshot(before), makeSnapshot(state));
      expect(state.generation).toBe(before.generation + (isSame ? 0 : 1));
      expect(effects.filter((effect) => effect.type === "publish").length).toBe(isSame ? 0 : 1);
    });
  });

  it("2: there is at most one primary, and it is usable", () => {
    always(({ state }) => {
      const { nodes, primary } = makeSnapshot(state);
      const primaries = nodes.filter((node) => node.role === "primary" || node.role === "main");
      expect(primaries.map((node) => node.id)).toEqual(primary === -1 ? [] : [primary]);
      const node = state.nodes[primary];
      expect(primary === -1 || (node !== undefined && isUsableNode(node))).toBe(true);
    });
  });

  it("3: a node becomes the primary only by its own word in this event", () => {
    always(({ before, made, state }) => {
      if (!hasSearchedPrimary(state.settings.mode) || state.primary === before.primary) return;
      if (state.primary === -1) return;
      const word = made.type === "checked" ? made.outcomes.get(state.primary) : undefined;
      expect(word?.kind === "ok" ? word.facts.inRecovery : null).toBe(false);
    });
  });

  it("4: a node goes out of use only for a reason, and never when failover is disallowed", () => {
    always(({ before, made, state }) => {
      for (const node of state.nodes) {
        const past = before.nodes[node.id];
        if (past === undefined || !isUsableNode(past) || isUsableNode(node)) continue;
        const isByHand = made.type === "wished" &&
          (made.node === node.id || made.wish.kind === "promote" && before.primary === node.id);
        const isVerified = (made.type === "verified" || made.type === "health-checked") &&
          made.node === node.id && liveness(made.outcome) !== "alive";
        const isRole = made.type === "checked" &&
          (node.downCause === "false-primary" || node.downCause === "follow");
        expect(isByHand || isVerified || isRole || isQueuedDown(before, node.id)).toBe(true);
        expect(past.allowToFailover).toBe(true);
      }
    });
  });

  it("5: a node comes back only by a verified answer or by hand, and never against the hand", () => {
    always(({ before, made, state }) => {
      for (const node of state.nodes) {
        const past = before.nodes[node.id];
        if (past === undefined || isUsableNode(past) || !isUsableNode(node)) continue;
        const isByHand = made.type === "wished" && made.node === node.id;
        const isBack = made.type === "return-probed" && made.node === node.id &&
          past.downCause !== "operator" && past.downCause !== "added" &&
          (past.downCause === "unseen" || state.settings.autoFailback);
        const isLifted = made.type === "health-checked" && made.node === node.id &&
          past.status === "quarantine";
        const isQueued = before.work.queue.some((queued) =>
          queued.node === node.id && queued.change.kind === "up"
        );
        expect(isByHand || isBack || isLifted || isQueued).toBe(true);
      }
    });
  });

  it("6: every change of a status is written down", () => {
    always(({ before, state, effects }) => {
      const isChanged = state.nodes.some((node) => before.nodes[node.id]?.status !== node.status);
      const isSaved = effects.some((effect) => effect.type === "save-status");
      expect(!isChanged || isSaved).toBe(true);
    });
  });

  it("7: a search runs exactly while there is no primary, or a request waits for one", () => {
    always(({ made, state }) => {
      if (!hasSearchedPrimary(state.settings.mode)) expect(state.search).toBeNull();
      else if (made.type === "checked" && state.work.active === null) {
        const isNeeded = state.primary === -1 || state.work.awaiting.length > 0;
        expect(state.search !== null).toBe(isNeeded);
      }
    });
  });

  it("8: the node's id is its place", () => {
    always(({ state }) => {
      expect(state.nodes.map((node) => node.id)).toEqual(state.nodes.map((_, index) => index));
    });
  });

  it("9: only a verified answer of the present time is believed", () => {
    always(({ before, made, state }) => {
      if (
        made.type !== "verified" && made.type !== "return-probed" &&
        made.type !== "health-checked"
      ) return;
      const past = before.nodes[made.node];
      if (past === undefined || past.changedAt <= made.startedAt) return;
      expect(state.nodes[made.node]?.status).toBe(past.status);
    });
  });

  it("10: one request is worked on at a time, and roles stay while its command runs", () => {
    always(({ before, made, state, effects }) => {
      const started = effects.filter((effect) =>
        effect.type === "command" && effect.name !== "follow_primary_command"
      );
      const { active } = before.work;
      const isFree = active === null || made.type === "command-ended" && made.run === active.run;
      expect(started.length).toBeLessThanOrEqual(isFree ? 1 : 0);
      if (!isFree) expect(state.primary).toBe(before.primary);
    });
  });

  it("11: nothing is asked for twice at a time", () => {
    always(({ state: { work } }) => {
      const asked = work.queue.map(({ node, change }) => `${change.kind} ${node}`);
      expect(new Set(asked).size).toBe(asked.length);
      expect(work.active === null && work.queue.length > 0).toBe(false);
    });
  });

  it("12: every request ends, and whoever asked is told once", () => {
    const ending: readonly (readonly [Make, number])[] = Array.from({ length: 40 }, (_, at) => [
      (now, _base, state): ClusterEvent =>
        at % 2 === 0 ? { type: "command-ended", run: state.work.active?.run ?? -1 } : {
          type: "checked",
          outcomes: new Map(state.nodes.map(({ id }) => [id, REFUSED])),
          startedAt: now,
        },
      2000,
    ]);
    fc.assert(
      fc.property(options, schedule, (change, events) => {
        const open = new Set<number>();
        let running = 0;
        const last = run(change, [...events, ...ending], ({ made, effects, state }) => {
          if (made.type === "wished") open.add(made.ticket);
          for (const effect of effects) {
            if (effect.type === "answer") expect(open.delete(effect.ticket)).toBe(true);
          }
          running = state.work.active?.run ?? 0;
        });
        expect([...open]).toEqual([]);
        expect([running, last.work.queue, last.work.awaiting]).toEqual([0, [], []]);
      }),
      RUNS,
    );
  });

  it("13: workers are told of a change exactly while it lasts", () => {
    always(({ state }) => {
      const { active, awaiting } = state.work;
      const isChanging = active !== null || awaiting.length > 0;
      expect(makeSnapshot(state).transition !== "none").toBe(isChanging);
    });
  });
});
