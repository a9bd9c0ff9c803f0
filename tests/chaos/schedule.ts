import type { Fault } from "../support/faults/fault.ts";
import { Random } from "./random.ts";

/** Which server something happens to; who is the primary is only known when it happens. */
export type Victim = "primary" | "standby";

/** What happens to a server itself. */
export type Blow =
  /** SIGKILL to all of its processes. */
  | "kill"
  /** SIGSTOP to all of its processes, for a while. */
  | "pause"
  /** Shutdown without a checkpoint. */
  | "immediate shutdown"
  | "fast shutdown"
  /** Fast shutdown, and started again at once. */
  | "restart";

/** One thing that goes wrong. */
export type Step =
  | { readonly kind: "blow"; readonly victim: Victim; readonly blow: Blow; readonly forMs: number }
  | {
    readonly kind: "network";
    readonly victim: Victim;
    readonly fault: Fault;
    readonly forMs: number;
  }
  /** A worker of pgpool is killed. */
  | { readonly kind: "worker"; readonly forMs: number };

/** What goes wrong in one run, in order; after each step everything is mended again. */
export interface Schedule {
  readonly seed: number;
  readonly steps: readonly Step[];
}

const VICTIMS: readonly [Victim, ...Victim[]] = ["primary", "standby"];

const BLOWS: readonly [Blow, ...Blow[]] = [
  "kill",
  "pause",
  "immediate shutdown",
  "fast shutdown",
  "restart",
];

const NETWORK: readonly [Fault["kind"], ...Fault["kind"][]] = [
  "refuse",
  "drop",
  "silence",
  "delay",
  "half-close",
  "garbage",
  "cut",
  "throttle",
];

const MOST_STEPS = 3;

/** The schedule of a seed: always the same. */
export function makeSchedule(seed: number): Schedule {
  const random = new Random(seed);
  const steps = Array.from({ length: random.between(1, MOST_STEPS) }, () => makeStep(random));
  return { seed, steps };
}

function makeStep(random: Random): Step {
  const victim = random.pick(VICTIMS);
  const forMs = random.between(100, 2500);
  const dice = random.between(1, 10);
  if (dice === 1) return { kind: "worker", forMs: 200 };
  if (dice <= 5) return { kind: "blow", victim, blow: random.pick(BLOWS), forMs };
  return { kind: "network", victim, fault: makeFault(random), forMs };
}

function makeFault(random: Random): Fault {
  const kind = random.pick(NETWORK);
  switch (kind) {
    case "delay":
      return { kind, ms: random.between(20, 400) };
    case "cut":
      return { kind, afterBytes: random.between(1, 400) };
    case "throttle":
      return { kind, bytesPerSecond: random.between(200, 5000) };
    default:
      return { kind };
  }
}

/** A step as a person would tell it. */
export function describeStep(step: Step): string {
  switch (step.kind) {
    case "worker":
      return "a worker of pgpool is killed";
    case "blow":
      return `${step.blow} of the ${step.victim} for ${step.forMs} ms`;
    case "network": {
      const { kind, ...figures } = step.fault;
      const more = Object.entries(figures).map(([name, value]) => ` ${name}=${value}`).join("");
      return `${kind}${more} before the ${step.victim} for ${step.forMs} ms`;
    }
  }
}
