import type { Clock } from "../cluster/clock.ts";
import type { LogEntry } from "../cluster/effects.ts";
import { RequestError } from "../cluster/requests.ts";
import type { ClusterService } from "../cluster/service.ts";
import { SwitchoverError } from "../cluster/switchover/error.ts";
import { PrimaryServer, StandbyServer } from "../cluster/switchover/servers.ts";
import {
  switchOver,
  type SwitchoverGate,
  type SwitchoverParts,
} from "../cluster/switchover/switchover.ts";
import {
  isUsable,
  type NodeState,
  type SwitchoverOptions,
  type SwitchoverReport,
} from "../cluster/types.ts";
import { backendOf, type Config } from "../config/config.ts";
import { type Gate, GateBusyError } from "./gate.ts";
import type { ServerLogins } from "./server-logins.ts";

/** What switchovers work with in the supervisor. */
export interface SwitchoverWorld {
  readonly config: () => Config;
  readonly service: ClusterService;
  readonly logins: ServerLogins;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: (entry: LogEntry) => void;
}

/** Takes what there is to tell while a switchover runs. */
export type SwitchoverProgress = (message: string, detail?: string) => void;

/** Milliseconds for taking the old primary back when a switchover is called off. */
const TAKE_BACK_LIMIT = 10_000;
/** Milliseconds between two looks whether the standby has been promoted. */
const PROMOTION_PAUSE = 100;

/** Planned switchovers with the supervisor's servers, one at a time. */
export class Switchovers {
  readonly #world: SwitchoverWorld;
  #isRunning = false;

  constructor(world: SwitchoverWorld) {
    this.#world = world;
  }

  /**
   * Makes a standby the primary without an error for clients.
   *
   * @throws {SwitchoverError} clients go on with the old primary then.
   */
  async run(
    node: number,
    options: SwitchoverOptions,
    progress: SwitchoverProgress,
  ): Promise<SwitchoverReport> {
    if (this.#isRunning) throw new SwitchoverError("busy", "another switchover is in progress");
    this.#isRunning = true;
    try {
      return await this.#run(node, options, progress);
    } finally {
      this.#isRunning = false;
    }
  }

  async #run(
    node: number,
    options: SwitchoverOptions,
    progress: SwitchoverProgress,
  ): Promise<SwitchoverReport> {
    const { logins, clock, log } = this.#world;
    const [from, to] = this.#nodes(node);
    const primary = new PrimaryServer(from.id, from, logins.check, clock);
    const standby = new StandbyServer(to.id, to, logins.check);
    const tell = (text: string, detail?: string) => {
      log({
        severity: "log",
        text: `switchover: ${text}`,
        ...(detail === undefined ? {} : { detail }),
      });
      progress(text, detail);
    };
    tell(`switching from node ${from.id} to node ${to.id}`);
    for (const left of this.#leftBehind(from.id, to.id)) {
      tell(`node ${left} goes on following node ${from.id}`, NOT_FOLLOWED);
    }
    try {
      const report = await switchOver(this.#parts(primary, standby, tell), options);
      tell(`done; transactions waited for ${report.pause} ms`);
      return report;
    } catch (error) {
      if (error instanceof SwitchoverError) {
        log({ severity: "warning", text: `switchover to node ${to.id} failed: ${error.message}` });
      }
      throw error;
    } finally {
      primary.close();
      standby.close();
    }
  }

  /** The present primary and the node that is to be it. */
  #nodes(node: number): [from: NodeState, to: NodeState] {
    const { config, service } = this.#world;
    const { nodes, primary, transition } = service.snapshot();
    if (config().values.backend_clustering_mode !== "streaming_replication") {
      throw new SwitchoverError("wrong-role", "switchovers need streaming replication mode");
    }
    const [from, to] = [nodes[primary], nodes[node]];
    if (to === undefined || to.status === "unused") {
      throw new SwitchoverError("unknown-node", `node id ${node} is not valid`);
    }
    if (from === undefined) throw new SwitchoverError("wrong-role", "there is no primary");
    if (from.id === to.id) {
      throw new SwitchoverError("wrong-role", `node ${node} is the primary already`);
    }
    if (!isUsable(to)) {
      throw new SwitchoverError("wrong-role", `node ${node} is ${to.status}`, "Attach it first.");
    }
    const backend = backendOf(config(), from.id);
    if (backend?.allowToFailover === false || backend?.alwaysPrimary === true) {
      const flag = backend.alwaysPrimary ? "ALWAYS_PRIMARY" : "DISALLOW_TO_FAILOVER";
      throw new SwitchoverError("wrong-role", `backend_flag${from.id} says ${flag}`);
    }
    if (transition !== "none") {
      throw new SwitchoverError("busy", `a ${transition} is in progress`, "Try again later.");
    }
    return [from, to];
  }

