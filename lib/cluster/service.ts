import type { NodeComplaint } from "../process/messages.ts";
import type { Clock } from "./clock.ts";
import { isAskedOften } from "./comeback.ts";
import { Commands, type RunCommand } from "./commands.ts";
import type { RunDelayCommand } from "./delay-command.ts";
import type { DownRequests } from "./down-requests.ts";
import type { Effect, LogEntry } from "./effects.ts";
import type { PingOutcome, ProbeFailure, ProbeOutcome } from "./facts.ts";
import { type HealthCheckStats, healthCheckStats, NO_TALLY } from "./health-stats.ts";
import { type ClusterNode, isUsableNode } from "./node.ts";
import { Verdict } from "./primary.ts";
import type { Probe } from "./probe.ts";
import type { Wish } from "./queue.ts";
import { Repeat } from "./repeat.ts";
import { type NodeRequests, type PromoteOptions, RequestError } from "./requests.ts";
import type { ProbeLimits } from "./server-session.ts";
import { type ClusterSettings, hasSearchedPrimary, healthCheckOf } from "./settings.ts";
import { makeSnapshot } from "./snapshot.ts";
import { type ClusterEvent, type ClusterState, initialState, step } from "./state.ts";
import { type StatusFile, StatusFileError } from "./status-file.ts";
import { Tickets } from "./tickets.ts";
import type { ClusterSnapshot } from "./types.ts";
import { isVerified, Verifications } from "./verifications.ts";
import type { ChangeCounts } from "./work.ts";

/** What the service is made from. */
export interface ClusterServiceOptions {
  readonly settings: ClusterSettings;
  readonly logger: (entry: LogEntry) => void;
  readonly clock: Clock;
  readonly probe: Probe;
  readonly runCommand: RunCommand;
  readonly runDelayCommand: RunDelayCommand;
  /** Null when no states are to survive. */
  readonly statusFile: StatusFile | null;
  /** Null without health_check_test. */
  readonly downRequests: DownRequests | null;
}

/** The cluster's state, its only writer, and the checks that keep it true. */
export interface ClusterService extends NodeRequests {
  /**
   * Reads the status file and looks for the primary. Snapshots are there as soon as it has been
   * called; resolves when the primary is found or the search for it was given up.
   */
  start(): Promise<void>;
  snapshot(): ClusterSnapshot;
  /** Calls the listener with every new snapshot; returns what ends that. */
  onSnapshot(listener: (snapshot: ClusterSnapshot) => void): () => void;
  /** A worker reports a node. @param generation of the snapshot it went by */
  complain(node: number, complaint: NodeComplaint, detail: string, generation: number): void;
  /**
   * Somebody has found that a server takes no connections. Resolves when it has been looked at again
   * and is out of use, or stays in use, or after some seconds.
   */
  reportDead(node: number): Promise<void>;
  /** A first client connection reached the node. */
  nodeUsed(node: number): void;
  reload(settings: ClusterSettings): void;
  /** The health checks of a node so far. */
  healthCheckStats(node: number): HealthCheckStats;
  /** How often nodes have been changed so far. */
  changeCounts(): ChangeCounts;
  /** Logs `node status[n]: k` for every node, as after a start (behaviour.md 1). */
  logNodeStatus(): void;
  /** Ends all checks and commands, and closes their connections. */
  stop(): Promise<void>;
}

/** Milliseconds between two looks for a primary while a search runs. */
const SEARCH_PAUSE = 1000;
/** The same while a server is being promoted and clients may wait for it. */
const PROMOTION_PAUSE = 100;
/** Longest pause in milliseconds between two looks at a node that is down. */
const RETURN_PAUSE = 5000;
/** Longest time in milliseconds a single node may take to answer a check. */
const PROBE_DEADLINE = 5000;
/** Longest time in milliseconds for one attempt of a health check without health_check_timeout. */
const HEALTH_DEADLINE = 120_000;

/** A service that has not been started yet. */
export function createClusterService(options: ClusterServiceOptions): ClusterService {
  return new Service(options);
}

