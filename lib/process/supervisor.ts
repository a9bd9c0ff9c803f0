import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { answerAdmin } from "../admin/views.ts";
import { systemClock } from "../cluster/clock.ts";
import { createProbe, type Probe } from "../cluster/probe.ts";
import { type ClusterService, createClusterService } from "../cluster/service.ts";
import { clusterSettings } from "../cluster/settings.ts";
import { statusFile } from "../cluster/status-file.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { ConfigError } from "../config/problems.ts";
import { applyReload } from "../config/reload.ts";
import { Logger } from "../log/log.ts";
import { closeListeners, type Listener, openListeners } from "../net/listen.ts";
import { adminContext, probeLogin } from "./admin-context.ts";
import { configureLogger } from "./log-settings.ts";
import { errorFields, logProblems } from "./logging.ts";
import type {
  AdminSession,
  AdminTable,
  ConfigFiles,
  WorkerMessage,
  WorkerReport,
} from "./messages.ts";
import { pidFilePath, removePidFile, writePidFile } from "./pid-file.ts";
import { createSharedMemory, type SharedFile, sharedMemoryPath } from "./shared-memory.ts";
import { FIRST_FD, WorkerProcess } from "./worker-process.ts";

/** Longest time a worker may take to tell of itself, in milliseconds. */
const REPORT_DEADLINE_MS = 2000;
/** Longest time workers may take to end after a fast stop, in milliseconds. */
const STOP_DEADLINE_MS = 10_000;
/** How long after its start a worker may die again before it is started anew at once. */
const RESTART_PAUSE_MS = 1000;
/** Most connections that may wait for being accepted (behaviour.md 1). */
const MOST_BACKLOG = 10_000;

/** Exit status for errors that prevent the start (commands.md 1). */
export const FATAL_STATUS = 3;

/** What the command line asks for. */
export interface ServeOptions {
  readonly files: ConfigFiles;
  /** -D: pgpool_status is not read. */
  readonly discardStatus: boolean;
}

type StopMode = "smart" | "fast" | "immediate";

/** Signals that stop pgpool, how, and by which number the log names them. */
const STOP_SIGNALS = {
  SIGTERM: { mode: "smart", number: 15 },
  SIGINT: { mode: "fast", number: 2 },
  SIGQUIT: { mode: "immediate", number: 3 },
} as const;

const STRENGTH: Readonly<Record<StopMode, number>> = { smart: 0, fast: 1, immediate: 2 };

/**
 * The process that owns configuration, listening sockets and cluster state, and keeps the workers
 * running (design: it never serves a client itself).
 */
export class Supervisor {
  readonly #workers = new Map<number, WorkerProcess>();
  readonly #reports = new Map<number, (report: WorkerReport) => void>();
  readonly #saltSecret = randomBytes(32).toString("hex");
  readonly #shared: SharedFile;
  readonly #cluster: ClusterService;
  readonly #probe: Probe;
  #listeners: Listener[] = [];
  #config: Config;
  #nextRequest = 1;
  #stopping: StopMode | undefined;
  #stopped = Promise.withResolvers<void>();