  /** Standbys that nobody makes follow the new primary. */
  #leftBehind(from: number, to: number): number[] {
    const { config, service } = this.#world;
    if (config().values.follow_primary_command !== "") return [];
    return service.snapshot().nodes.filter((node) =>
      isUsable(node) && node.id !== from && node.id !== to
    ).map(({ id }) => id);
  }

  #parts(
    primary: PrimaryServer,
    standby: StandbyServer,
    progress: SwitchoverProgress,
  ): SwitchoverParts {
    const { clock, config } = this.#world;
    return {
      clock,
      primary,
      standby,
      isPromotedByCommand: config().values.failover_command !== "",
      closeGate: () => this.#closeGate(),
      promote: (milliseconds) => this.#promote(standby, milliseconds),
      takeBack: () => this.#takeBack(primary.node, progress),
      progress,
    };
  }

  #closeGate(): SwitchoverGate {
    try {
      return this.#world.gate.close("transactions");
    } catch (cause) {
      if (!(cause instanceof GateBusyError)) throw cause;
      throw new SwitchoverError("busy", cause.message, "Try again later.", { cause });
    }
  }

  /** failover_command promotes where there is one, else pgpool itself. */
  async #promote(standby: StandbyServer, milliseconds: number): Promise<void> {
    const { service, clock, config } = this.#world;
    const until = clock.now() + milliseconds;
    const { node } = standby;
    const isOurs = config().values.failover_command === "";
    if (isOurs) await standby.promote();
    for (;;) {
      try {
        await this.#within(until, service.promote(node, { switchover: !isOurs }));
        return;
      } catch (cause) {
        if (!(cause instanceof RequestError)) throw cause;
        if (isOurs && cause.refusal.kind === "not-promoted" && clock.now() < until) {
          await new Promise<void>((resolve) => clock.after(PROMOTION_PAUSE, resolve));
          continue;
        }
        const message = `node ${node} was not promoted: ${cause.refusal.kind}`;
        throw new SwitchoverError("not-promoted", message, "See the log.", { cause });
      }
    }
  }

  /** Uses the old primary again; what goes wrong is told, and looked after by the cluster itself. */
  async #takeBack(node: number, progress: SwitchoverProgress): Promise<void> {
    const { service, clock } = this.#world;
    const state = service.snapshot().nodes[node];
    if (state === undefined || isUsable(state)) return;
    try {
      await this.#within(clock.now() + TAKE_BACK_LIMIT, service.attach(node));
    } catch (error) {
      if (!(error instanceof RequestError) && !(error instanceof SwitchoverError)) throw error;
      progress(`node ${node} could not be attached`, error.message);
    }
  }

  async #within<T>(until: number, work: Promise<T>): Promise<T> {
    const { clock } = this.#world;
    const late = Promise.withResolvers<never>();
    const cancel = clock.after(
      until - clock.now(),
      () => late.reject(new SwitchoverError("not-promoted", "it took too long")),
    );
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      cancel();
      work.catch(() => {});
    }
  }
}

const NOT_FOLLOWED =
  "There is no follow_primary_command. Have it follow the new primary, or detach " +
  "it: reads there do not see what is written from now on.";
