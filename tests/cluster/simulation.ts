import type { CommandOptions, CommandResult } from "../../lib/cluster/command-runner.ts";
import type { PingOutcome, ProbeOutcome } from "../../lib/cluster/facts.ts";
import type { Probe } from "../../lib/cluster/probe.ts";
import { createClusterService } from "../../lib/cluster/service.ts";
import type { ClusterSettings } from "../../lib/cluster/settings.ts";
import { answer, ManualClock, primaryFacts, REFUSED, standbyFacts, TIMEOUT } from "./world.ts";

/** Draws numbers from a seed, the same for the same seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 up to, and without, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

/** A server as its machine knows it. */
interface SimulatedServer {
  isAlive: boolean;
  isHanging: boolean;
  isPrimary: boolean;
  timeline: number;
  /** The node it streams from as a standby. */
  upstream: number;
  /** When it was a primary last. */
  wasPrimaryAt: number;
}

/** Longest time in milliseconds an answer is on its way. */
export const LATENCY = 3000;

/** Servers, the network to them and the operator's scripts, in simulated time. */
export class Simulation implements Probe {
  readonly clock = new ManualClock();
  readonly servers: SimulatedServer[];
  readonly service;
  running = 0;
  readonly #dice: Dice;

  constructor(size: number, seed: number, settings: ClusterSettings) {
    this.#dice = new Dice(seed);
    this.servers = Array.from({ length: size }, (_, id) => ({
      isAlive: true,
      isHanging: false,
      isPrimary: id === 0,
      timeline: 1,
      upstream: 0,
      wasPrimaryAt: id === 0 ? Infinity : -Infinity,
    }));
    this.service = createClusterService({
      settings,
      logger: () => {},
      clock: this.clock,
      probe: this,
      runDelayCommand: () => Promise.resolve(null),
      runCommand: (options) => this.#runCommand(options),
      statusFile: null,
      downRequests: null,
    });
  }

  server(id: number): SimulatedServer {
    const server = this.servers[id];
    if (server === undefined) throw new Error(`there is no server ${id}`);
    return server;
  }

  promote(id: number): void {
    const server = this.server(id);
    if (!server.isAlive || server.isHanging || server.isPrimary) return;
    server.isPrimary = true;
    server.timeline = 1 + Math.max(...this.servers.map(({ timeline }) => timeline));
    server.wasPrimaryAt = Infinity;
  }

  /** Rebuilds a server as a standby. */
  follow(id: number, upstream: number): void {
    const server = this.server(id);
    if (server.isPrimary) server.wasPrimaryAt = this.clock.now();
    Object.assign(server, { isAlive: true, isHanging: false, isPrimary: false, upstream });
  }

  async facts(node: number): Promise<ProbeOutcome> {
    return await this.#ask(node);
  }

  async freshFacts(endpoint: { readonly port: number }): Promise<ProbeOutcome> {
    return await this.#ask(endpoint.port - 11002);
  }

  async ping(endpoint: { readonly port: number }): Promise<PingOutcome> {
    const outcome = await this.#ask(endpoint.port - 11002);
    return outcome.kind === "ok" ? { kind: "answers" } : outcome;
  }

  login(_node: number, endpoint: { readonly port: number }): Promise<PingOutcome> {
    return this.ping(endpoint);
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** An answer is as old as it was on its way. */
  async #ask(id: number): Promise<ProbeOutcome> {
    const outcome = this.#outcome(id);
    await this.#pass(this.#dice.below(LATENCY));
    return outcome;
  }

  #outcome(id: number): ProbeOutcome {
    const server = this.server(id);
    if (!server.isAlive) return REFUSED;
    if (server.isHanging) return TIMEOUT;
    if (server.isPrimary) {
      const replicas = this.servers.flatMap((other, at) =>
        other.isAlive && !other.isPrimary && other.upstream === id
          ? [{ applicationName: `server${at}`, state: "streaming", syncState: "", replayLag: null }]
          : []
      );
      return answer(primaryFacts({ timeline: server.timeline, replicas }));
    }
    const upstream = this.server(server.upstream);
    const isFed = upstream.isAlive && upstream.isPrimary;
    return answer(standbyFacts(server.upstream, isFed ? {} : { receiver: null }));
  }

  async #pass(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => this.clock.after(milliseconds, resolve));
  }

  async #runCommand(options: CommandOptions): Promise<CommandResult> {
    this.running++;
    const { stop, deadlineMs } = options;
    const stopped = new Promise<CommandResult["end"]>((resolve) =>
      stop?.addEventListener("abort", () => resolve("stopped"))
    );
    const late = this.#pass(deadlineMs).then(() => "timed-out" as const);
    const done = this.#script(options).then(() => "by-itself" as const);
    const end = await Promise.race([stopped, late, done]);
    this.running--;
    return { end, status: 0, signal: null, output: "" };
  }

  async #script({ name, values: { node, newMain, oldPrimary } }: CommandOptions): Promise<void> {
    await this.#pass(this.#dice.chance(10) ? 1e9 : this.#dice.below(8000));
    if (this.#dice.chance(15)) return;
    switch (name) {
      case "failover_command":
        if (newMain !== null && node.id === oldPrimary?.id) this.promote(newMain.id);
        return;
      case "follow_primary_command":
        if (newMain === null || !this.server(newMain.id).isPrimary) return;
        this.follow(node.id, newMain.id);
        await this.service.attach(node.id).catch(() => {});
        return;
    }
  }
}
