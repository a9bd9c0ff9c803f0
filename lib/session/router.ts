import { type ClusterSnapshot, isUsable } from "../cluster/types.ts";
import { isBuiltin } from "../sql/builtin-functions.ts";
import type { StatementClass } from "../sql/statement-class.ts";
import { exceedsDelay, writeNode } from "./load-balance.ts";
import type { SessionSettings } from "./settings.ts";

/** Answers of {@link Router.route} that are not a node. */
export const Route = {
  /** No node is usable. */
  Nowhere: -1,
  /** The catalog has to be asked first. */
  Lookup: -2,
  /** It may write, and there is no verified primary. */
  Primaryless: -3,
} as const;

/**
 * What the catalog tells of a read: it may run on a standby, only on the primary, or it calls a
 * function that may write.
 */
export type Verdict = "safe" | "primary" | "writes";

/** The verdict on a statement, undefined when the catalog has to be asked first. */
export type CatalogVerdict = (statement: StatementClass) => Verdict | undefined;

/** Chooses a load balance node, avoiding those the session could not reach. */
export type ChooseNode = (snapshot: ClusterSnapshot, avoid: ReadonlySet<number>) => number;

/** Isolation level of transactions that do not name one, undefined while unknown. */
export type DefaultSerializable = () => boolean | undefined;

export interface RouterOptions {
  /** Read anew each time: a reload and PGPOOL SET take effect at once. */
  readonly settings: () => SessionSettings;
  /** Streaming replication: reads may go to a standby. Otherwise all goes to the main node. */
  readonly streaming: boolean;
  readonly choose: ChooseNode;
  readonly verdict: CatalogVerdict;
  readonly defaultSerializable: DefaultSerializable;
}

/**
 * Decides which node serves a statement, and keeps what that decision depends on
 * (reference parameters.md section 4).
 */
export class Router {
  snapshot: ClusterSnapshot;
  /** Load balance node of the session. */
  loadBalanceNode: number;
  /** In a transaction block, as far as the statements sent so far tell. */
  inTransaction = false;
  /** Node on which the transaction has failed, -1 when it has not. */
  failedNode = -1;
  /** set_config() has changed a setting, on the primary alone: reads have to see it. */
  settingsOnPrimary = false;
  /** A procedure may have done so: questions about settings go to the primary. */
  settingsUnsure = false;
  /** Something was written since the last Sync of the extended protocol. */
  pipelineWrote = false;
  /** The load balance node was chosen for the statement that is being looked at. */
  rebalanced = false;
  #wroteInTransaction = false;
  #wroteInSession = false;
  #serializable: boolean | undefined;
  #startedByMulti = false;
  /** Nodes that could not be reached, and since when their status had been what it was. */
  #avoided: Map<number, number> | undefined;

  constructor(readonly options: RouterOptions, snapshot: ClusterSnapshot) {
    this.snapshot = snapshot;
    this.loadBalanceNode = options.choose(snapshot, NOTHING_AVOIDED);
  }

  /** Node for writes. */
  get primary(): number {
    return this.options.streaming ? writeNode(this.snapshot) : this.snapshot.main;
  }

  /** Whether sessions may use a node. */
  isUsable(node: number): boolean {
    const state = this.snapshot.nodes[node];
    return state !== undefined && isUsable(state);
  }

  /** No node is known to be the primary, so that nothing may be written anywhere. */
  get lacksPrimary(): boolean {
    return this.options.streaming && this.snapshot.primary < 0;
  }

