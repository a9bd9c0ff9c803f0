import type { CommandOptions, CommandResult } from "../../lib/cluster/command-runner.ts";
import type { Clock } from "../../lib/cluster/clock.ts";
import type { NodeFacts, PingOutcome, ProbeOutcome } from "../../lib/cluster/facts.ts";
import type { Probe } from "../../lib/cluster/probe.ts";
import type {
  BackendSettings,
  ClusterSettings,
  HealthCheckSettings,
} from "../../lib/cluster/settings.ts";

export function backend(id: number, change: Partial<BackendSettings> = {}): BackendSettings {
  return {
    id,
    hostname: "localhost",
    port: 11002 + id,
    weight: 1,
    dataDirectory: `/data${id}`,
    applicationName: `server${id}`,
    allowToFailover: true,
    alwaysPrimary: false,
    ...change,
  };
}

export function settings(change: Partial<ClusterSettings> = {}): ClusterSettings {
  return {
    mode: "streaming_replication",
    backends: [backend(0), backend(1)],
    srCheckPeriod: 10,
    srCheckUser: "check",
    srCheckDatabase: "postgres",
    healthChecks: new Map(),
    connectTimeout: 10_000,
    searchPrimaryNodeTimeout: 300,
    delayThreshold: 0,
    delayThresholdByTime: 0,
    logStandbyDelay: "if_over_threshold",
    replicationDelaySourceCmd: "",
    replicationDelaySourceTimeout: 10,
    failoverOnBackendError: true,
    failoverOnBackendShutdown: false,
    detachFalsePrimary: false,
    autoFailback: false,
    autoFailbackInterval: 60,
    failoverCommand: "",
    failbackCommand: "",
    followPrimaryCommand: "",
    failoverCommandTimeout: 0,
    ...change,
  };
}

/** A health check every ten seconds, without patience. */
export function healthCheck(change: Partial<HealthCheckSettings> = {}): HealthCheckSettings {
  return {
    period: 10,
    timeout: 20,
    maxRetries: 0,
    retryDelay: 1,
    connectTimeout: 10_000,
    ...change,
  };
}

export function primaryFacts(change: Partial<NodeFacts> = {}): NodeFacts {
  return {
    inRecovery: false,
    serverVersion: 180004,
    lsn: 1000n,
    timeline: 1,
    replicas: [],
    receiver: null,
    ...change,
  };
}

/** A standby fed by the node of the given id. */
export function standbyFacts(source: number, change: Partial<NodeFacts> = {}): NodeFacts {
  return {
    inRecovery: true,
    serverVersion: 180004,
    lsn: 900n,
    timeline: null,
    replicas: [],
    receiver: { status: "streaming", senderHost: "localhost", senderPort: 11002 + source },
    ...change,
  };
}

export function answer(facts: NodeFacts): ProbeOutcome {
  return { kind: "ok", facts };
}

export const REFUSED = { kind: "refused", code: "ECONNREFUSED" } as const;
export const NOT_READY = { kind: "not-ready", message: "starting up" } as const;
export const TIMEOUT = { kind: "timeout" } as const;
export const NO_PASSWORD = { kind: "auth-failed", code: "28P01", message: "no" } as const;

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #now = 1_700_000_000_000;
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.#now + milliseconds, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass; what is due runs in its order, and what it began gets its turns. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.#now + milliseconds;
    for (;;) {
      await turns();
      const due = this.#timers.filter((timer) => timer.at <= until);
      const next = due.sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = until;
    await turns();
  }
}

/** Lets promises that need no time settle. */
export async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

/** Commands that run until a test lets them end. */
export class FakeCommands {
  readonly running: CommandOptions[] = [];
  /** What each command was told: `failover_command 0 -> 1 (primary 0)`. */
  readonly calls: string[] = [];
  readonly #ends = new Map<CommandOptions, (result: CommandResult) => void>();

  readonly run = (options: CommandOptions): Promise<CommandResult> => {
    const { name, values } = options;
    const { node, newMain, oldPrimary } = values;
    this.calls.push(
      `${name} ${node.id} -> ${newMain?.id ?? -1} (primary ${oldPrimary?.id ?? -1})`,
    );
    this.running.push(options);
    options.stop?.addEventListener("abort", () => this.#end(options, "stopped"));
    return new Promise((resolve) => this.#ends.set(options, resolve));
  };

  /** The oldest command ends by itself. */
  async end(): Promise<void> {
    const [options] = this.running;
    if (options === undefined) throw new Error("no command is running");
    this.#end(options, "by-itself");
    await turns();
  }

  #end(options: CommandOptions, end: CommandResult["end"]): void {
    this.running.splice(this.running.indexOf(options), 1);
    this.#ends.get(options)?.({ end, status: 0, signal: null, output: "" });
  }
}

/** Servers that answer what the test says; a fact means that the server lives. */
export class FakeServers implements Probe {
  readonly answers = new Map<number, ProbeOutcome>();
  readonly pings: number[] = [];
  readonly released: number[] = [];
  isClosed = false;

  facts(node: number): Promise<ProbeOutcome> {
    return Promise.resolve(this.answers.get(node) ?? REFUSED);
  }

  freshFacts(endpoint: { readonly port: number }): Promise<ProbeOutcome> {
    return Promise.resolve(this.answers.get(endpoint.port - 11002) ?? REFUSED);
  }

  async ping(endpoint: { readonly port: number }): Promise<PingOutcome> {
    this.pings.push(endpoint.port - 11002);
    return await this.#ping(endpoint);
  }

  async #ping(endpoint: { readonly port: number }): Promise<PingOutcome> {
    const outcome = await this.freshFacts(endpoint);
    return outcome.kind === "ok" ? { kind: "answers" } : outcome;
  }

  login(_node: number, endpoint: { readonly port: number }): Promise<PingOutcome> {
    return this.#ping(endpoint);
  }

  release(node: number): Promise<void> {
    this.released.push(node);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}
