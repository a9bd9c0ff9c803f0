import type { Logger } from "../log/log.ts";
import { FATAL_STATUS } from "./errors.ts";
import type { SupervisorMessage, WorkerMessage, WorkerReport } from "./messages.ts";
import { collectReports, type ReportQuestion } from "./reports.ts";
import type { SharedCounters } from "./shared-memory.ts";
import { STOP_DEADLINE_MS, type StopMode } from "./stop-mode.ts";
import { type ProcessEnd, type WorkerCommand, WorkerProcess } from "./worker-process.ts";

/** Longest time from the start of a worker to its `ready`, in milliseconds. */
const READY_DEADLINE_MS = 30_000;

/** A worker that ran for this long is started again at once when it dies; else it has to wait. */
const STEADY_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** What the group is made from. */
export interface WorkerGroupOptions {
  readonly count: number;
  readonly start: WorkerCommand;
  readonly logger: Logger;
  readonly counters: SharedCounters;
  /** The first message for a worker that is being started. */
  readonly startMessage: (worker: number) => SupervisorMessage;
  /** Messages of workers, without `ready` and `report`, which the group takes care of. */
  readonly onMessage: (from: WorkerProcess, message: WorkerMessage) => void;
  /** A worker is ready; it may have missed what was sent while it started. */
  readonly onReady: (worker: WorkerProcess) => void;
  /** A worker ended with {@link FATAL_STATUS}. */
  readonly onFatal: () => void;
}

/** The workers of a supervisor: as many as there should be, until they are stopped. */
export class WorkerGroup {
  readonly #options: WorkerGroupOptions;
  readonly #workers = new Map<number, WorkerProcess>();
  readonly #pauses = new Map<number, number>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #questions = new Map<number, ReportQuestion>();
  #nextQuestion = 1;
  #lastWoken = 0;
  #stopping: StopMode | undefined;
  readonly #allReady = Promise.withResolvers<void>();
  readonly #allEnded = Promise.withResolvers<void>();

  constructor(options: WorkerGroupOptions) {
    this.#options = options;
  }