  /** Chooses the load balance node anew. */
  rebalance(): void {
    this.loadBalanceNode = this.options.choose(this.snapshot, this.#avoidedNow());
  }

  /** A node can not be reached: another one is chosen, until its status or role has changed. */
  avoid(node: number): void {
    this.#avoided ??= new Map();
    this.#avoided.set(node, this.snapshot.nodes[node]?.lastStatusChange ?? 0);
    this.rebalance();
  }

  #avoidedNow(): ReadonlySet<number> {
    if (this.#avoided === undefined) return NOTHING_AVOIDED;
    for (const [node, since] of this.#avoided) {
      if (this.snapshot.nodes[node]?.lastStatusChange !== since) this.#avoided.delete(node);
    }
    return new Set(this.#avoided.keys());
  }

  /**
   * The node that leads a statement: the one whose answer the client sees.
   *
   * @param readText the text is a read by its first letters (rule 6b).
   * @param joined says whether a node takes part in the open transaction.
   */
  route(
    statement: StatementClass,
    readText: boolean,
    joined: (node: number) => boolean,
  ): number {
    if (this.failedNode >= 0) return this.failedNode;
    const primary = this.primary;
    if (this.lacksPrimary && primary >= 0) {
      if (mayWrite(statement)) return Route.Primaryless;
      const verdict = callsOthers(statement) ? this.options.verdict(statement) : "safe";
      if (verdict === undefined) return Route.Lookup;
      if (verdict !== "safe") return Route.Primaryless;
    }
    if (!this.options.streaming || statement.route !== "either") return primary;
    const settings = this.options.settings();
    if (!settings.load_balance_mode || !readText || this.pipelineWrote) return primary;
    if (this.#wroteInSession && settings.disable_load_balance_on_write === "always") return primary;
    if (this.settingsOnPrimary || (this.settingsUnsure && asksSettings(statement))) return primary;
    if (settings.statement_level_load_balance && !this.inTransaction && !this.rebalanced) {
      this.rebalance();
      this.rebalanced = true;
    }
    const node = this.loadBalanceNode;
    if (node === primary || node < 0) return primary;
    if (this.inTransaction && !this.#mayReadInTransaction(node, joined)) return primary;
    const serializable = this.#serializable ?? this.options.defaultSerializable();
    if (serializable === true) return primary;
    const verdict = this.options.verdict(statement);
    if (verdict === "primary" || verdict === "writes") return primary;
    if (verdict === undefined || serializable === undefined) return Route.Lookup;
    return this.#withinDelay(node) ? node : primary;
  }

  /** Nodes beside the leader that have to know a statement of class "both". */
  followers(statement: StatementClass, leader: number, open: readonly number[]): number[] {
    const { streaming } = this.options;
    const settings = this.options.settings();
    const both = statement.route === "both" || statement.kind === "prepare-transaction";
    if (!both || !streaming || !settings.load_balance_mode) return NONE;
    if (this.#startedByMulti) return NONE;
    const nodes = open.filter((node) => node !== leader);
    const lb = this.loadBalanceNode;
    if (lb >= 0 && lb !== leader && !nodes.includes(lb)) nodes.push(lb);
    if (this.failedNode >= 0 && leader !== this.primary && !nodes.includes(this.primary)) {
      nodes.push(this.primary);
    }
    return nodes;
  }

  /** Notes that a statement has been sent. */
  sent(statement: StatementClass): void {
    switch (statement.kind) {
      case "begin":
        this.#begin();
        this.#serializable = statement.transaction?.isolation === undefined
          ? undefined
          : statement.transaction.isolation === "serializable";
        return;
      case "commit":
      case "rollback":
      case "prepare-transaction":
        if (statement.transaction?.chain === true) this.#begin();
        else this.ended();
        return;
      case "multi":
        this.#wrote();
        this.#startedByMulti = true;
        return;
      case "set":
        if (statement.route === "primary" && statement.setting !== undefined) {
          this.#isolationSet(statement);
        }
        if (statement.transaction?.readOnly !== true) this.#mark();
        return;
      case "execute":
        return; // executed() is told of what was prepared.
    }
    if (statement.route === "primary") {
      if (!statement.isRead) this.#wrote();
    } else if (statement.route === "both") {
      this.#mark();
    } else if (statement.functions.length > 0 && this.options.verdict(statement) === "writes") {
      this.#wrote();
    }
  }

  /** Notes that EXECUTE has been sent for a statement; what was prepared is undefined if unknown. */
  executed(prepared: StatementClass | undefined): void {
    if (prepared === undefined) this.#wrote();
    else this.sent(prepared);
  }

  /** A read turned out to contain a function that writes. */
  wroteByFunction(): void {
    this.#wrote();
  }

  /** Corrects what was assumed by what the server says at ReadyForQuery. */
  transactionStatus(inTransaction: boolean, failed: boolean, node: number): void {
    if (!inTransaction) {
      this.ended();
      return;
    }
    this.inTransaction = true;
    this.failedNode = failed ? node : -1;
  }

  /** The transaction block is over. */
  ended(): void {
    this.inTransaction = false;
    this.failedNode = -1;
    this.#serializable = undefined;
    this.#startedByMulti = false;
    if (this.options.settings().disable_load_balance_on_write === "transaction") {
      this.#wroteInTransaction = false;
    }
  }

  #begin(): void {
    this.inTransaction = true;
    if (this.options.settings().disable_load_balance_on_write === "transaction") {
      this.#wroteInTransaction = false;
    }
  }

  #isolationSet(statement: StatementClass): void {
    const isolation = statement.transaction?.isolation;
    if (this.inTransaction && isolation !== undefined) {
      this.#serializable = isolation === "serializable";
    }
  }

  #wrote(): void {
    this.pipelineWrote = true;
    this.#mark();
  }

  /**
   * Marks the session as writing: SET, SAVEPOINT and the like do that as well, though nothing they
   * do is missing on a standby (parameters.md 4.3).
   */
  #mark(): void {
    this.#wroteInSession = true;
    if (this.inTransaction) this.#wroteInTransaction = true;
  }

  #mayReadInTransaction(node: number, joined: (node: number) => boolean): boolean {
    if (this.#startedByMulti || !joined(node)) return false;
    const policy = this.options.settings().disable_load_balance_on_write;
    return policy === "off" || !this.#wroteInTransaction;
  }

  #withinDelay(node: number): boolean {
    const state = this.snapshot.nodes[node];
    if (state === undefined || !isUsable(state)) return false;
    const settings = this.options.settings();
    return !exceedsDelay(state, {
      delayThreshold: settings.delay_threshold,
      delayThresholdByTime: settings.delay_threshold_by_time,
    });
  }
}

/** Whether a statement writes, or opens a transaction that may, as far as its text tells. */
function mayWrite(statement: StatementClass): boolean {
  switch (statement.kind) {
    case "begin":
      return statement.transaction?.readOnly !== true;
    case "declare":
    case "fetch":
    case "close":
    case "deallocate":
    case "unlisten":
      return false;
    default:
      return statement.route === "primary" && !statement.isRead;
  }
}

/** Whether a statement calls functions of which only the catalog can tell whether they write. */
function callsOthers(statement: StatementClass): boolean {
  return statement.functions.some(({ schema, name }) =>
    !isBuiltin(schema, name) || WRITERS.has(name)
  );
}

/** The server's own functions that write; the other volatile ones do not. */
const WRITERS: ReadonlySet<string> = new Set(["nextval", "setval", "pg_notify"]);

/** Whether a statement asks for the session's settings. */
function asksSettings(statement: StatementClass): boolean {
  return statement.kind === "show" ||
    statement.functions.some((called) => called.name === "current_setting");
}

const NONE: number[] = [];
const NOTHING_AVOIDED: ReadonlySet<number> = new Set();
