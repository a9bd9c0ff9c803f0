import type { DurationStatistics, LoginFailure } from "../../pcp/statistics.ts";
import { addDuration, DURATION_CELLS, readDurations } from "./durations.ts";

/** Backend nodes that figures are kept for (limits.md: 128). */
const MAX_NODES = 128;

/** Statements and errors of a node (sql-interface.md 6, SHOW POOL_BACKEND_STATS). */
export type StatementFigure =
  | "select"
  | "insert"
  | "update"
  | "delete"
  | "ddl"
  | "other"
  | "panic"
  | "fatal"
  | "error";

/**
 * What a process counts per node: statements and errors; clients that were given a connection
 * which was there, or for which there was none; connections opened.
 */
export type NodeFigure = StatementFigure | "hits" | "misses" | "opened";

/** Connections of a process to a node at the moment: lent to sessions, and cached. */
export type NodeGauge = "used" | "idle";

/** What a worker counts: clients accepted, clients served, and why others were not. */
export type WorkerFigure = "accepted" | "logins" | `failed-${LoginFailure}`;

/**
 * What is so at the moment in a worker: its sessions by state, clients that are held before they
 * are connected, and when it last told (Unix ms).
 */
export type WorkerGauge = "active" | "idle" | "idleInTransaction" | "waiting" | "held" | "toldAt";

/** Durations counted per node: of its statements, and of waits for a connection to it. */
export type NodeDuration = "statement" | "connection";

/**
 * Cells of one process: its own, then those of each node. Each process writes its own cells only,
 * so that counting needs neither atomic operations nor big integers; doubles are exact up to 2^53.
 */
const OWN: Readonly<Record<WorkerFigure | WorkerGauge | "slotWait", number>> = {
  accepted: 0,
  logins: 1,
  "failed-authentication": 2,
  "failed-slots": 3,
  "failed-servers": 4,
  "failed-timeout": 5,
  "failed-other": 6,
  active: 8,
  idle: 9,
  idleInTransaction: 10,
  waiting: 11,
  toldAt: 12,
  held: 13,
  slotWait: 16,
};
const OWN_CELLS = 16 + DURATION_CELLS;

const NODE: Readonly<Record<NodeFigure | NodeGauge | NodeDuration, number>> = {
  select: 0,
  insert: 1,
  update: 2,
  delete: 3,
  ddl: 4,
  other: 5,
  panic: 6,
  fatal: 7,
  error: 8,
  hits: 9,
  misses: 10,
  opened: 11,
  used: 12,
  idle: 13,
  statement: 16,
  connection: 16 + DURATION_CELLS,
};
const NODE_CELLS = 16 + 2 * DURATION_CELLS;

const PROCESS_CELLS = OWN_CELLS + MAX_NODES * NODE_CELLS;

const WORKER_GAUGES: readonly WorkerGauge[] = [
  "active",
  "idle",
  "idleInTransaction",
  "waiting",
  "held",
  "toldAt",
];

/** Cells for a supervisor and that many workers. */
export function figureCells(workers: number): number {
  return (workers + 1) * PROCESS_CELLS;
}

/** Figures of all processes, of which each writes its own. */
export class SharedFigures {
  readonly #cells: Float64Array;
  /** First cell of this process. */
  readonly #own: number;
  readonly #processes: readonly number[];

  /**
   * @param cells {@link figureCells} of them.
   * @param process number of this process: of a worker, or 0 in the supervisor.
   */
  constructor(cells: Float64Array, readonly process: number) {
    this.#cells = cells;
    this.#own = process * PROCESS_CELLS;
    this.#processes = Array.from({ length: cells.length / PROCESS_CELLS }, (_, each) => each);
  }

  /** Counts something that concerns a node: a statement sent to it, an error it reported. */
  count(node: number, figure: NodeFigure): void {
    if (isNode(node)) this.#cells[nodeCell(this.process, node, figure)]++;
  }

  setNode(node: number, gauge: NodeGauge, value: number): void {
    if (isNode(node)) this.#cells[nodeCell(this.process, node, gauge)] = value;
  }

  countWorker(figure: WorkerFigure): void {
    this.#cells[this.#own + OWN[figure]]++;
  }

  setWorker(gauge: WorkerGauge, value: number): void {
    this.#cells[this.#own + OWN[gauge]] = value;
  }

  /** Counts how long a node took for a statement, or a client waited for a connection to it. */
  took(node: number, what: NodeDuration, milliseconds: number): void {
    if (isNode(node)) {
      addDuration(this.#cells, nodeCell(this.process, node, what), milliseconds / 1000);
    }
  }

  /** Counts how long a client waited for a slot. */
  waitedForSlot(milliseconds: number): void {
    addDuration(this.#cells, this.#own + OWN.slotWait, milliseconds / 1000);
  }

  /** A figure of a node, over all processes since the start of pgpool. */
  total(node: number, figure: NodeFigure): number {
    return this.#processes.reduce((sum, process) => sum + this.ofNode(process, node, figure), 0);
  }

  /** Statements and errors of a node, over all processes since the start of pgpool. */
  statements(node: number): Record<StatementFigure, number> {
    return {
      select: this.total(node, "select"),
      insert: this.total(node, "insert"),
      update: this.total(node, "update"),
      delete: this.total(node, "delete"),
      ddl: this.total(node, "ddl"),
      other: this.total(node, "other"),
      panic: this.total(node, "panic"),
      fatal: this.total(node, "fatal"),
      error: this.total(node, "error"),
    };
  }

  durations(node: number, what: NodeDuration): DurationStatistics {
    const starts = this.#processes.map((process) => nodeCell(process, node, what));
    return readDurations(this.#cells, starts);
  }

  slotWaits(): DurationStatistics {
    const starts = this.#processes.map((process) => process * PROCESS_CELLS + OWN.slotWait);
    return readDurations(this.#cells, starts);
  }

  ofNode(process: number, node: number, figure: NodeFigure | NodeGauge): number {
    return this.#cells[nodeCell(process, node, figure)];
  }

  ofWorker(worker: number, figure: WorkerFigure | WorkerGauge): number {
    return this.#cells[worker * PROCESS_CELLS + OWN[figure]];
  }

  /** What a worker that is gone has said of its state is no longer so; what it has counted stays. */
  forgetState(worker: number): void {
    for (const gauge of WORKER_GAUGES) this.#cells[worker * PROCESS_CELLS + OWN[gauge]] = 0;
    for (let node = 0; node < MAX_NODES; node++) {
      this.#cells[nodeCell(worker, node, "used")] = 0;
      this.#cells[nodeCell(worker, node, "idle")] = 0;
    }
  }
}

function nodeCell(
  process: number,
  node: number,
  name: NodeFigure | NodeGauge | NodeDuration,
): number {
  return process * PROCESS_CELLS + OWN_CELLS + node * NODE_CELLS + NODE[name];
}

function isNode(node: number): boolean {
  return node >= 0 && node < MAX_NODES;
}