  constructor(readonly options: ServeOptions, config: Config, readonly logger: Logger) {
    this.#config = config;
    const { num_init_children, work_dir } = config.values;
    this.#shared = createSharedMemory(this.#workerCount, num_init_children, work_dir);
    this.#probe = createProbe(() => probeLogin(this.#config, options.files, logger));
    const path = resolve(config.directory, config.values.work_dir, "pgpool_status");
    this.#cluster = createClusterService({
      settings: clusterSettings(config),
      logger: ({ severity, text, detail, hint }) =>
        logger.log(severity, text, {
          ...(detail === undefined ? {} : { detail }),
          ...(hint === undefined ? {} : { hint }),
        }),
      clock: systemClock,
      probe: this.#probe,
      statusFile: statusFile(path, options.discardStatus),
    });
  }

  /** Runs until pgpool is told to stop. */
  async run(): Promise<void> {
    const pidFile = pidFilePath(this.#config);
    writePidFile(pidFile);
    try {
      this.#listeners = await openListeners(this.#listenPlan(), this.logger);
      this.#handleSignals();
      const searched = this.#cluster.start();
      this.#cluster.onSnapshot((snapshot) => this.#broadcast({ type: "snapshot", snapshot }));
      for (let number = 1; number <= this.#workerCount; number++) this.#startWorker(number);
      await Promise.race([searched, this.#stopped.promise]);
      if (this.#stopping === undefined) {
        this.logger.log("log", "pgpool-II successfully started. version 4.7.2 (tasukiboshi)");
        this.#cluster.logNodeStatus();
      }
      await this.#stopped.promise;
    } finally {
      closeListeners(this.#listeners);
      await this.#cluster.stop();
      this.#shared.close();
      removePidFile(pidFile);
      this.logger.log("log", "Pgpool-II system is shutdown");
      this.logger.flush();
    }
  }

  get #workerCount(): number {
    const { worker_processes } = this.#config.values;
    return worker_processes > 0 ? worker_processes : availableParallelism();
  }

  #listenPlan(): Parameters<typeof openListeners>[0] {
    const { values } = this.#config;
    return {
      tcp: values.listen_addresses.map((host) => ({ host, port: values.port })),
      unix: values.unix_socket_directories.map((directory) => ({
        directory,
        port: values.port,
        permissions: values.unix_socket_permissions,
        group: values.unix_socket_group,
      })),
      backlog: Math.min(values.num_init_children * values.listen_backlog_multiplier, MOST_BACKLOG),
    };
  }

  #startWorker(number: number): void {
    const startedAt = Date.now();
    const fds = [this.#shared.fd, ...this.#listeners.map(({ fd }) => fd)];
    const worker = new WorkerProcess(
      number,
      fds,
      (from, message) => this.#receive(from, message),
      (ended, reason) => this.#workerEnded(ended, reason, startedAt),
    );
    this.#workers.set(number, worker);
    worker.send({
      type: "start",
      worker: number,
      workers: this.#workerCount,
      config: this.options.files,
      saltSecret: this.#saltSecret,
      snapshot: this.#cluster.snapshot(),
      listeners: this.#listeners.map(({ kind, address }, index) => ({
        fd: FIRST_FD + 1 + index,
        kind,
        address,
      })),
      sharedMemory: sharedMemoryPath(FIRST_FD),
    });
  }

  #workerEnded(worker: WorkerProcess, reason: string, startedAt: number): void {
    this.#shared.counters.reclaim(worker.number);
    if (this.#stopping !== undefined) {
      this.#checkStopped();
      return;
    }
    this.logger.warning(`worker ${worker.number} with pid: ${worker.pid} ended: ${reason}`, {
      detail: "Its clients have lost their connections; another worker is started.",
    });
    this.#broadcast({ type: "slot-free" });
    const pause = Math.max(0, startedAt + RESTART_PAUSE_MS - Date.now());
    setTimeout(() => {
      if (this.#stopping === undefined) this.#startWorker(worker.number);
    }, pause);
  }

  #receive(from: WorkerProcess, message: WorkerMessage): void {
    switch (message.type) {
      case "ready":
        from.ready = true;
        // The cluster may have changed while the worker was starting.
        from.send({ type: "snapshot", snapshot: this.#cluster.snapshot() });
        return;
      case "drained":
        from.drained = true;
        this.#checkStopped();
        return;
      case "complain": {
        const { node, complaint, detail, generation } = message;
        return this.#cluster.complain(node, complaint, detail, generation);
      }
      case "node-used":
        return this.#cluster.nodeUsed(message.node);
      case "cancel":
      case "close-idle":
      case "slot-free":
        for (const worker of this.#workers.values()) if (worker !== from) worker.send(message);
        return;
      case "admin":
        return void this.#answer(from, message.request, message.view, message.session);
      case "report":
        this.#reports.get(message.request)?.(message.report);
        return;
    }
  }

  async #answer(
    to: WorkerProcess,
    request: number,
    view: string,
    session: AdminSession,
  ): Promise<void> {
    try {
      const table = await this.answerAdmin(view, session);
      to.send({ type: "admin-result", request, table });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      to.send({ type: "admin-error", request, message });
    }
  }

  /** Answers a SHOW POOL_* command. */
  answerAdmin(view: string, session: AdminSession): Promise<AdminTable> {
    const context = adminContext({
      config: this.#config,
      snapshot: this.#cluster.snapshot(),
      probe: this.#probe,
      counters: (node) => this.#shared.counters.read(node),
      reports: () => this.#askReports(),
    });
    return answerAdmin(view, session, context);
  }

  /** What the workers tell of themselves; one that does not answer in time is left out. */
  async #askReports(): Promise<WorkerReport[]> {
    const asked = [...this.#workers.values()].filter((worker) => worker.ready && worker.running);
    const reports = await Promise.all(asked.map((worker) => this.#askReport(worker)));
    return reports.filter((report) => report !== undefined);
  }

  #askReport(worker: WorkerProcess): Promise<WorkerReport | undefined> {
    const request = this.#nextRequest++;
    return new Promise((resolve) => {
      const finish = (report: WorkerReport | undefined) => {
        clearTimeout(timer);
        this.#reports.delete(request);
        resolve(report);
      };
      const timer = setTimeout(() => {
        this.logger.warning(`worker ${worker.number} with pid: ${worker.pid} does not answer`);
        finish(undefined);
      }, REPORT_DEADLINE_MS);
      this.#reports.set(request, finish);
      worker.send({ type: "report", request });
    });
  }

  #handleSignals(): void {
    for (const [name, { mode, number }] of Object.entries(STOP_SIGNALS)) {
      process.on(name, () => {
        this.logger.log("log", `exit handler called (signal: ${number})`);
        this.stop(mode, number);
      });
    }
    process.on("SIGHUP", () => this.reload());
  }

  /** Begins to stop, or goes on in a stronger mode. */
  stop(mode: StopMode, signal: number): void {
    if (this.#stopping !== undefined && STRENGTH[mode] <= STRENGTH[this.#stopping]) return;
    this.logger.log("log", `shutting down by signal ${signal}`);
    if (mode !== "smart") this.logger.log("log", "terminating all child processes");
    this.#stopping = mode;
    this.#broadcast({ type: "stop", mode });
    if (mode !== "smart") {
      setTimeout(() => {
        for (const worker of this.#workers.values()) if (worker.running) worker.kill();
      }, STOP_DEADLINE_MS).unref();
    }
    this.#checkStopped();
  }

  /** Ends the workers when the last client has left, and then itself. */
  #checkStopped(): void {
    if (this.#stopping === undefined) return;
    const running = [...this.#workers.values()].filter((worker) => worker.running);
    if (running.length === 0) this.#stopped.resolve();
    else if (running.every((worker) => worker.drained)) {
      for (const worker of running) worker.kill();
    }
  }

  /** Reads the configuration anew. A file that can not be used changes nothing. */
  reload(): void {
    this.logger.log("log", "reload config files.");
    try {
      const { config: fresh, problems } = loadConfig(this.options.files.config, {
        base: this.#config,
      });
      logProblems(this.logger, problems, "error");
      const isDown = (node: number) => this.#cluster.snapshot().nodes[node]?.status === "down";
      const { config, needRestart } = applyReload(this.#config, fresh, isDown);
      for (const change of needRestart) {
        this.logger.warning(`parameter "${change.name}" can only be changed by a restart`, {
          detail: `It stays "${change.old}"; the file says "${change.new}".`,
        });
      }
      this.#config = config;
      configureLogger(this.logger, config, this.options.files.debug);
      this.#cluster.reload(clusterSettings(config));
      this.#broadcast({ type: "reload" });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      logProblems(this.logger, error.problems, "error");
      this.logger.warning("configuration is not reloaded", {
        detail: "All parameters keep their present values.",
      });
    }
  }

  #broadcast(message: Parameters<WorkerProcess["send"]>[0]): void {
    for (const worker of this.#workers.values()) worker.send(message);
  }
}

/**
 * Reads the configuration and runs pgpool until it is told to stop.
 * @returns the exit status.
 */
export async function serve(options: ServeOptions): Promise<number> {
  const logger = new Logger({ process: "main" });
  let config: Config;
  try {
    const loaded = loadConfig(options.files.config);
    config = loaded.config;
    configureLogger(logger, config, options.files.debug);
    logProblems(logger, loaded.problems, "fatal");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    logProblems(logger, error.problems, "fatal");
    return FATAL_STATUS;
  }
  try {
    await new Supervisor(options, config, logger).run();
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    logger.fatal(error.message, errorFields(error));
    logger.flush();
    return FATAL_STATUS;
  }
}
