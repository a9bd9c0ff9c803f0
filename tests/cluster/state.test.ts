import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { liveness, type PingOutcome, type ProbeOutcome } from "../../lib/cluster/facts.ts";
import { isUsableNode } from "../../lib/cluster/node.ts";
import { type ClusteringMode, hasSearchedPrimary } from "../../lib/cluster/settings.ts";
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

/** Makes an event of the time it happens at; an answer may have begun earlier. */
type Make = (now: number) => ClusterEvent;

const event: fc.Arbitrary<Make> = fc.oneof(
  fc.constantFrom<ClusterEvent>({ type: "started" }).map((made): Make => () => made),
  fc.tuple(
    nodeId,
    fc.constantFrom("connect-failed", "connection-lost", "shutdown", "read-only", "not-answering"),
  ).map(([node, complaint]): Make => () => ({ type: "complained", node, complaint })),
  nodeId.map((node): Make => () => ({ type: "used", node })),
  nodeId.map((node): Make => () => ({ type: "attached", node })),
  nodeId.map((node): Make => () => ({ type: "detached", node })),
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
  fc.boolean().map((more): Make => () => ({
    type: "reloaded",
    settings: settings({ backends: more ? [...BACKENDS, backend(2)] : BACKENDS }),
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

const schedule = fc.array(fc.tuple(event, fc.nat(8000)), { maxLength: 60 });

/** Runs a schedule and looks at every transition. */
function run(
  clusteringMode: ClusteringMode,
  options: Partial<ReturnType<typeof settings>>,
  events: readonly (readonly [Make, number])[],
  look: (before: ClusterState, made: ClusterEvent, result: ReturnType<typeof step>) => void,
): void {
  let now = 1_700_000_000_000;
  let state = initialState(
    settings({
      mode: clusteringMode,
      backends: BACKENDS,
      healthChecks: new Map(BACKENDS.map(({ id }) => [id, healthCheck({ maxRetries: id })])),
      ...options,
    }),
    ["up", "down"],
    now,
  );
  for (const [make, pause] of events) {
    now += pause;
    const made = make(now);
    const result = step(state, made, now);
    look(state, made, result);
    state = result.state;
  }
}

const options = fc.record({
  detachFalsePrimary: fc.boolean(),
  failoverOnBackendError: fc.boolean(),
  failoverOnBackendShutdown: fc.boolean(),
});

function always(
  look: (before: ClusterState, made: ClusterEvent, result: ReturnType<typeof step>) => void,
): void {
  fc.assert(
    fc.property(
      mode,
      options,
      schedule,
      (clusteringMode, change, events) => run(clusteringMode, change, events, look),
    ),
    { numRuns: 300 },
  );
}

describe("whatever happens (numbers as in lib/cluster/SPEC.md)", () => {
  it("1: the generation grows with every visible change, and only then", () => {
    always((before, _made, { state, effects }) => {
      const isSame = showsTheSame(makeSnapshot(before), makeSnapshot(state));
      expect(state.generation).toBe(before.generation + (isSame ? 0 : 1));
      expect(effects.filter((effect) => effect.type === "publish").length).toBe(isSame ? 0 : 1);
    });
  });

  it("2: there is at most one primary, and it is usable", () => {
    always((_before, _made, { state }) => {
      const { nodes, primary } = makeSnapshot(state);
      const primaries = nodes.filter((node) => node.role === "primary" || node.role === "main");
      expect(primaries.map((node) => node.id)).toEqual(primary === -1 ? [] : [primary]);
      const node = state.nodes[primary];
      expect(primary === -1 || (node !== undefined && isUsableNode(node))).toBe(true);
    });
  });

  it("3: a node becomes the primary only by its own word in this event", () => {
    always((before, made, { state }) => {
      if (!hasSearchedPrimary(state.settings.mode) || state.primary === before.primary) return;
      if (state.primary === -1) return;
      const word: ProbeOutcome | PingOutcome | undefined = made.type === "checked"
        ? made.outcomes.get(state.primary)
        : made.type === "return-probed" && made.node === state.primary
        ? made.outcome
        : undefined;
      const facts = word?.kind === "ok" ? word.facts : null;
      expect(facts?.inRecovery).toBe(false);
    });
  });

  it("4: a node goes down only verified, as a false primary, or by hand", () => {
    always((before, made, { state }) => {
      for (const node of state.nodes) {
        const past = before.nodes[node.id];
        if (past === undefined || !isUsableNode(past) || isUsableNode(node)) continue;
        const isByHand = made.type === "detached" && made.node === node.id;
        const isVerified = (made.type === "verified" || made.type === "health-checked") &&
          made.node === node.id && liveness(made.outcome) !== "alive";
        const isFalse = made.type === "checked" && node.downCause === "false-primary";
        expect(isByHand || isVerified || isFalse).toBe(true);
        expect(isByHand || node.allowToFailover).toBe(true);
      }
    });
  });

  it("5: a node comes back only by a verified answer or by hand, and never against the hand", () => {
    always((before, made, { state }) => {
      for (const node of state.nodes) {
        const past = before.nodes[node.id];
        if (past?.status !== "down" || !isUsableNode(node)) continue;
        const isByHand = made.type === "attached" && made.node === node.id;
        const isBack = made.type === "return-probed" && made.node === node.id &&
          past.downCause !== "operator" && past.downCause !== "added";
        expect(isByHand || isBack).toBe(true);
      }
    });
  });

  it("6: every change of a status is written down", () => {
    always((before, _made, { state, effects }) => {
      const isChanged = state.nodes.some((node) => before.nodes[node.id]?.status !== node.status);
      const isSaved = effects.some((effect) => effect.type === "save-status");
      expect(!isChanged || isSaved).toBe(true);
    });
  });

  it("7: a search runs exactly while there is no primary", () => {
    always((_before, made, { state }) => {
      if (!hasSearchedPrimary(state.settings.mode)) expect(state.search).toBeNull();
      else if (made.type === "checked") expect(state.search === null).toBe(state.primary !== -1);
    });
  });

  it("8: the node's id is its place", () => {
    always((_before, _made, { state }) => {
      expect(state.nodes.map((node) => node.id)).toEqual(state.nodes.map((_, index) => index));
    });
  });

  it("9: only a verified answer of the present time is believed", () => {
    always((before, made, { state }) => {
      if (
        made.type !== "verified" && made.type !== "return-probed" &&
        made.type !== "health-checked"
      ) return;
      const past = before.nodes[made.node];
      if (past === undefined || past.changedAt <= made.startedAt) return;
      expect(state.nodes[made.node]?.status).toBe(past.status);
    });
  });
});
