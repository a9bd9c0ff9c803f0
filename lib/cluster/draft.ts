import type { Effect, LogEntry } from "./effects.ts";
import { type HealthState, NO_HEALTH } from "./health.ts";
import { type ClusterNode, type DownCause, isUsableNode, NO_REPLICATION } from "./node.ts";
import type { RequestRefusal } from "./requests.ts";
import { makeSnapshot, showsTheSame } from "./snapshot.ts";
import type { ClusterSettings } from "./settings.ts";
import type { ClusterState, Transition } from "./state.ts";
import type { NodeStatus } from "./types.ts";
import type { NodeRequest, Work } from "./work.ts";

/**
 * A state under construction: lives for one event only. Everything that changes a node goes
 * through it, so that times of change and the generation are right by construction.
 */
export class Draft {
  settings: ClusterSettings;
  search: ClusterState["search"];
  verdicts: ClusterState["verdicts"];
  timeline: number;
  told: string;
  isSettled: boolean;
  areDelaysAsked: boolean;
  work: Work;
  readonly #before: ClusterState;
  readonly #effects: Effect[] = [];
  #nodes: ClusterNode[];
  #primary: number;
  #health: ReadonlyMap<number, HealthState>;

  /** @param now milliseconds */
  constructor(before: ClusterState, readonly now: number) {
    this.#before = before;
    this.#nodes = [...before.nodes];
    this.#primary = before.primary;
    this.#health = before.health;
    this.settings = before.settings;
    this.search = before.search;
    this.verdicts = before.verdicts;
    this.timeline = before.timeline;
    this.told = before.told;
    this.isSettled = before.isSettled;
    this.areDelaysAsked = before.areDelaysAsked;
    this.work = before.work;
  }

  get nodes(): readonly ClusterNode[] {
    return this.#nodes;
  }

  get primary(): number {
    return this.#primary;
  }

  node(id: number): ClusterNode | undefined {
    return this.#nodes[id];
  }

  usable(): readonly ClusterNode[] {
    return this.#nodes.filter(isUsableNode);
  }

  health(id: number): HealthState {
    return this.#health.get(id) ?? NO_HEALTH;
  }

  setHealth(id: number, health: HealthState): void {
    this.#health = new Map(this.#health).set(id, health);
  }

  effect(effect: Effect): void {
    this.#effects.push(effect);
  }

  log(entry: LogEntry): void {
    this.#effects.push({ type: "log", entry });
  }

  update(id: number, change: Partial<Omit<ClusterNode, "id" | "status">>): void {
    const node = this.#nodes[id];
    if (node !== undefined) this.#nodes[id] = { ...node, ...change };
  }

  addNode(node: ClusterNode): void {
    this.#nodes[node.id] = node;
  }

  /** Changes a status; the time of change follows. A node that stops being usable is no primary. */
  changeStatus(id: number, status: NodeStatus, downCause: DownCause): void {
    const node = this.#nodes[id];
    if (node === undefined) return;
    const changed = {
      ...node,
      status,
      downCause,
      verifyingSince: null,
      changedAt: this.now,
      lastStatusChange: this.#seconds(),
    };
    this.#nodes[id] = changed;
    if (this.#primary === id && !isUsableNode(changed)) this.#primary = -1;
  }

  /** Takes a node out of use: its status is kept, and what is open to it is closed. */
  takeOut(id: number, cause: DownCause): void {
    this.changeStatus(id, "down", cause);
    this.update(id, { ...NO_REPLICATION, serverVersion: 0 });
    this.effect({ type: "save-status" });
    this.effect({ type: "disconnect", node: id });
  }

  doWork(change: Partial<Work>): void {
    this.work = { ...this.work, ...change };
  }

  /** Tells all who wait for a request how it ended. */
  answer({ tickets }: NodeRequest, refusal: RequestRefusal | null): void {
    for (const ticket of tickets) this.effect({ type: "answer", ticket, refusal });
  }

  /** Makes a usable node the primary, or nobody (-1); the times of the roles' change follow. */
  changePrimary(id: number): void {
    if (id === this.#primary) return;
    const node = this.#nodes[id];
    if (id !== -1 && (node === undefined || !isUsableNode(node))) return;
    this.update(this.#primary, { lastStatusChange: this.#seconds() });
    this.#primary = id;
    this.update(id, { lastStatusChange: this.#seconds() });
  }

  /** Asks whether these nodes answer, without anybody having complained. */
  verifySilently(nodes: readonly ClusterNode[]): void {
    for (const node of nodes) {
      if (node.verifyingSince !== null) continue;
      this.update(node.id, { verifyingSince: this.now });
      this.effect({ type: "verify", node: node.id, pause: 0 });
    }
  }

  /** The transition; a change that workers can see gets the next generation and is published. */
  finish(): Transition {
    const state: ClusterState = {
      settings: this.settings,
      generation: this.#before.generation,
      nodes: this.#nodes,
      primary: this.#primary,
      timeline: this.timeline,
      search: this.search,
      health: this.#health,
      verdicts: this.verdicts,
      told: this.told,
      isSettled: this.isSettled,
      areDelaysAsked: this.areDelaysAsked,
      work: this.work,
    };
    if (showsTheSame(makeSnapshot(this.#before), makeSnapshot(state))) {
      return { state, effects: this.#effects };
    }
    return {
      state: { ...state, generation: state.generation + 1 },
      effects: [{ type: "publish" }, ...this.#effects],
    };
  }

  #seconds(): number {
    return Math.floor(this.now / 1000);
  }
}