class Service implements ClusterService {
  readonly #options: ClusterServiceOptions;
  readonly #listeners = new Set<(snapshot: ClusterSnapshot) => void>();
  readonly #pauses = new Set<() => void>();
  readonly #healthTimers = new Map<number, () => void>();
  readonly #tickets = new Tickets();
  readonly #verifications = new Verifications();
  readonly #commands: Commands;
  /** All usable nodes are asked about themselves. */
  readonly #rounds: Repeat;
  /** Nodes that are down are asked whether they are back. */
  readonly #returns: Repeat;
  readonly #settled = Promise.withResolvers<void>();
  readonly #stopped = new AbortController();
  #state: ClusterState;
  #snapshot: ClusterSnapshot;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: ClusterServiceOptions) {
    this.#options = options;
    const { settings, clock, logger, runCommand } = options;
    this.#state = initialState(settings, [], clock.now());
    this.#snapshot = makeSnapshot(this.#state);
    this.#commands = new Commands(runCommand, clock, logger);
    this.#rounds = new Repeat(clock, () => this.#askAll(), () => this.#roundPause());
    this.#returns = new Repeat(clock, () => this.#lookForReturns(), () => this.#returnPause());
  }

  async start(): Promise<void> {
    const { statusFile, clock, logger } = this.#options;
    if (statusFile !== null) {
      try {
        const { hints, notes } = await statusFile.load();
        notes.forEach(logger);
        this.#state = {
          ...initialState(this.#state.settings, hints, clock.now()),
          generation: this.#state.generation + 1,
        };
        this.#publish();
      } catch (error) {
        this.#logFileError(error);
      }
    }
    this.#hear({ type: "started" });
    this.#returns.plan();
    return this.#settled.promise;
  }

  snapshot(): ClusterSnapshot {
    return this.#snapshot;
  }

  onSnapshot(listener: (snapshot: ClusterSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  complain(node: number, complaint: NodeComplaint, detail: string, generation: number): void {
    const known = this.#state.nodes[node];
    if (known === undefined) return;
    // A worker that went by an older picture complains about a node of another time.
    if (generation < this.#state.generation && !isUsableNode(known)) return;
    if (known.verifyingSince === null && isUsableNode(known)) {
      this.#options.logger({
        severity: "log",
        text: `backend node ${node} is reported: ${complaint}`,
        ...(detail === "" ? {} : { detail }),
      });
    }
    this.#hear({ type: "complained", node, complaint });
  }

  reportDead(node: number): Promise<void> {
    const decided = this.#verifications.wait(node, this.#options.clock, PROBE_DEADLINE);
    this.complain(node, "connect-failed", "", this.#state.generation);
    return decided;
  }

  nodeUsed(node: number): void {
    this.#hear({ type: "used", node });
  }

  attach(node: number): Promise<void> {
    return this.#wish(node, { kind: "attach" }, "failback");
  }

  detach(node: number): Promise<void> {
    return this.#wish(node, { kind: "detach" }, "degenerate backend");
  }

  quarantine(node: number): Promise<void> {
    return this.#wish(node, { kind: "quarantine" }, "quarantine");
  }

  promote(node: number, { switchover }: PromoteOptions): Promise<void> {
    return this.#wish(node, { kind: "promote", switchover }, "promote");
  }

  reload(settings: ClusterSettings): void {
    this.#hear({ type: "reloaded", settings });
    this.#returns.plan();
    this.#rounds.plan();
  }

  healthCheckStats(id: number): HealthCheckStats {
    return healthCheckStats(this.#state.health.get(id)?.tally ?? NO_TALLY);
  }

  changeCounts(): ChangeCounts {
    return this.#state.work.counts;
  }

  logNodeStatus(): void {
    if (!hasSearchedPrimary(this.#state.settings.mode)) return;
    for (const node of this.#state.nodes) {
      const verdict = this.#state.verdicts.get(node.id) ?? Verdict.Unknown;
      this.#options.logger({ severity: "log", text: `node status[${node.id}]: ${verdict}` });
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#rounds.stop();
    this.#returns.stop();
    for (const cancel of this.#pauses) cancel();
    for (const cancel of this.#healthTimers.values()) cancel();
    this.#settled.resolve();
    this.#tickets.refuseAll({ kind: "stopping" });
    this.#verifications.tell(() => true);
    await this.#commands.close();
    await this.#saving;
    await this.#options.probe.close();
  }

  #wish(node: number, wish: Wish, what: string): Promise<void> {
    if (this.#stopped.signal.aborted) {
      return Promise.reject(new RequestError(node, { kind: "stopping" }));
    }
    this.#options.logger({
      severity: "log",
      text: `received ${what} request for node_id: ${node} from pid [${process.pid}]`,
    });
    const { ticket, done } = this.#tickets.issue(node);
    this.#hear({ type: "wished", ticket, node, wish });
    return done;
  }

  #hear(event: ClusterEvent): void {
    if (this.#stopped.signal.aborted) return;
    const { state, effects } = step(this.#state, event, this.#options.clock.now());
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    if (state.isSettled) this.#settled.resolve();
    this.#verifications.tell((node) => isVerified(state.nodes[node]));
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "log":
        this.#options.logger(effect.entry);
        return;
      case "publish":
        this.#publish();
        return;
      case "save-status":
        this.#save();
        return;
      case "verify":
        this.#later(effect.pause, () => this.#verify(effect.node));
        return;
      case "check":
        this.#rounds.now();
        return;
      case "health-check":
        this.#inBackground(this.#checkHealth(effect.node));
        return;
      case "health-timer":
        this.#planHealthCheck(effect.node, effect.pause);
        return;
      case "ask-return":
        this.#inBackground(this.#askDownNode(effect.node));
        return;
      case "command":
        this.#commands.start(effect, () => this.#hear({ type: "command-ended", run: effect.run }));
        return;
      case "delay-command":
        this.#inBackground(this.#askDelays(effect));
        return;
      case "stop-command":
        this.#commands.stop(effect.run);
        return;
      case "answer":
        this.#tickets.answer(effect.ticket, effect.refusal);
        return;
      case "disconnect":
        this.#inBackground(this.#options.probe.release(effect.node));
        return;
    }
  }

  #publish(): void {
    this.#snapshot = makeSnapshot(this.#state);
    for (const listener of this.#listeners) listener(this.#snapshot);
  }

  #save(): void {
    const { statusFile, logger } = this.#options;
    if (statusFile === null) return;
    const write = async () => {
      try {
        (await statusFile.save(this.#state.nodes)).forEach(logger);
      } catch (error) {
        this.#logFileError(error);
      }
    };
    this.#saving = this.#saving.then(write);
  }

  #logFileError(error: unknown): void {
    if (!(error instanceof StatusFileError)) throw error;
    this.#options.logger({
      severity: "warning",
      text: error.message,
      ...(error.cause instanceof Error ? { detail: error.cause.message } : {}),
      hint: "Check that work_dir exists and may be written.",
    });
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#logFault(error));
  }

  /**
   * Every probe has its own deadline. One that fails against all rules says nothing about its
   * server, and must not keep whoever waits for its outcome waiting.
   */
  async #answered<T>(asked: Promise<T>): Promise<T | ProbeFailure> {
    try {
      return await asked;
    } catch (error) {
      this.#logFault(error);
      return { kind: "failed", code: "unknown", message: "the check itself failed" };
    }
  }

  #logFault(error: unknown): void {
    this.#options.logger({
      severity: "error",
      text: "a check of the backend nodes failed",
      detail: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    });
  }

  #later(pause: number, run: () => Promise<void>): void {
    if (pause === 0) {
      this.#inBackground(run());
      return;
    }
    const cancel = this.#options.clock.after(pause, () => {
      this.#pauses.delete(cancel);
      this.#inBackground(run());
    });
    this.#pauses.add(cancel);
  }

  async #verify(id: number): Promise<void> {
    const node = this.#state.nodes[id];
    if (node === undefined || this.#stopped.signal.aborted) return;
    const startedAt = this.#options.clock.now();
    const outcome = await this.#answered(this.#options.probe.ping(node, this.#deadline()));
    this.#hear({ type: "verified", node: id, outcome, startedAt });
  }

  #planHealthCheck(id: number, pause: number | null): void {
    this.#healthTimers.get(id)?.();
    this.#healthTimers.delete(id);
    if (pause === null) return;
    const due = () => this.#hear({ type: "health-due", node: id });
    this.#healthTimers.set(id, this.#options.clock.after(pause, due));
  }

  async #checkHealth(id: number): Promise<void> {
    const node = this.#state.nodes[id];
    if (node === undefined) return;
    const { clock, probe, downRequests } = this.#options;
    const startedAt = clock.now();
    const isRequested = await downRequests?.take(id) ?? false;
    const outcome: PingOutcome = isRequested
      ? { kind: "test-request" }
      : await this.#answered(probe.login(id, node, this.#healthLimits(id)));
    this.#hear({ type: "health-checked", node: id, outcome, startedAt });
  }

  #healthLimits(id: number): ProbeLimits {
    const { timeout, connectTimeout } = healthCheckOf(this.#state.settings, id);
    const total = timeout > 0 ? timeout * 1000 : HEALTH_DEADLINE;
    return { total, connect: connectTimeout > 0 ? connectTimeout : total };
  }

  async #askDelays(effect: Extract<Effect, { type: "delay-command" }>): Promise<void> {
    const { command, replicas, deadline, nodes, primary } = effect;
    const { runDelayCommand, logger: log } = this.#options;
    const { signal: stop } = this.#stopped;
    let output: string | null = null;
    try {
      output = await runDelayCommand({ command, replicas, deadlineMs: deadline, log, stop });
    } finally {
      this.#hear({ type: "delays", nodes, primary, output });
    }
  }

  async #askAll(): Promise<void> {
    const startedAt = this.#options.clock.now();
    const nodes = this.#state.nodes.filter(isUsableNode);
    const outcomes = new Map<number, ProbeOutcome>();
    await Promise.all(nodes.map(async (node) => {
      const asked = this.#options.probe.facts(node.id, node, this.#deadline());
      outcomes.set(node.id, await this.#answered(asked));
    }));
    this.#hear({ type: "checked", outcomes, startedAt });
  }

  /** Milliseconds until the next round, null when there is none to come. */
  #roundPause(): number | null {
    const { settings, search, work } = this.#state;
    if (!hasSearchedPrimary(settings.mode)) return null;
    if (work.awaiting.some(({ request }) => request.change.kind === "promote")) {
      return PROMOTION_PAUSE;
    }
    if (search !== null) return search.isExpired ? this.#returnPause() : SEARCH_PAUSE;
    return settings.srCheckPeriod > 0 ? settings.srCheckPeriod * 1000 : null;
  }

  #returnPause(): number {
    const period = this.#state.settings.srCheckPeriod;
    return period > 0 ? Math.min(period * 1000, RETURN_PAUSE) : RETURN_PAUSE;
  }

  async #lookForReturns(): Promise<void> {
    const { nodes, settings } = this.#state;
    const asked = nodes.filter((node) => isAskedOften(settings, node));
    await Promise.all(asked.map(({ id }) => this.#askDownNode(id)));
  }

  async #askDownNode(id: number): Promise<void> {
    const node = this.#state.nodes[id];
    if (node === undefined) return;
    const startedAt = this.#options.clock.now();
    const outcome = await this.#answered(this.#askRole(node));
    this.#hear({ type: "return-probed", node: id, outcome, startedAt });
  }

  #askRole(node: ClusterNode): Promise<ProbeOutcome | PingOutcome> {
    const { probe } = this.#options;
    const isRoleNeeded = this.#state.settings.mode === "streaming_replication";
    return isRoleNeeded
      ? probe.freshFacts(node, this.#deadline())
      : probe.ping(node, this.#deadline());
  }

  #deadline(): number {
    const limit = this.#state.settings.connectTimeout;
    return limit > 0 ? Math.min(limit, PROBE_DEADLINE) : PROBE_DEADLINE;
  }
}