  /** Starts all workers; resolves when every one of them is ready, or when they are stopped. */
  async start(): Promise<void> {
    for (let number = 1; number <= this.#options.count; number++) this.#start(number);
    await this.#allReady.promise;
  }

  /** The processes, those that have ended and will be started again included. */
  get all(): readonly WorkerProcess[] {
    return [...this.#workers.values()];
  }

  /** Ids of the processes that run. */
  get pids(): number[] {
    return this.all.filter(({ running }) => running).map(({ pid }) => pid);
  }

  broadcast(message: SupervisorMessage, except?: WorkerProcess): void {
    for (const worker of this.#workers.values()) {
      if (worker !== except && worker.running) worker.send(message);
    }
  }

  /** Tells one worker whose clients wait, each in its turn, that a slot is free. */
  wakeNext(): void {
    const { count, counters } = this.#options;
    for (let step = 1; step <= count; step++) {
      const number = (this.#lastWoken + step - 1) % count + 1;
      if (counters.waiting(number) === 0) continue;
      this.#lastWoken = number;
      this.#workers.get(number)?.send({ type: "slot-free" });
      return;
    }
  }

  /**
   * What all workers tell of themselves; one that does not answer in time is left out.
   *
   * @param most to hear only of so many sessions of each, those that have been busy for longest.
   */
  async reports(most?: number): Promise<WorkerReport[]> {
    const asked = [...this.#workers.values()].filter((worker) => worker.ready && worker.running);
    const request = this.#nextQuestion++;
    const question = collectReports(asked.map(({ number }) => number));
    this.#questions.set(request, question);
    for (const worker of asked) {
      worker.send({ type: "report", request, ...(most === undefined ? {} : { most }) });
    }
    const { reports, missing } = await question.answer;
    this.#questions.delete(request);
    for (const number of missing) {
      const worker = this.#workers.get(number);
      this.#options.logger.warning(`worker ${number} with pid: ${worker?.pid} does not answer`, {
        detail: "Its clients are missing in what is shown.",
      });
    }
    return reports;
  }

  /**
   * Ends all workers, and resolves when they have ended. Called again with a stronger mode it
   * hastens that. Workers that take too long are killed.
   */
  async stop(mode: StopMode): Promise<void> {
    this.#stopping = mode;
    this.#clearTimers();
    this.broadcast({ type: "stop", mode });
    const deadline = STOP_DEADLINE_MS[mode];
    if (deadline !== undefined) this.#after(deadline, () => this.#killAll(deadline));
    this.#allReady.resolve();
    this.#checkEnded();
    await this.#allEnded.promise;
    this.#clearTimers();
  }

  #start(number: number): void {
    const worker = new WorkerProcess(number, this.#options.start, {
      message: (from, message) => this.#receive(from, message),
      ended: (from, end) => this.#ended(from, end),
    });
    this.#workers.set(number, worker);
    worker.send(this.#options.startMessage(number));
    this.#after(READY_DEADLINE_MS, () => {
      if (worker.ready || !worker.running) return;
      this.#options.logger.warning(`worker ${number} with pid: ${worker.pid} does not get ready`, {
        detail: `It had ${READY_DEADLINE_MS / 1000} seconds. It is killed and started again.`,
      });
      worker.kill();
    });
  }

  #receive(from: WorkerProcess, message: WorkerMessage): void {
    switch (message.type) {
      case "ready":
        from.ready = true;
        this.#options.onReady(from);
        if ([...this.#workers.values()].every((worker) => worker.ready)) this.#allReady.resolve();
        return;
      case "report":
        this.#questions.get(message.request)?.add(message.report);
        return;
      default:
        this.#options.onMessage(from, message);
    }
  }

  #ended(worker: WorkerProcess, end: ProcessEnd): void {
    const { counters, logger } = this.#options;
    counters.reclaim(worker.number);
    for (const question of this.#questions.values()) question.forget(worker.number);
    if (this.#stopping !== undefined) return this.#checkEnded();
    if (end.code === FATAL_STATUS) {
      logger.fatal("child process exit with fatal error. exiting pgpool-II");
      this.#options.onFatal();
      return;
    }
    const pause = this.#pauseBefore(worker);
    logger.log(end.signal === null ? "log" : "warning", endText(worker.pid, end), {
      detail: `Worker ${worker.number} is started again${pause > 0 ? ` in ${pause} ms` : ""}.`,
    });
    this.wakeNext();
    this.#after(pause, () => this.#start(worker.number));
  }

  /** Workers that die again and again are started more and more slowly. */
  #pauseBefore(worker: WorkerProcess): number {
    if (performance.now() - worker.startedAt >= STEADY_MS) this.#pauses.delete(worker.number);
    const pause = this.#pauses.get(worker.number) ?? 0;
    const next = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pause * 2));
    this.#pauses.set(worker.number, next);
    return pause;
  }

  #killAll(deadline: number): void {
    for (const worker of this.#workers.values()) {
      if (!worker.running) continue;
      this.#options.logger.warning(`worker ${worker.number} with pid: ${worker.pid} is killed`, {
        detail: `It did not end within ${deadline / 1000} seconds.`,
      });
      worker.kill();
    }
  }

  #checkEnded(): void {
    if ([...this.#workers.values()].every((worker) => !worker.running)) this.#allEnded.resolve();
  }

  #after(milliseconds: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, milliseconds);
    this.#timers.add(timer);
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** How the log names signals that end processes (commands.md 1, exit codes of processes). */
function endText(pid: number, { code, signal }: ProcessEnd): string {
  if (signal === null) return `child process with pid: ${pid} exits with status ${code}`;
  const name = signal === "SIGSEGV" ? "segmentation fault" : signal.toLowerCase();
  return `child process with pid: ${pid} was terminated by ${name}`;
}
