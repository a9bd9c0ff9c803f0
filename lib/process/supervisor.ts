import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { answerAdmin, UnknownViewError } from "../admin/views.ts";
import { POOL_VERSION } from "../admin/pool-version.ts";
import { systemClock } from "../cluster/clock.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { ConfigError } from "../config/problems.ts";
import { applyReload } from "../config/reload.ts";
import type { Logger } from "../log/log.ts";
import type { PoolStatistics } from "../pcp/statistics.ts";
import { closeListeners, type Listener, type ListenPlan, openListeners } from "../net/listen.ts";
import type { AdminContext } from "../admin/context.ts";
import { adminContext } from "./admin-context.ts";
import { AdminPort } from "./admin/port.ts";
import { PoolAdministration } from "./admin/service.ts";
import { tellStarter } from "./background.ts";
import { type Cluster, createCluster } from "./cluster.ts";
import { CollectorProcess, logDirectory } from "./collector-process.ts";
import { FATAL_STATUS } from "./errors.ts";
import { Gate } from "./gate.ts";
import { applyDestinations, configureLogger } from "./log-settings.ts";
import { logProblems } from "./logging.ts";
import type { AdminSession, ConfigFiles, SupervisorMessage, WorkerMessage } from "./messages.ts";
import { MetricsServer } from "./metrics-server.ts";
import { PidFile, pidFilePath } from "./pid-file.ts";
import { tellServiceManager } from "./service-manager.ts";
import { createSharedMemory, type SharedFile, sharedMemoryPath } from "./shared-memory.ts";
import { ChangeCounter } from "./statistics/changes.ts";
import { poolStatistics } from "./statistics/gather.ts";
import { isStronger, SIGNAL_OF, STOP_SIGNALS, type StopMode } from "./stop-mode.ts";
import { WorkerGroup } from "./worker-group.ts";
import { FIRST_FD, type WorkerProcess } from "./worker-process.ts";

/** Most connections that may wait for being accepted (behaviour.md 1). */
const MOST_BACKLOG = 10_000;

/** Longest time clients wait at the start until the servers have been looked at, in milliseconds. */
const SEARCH_PATIENCE_MS = 5000;

/** Longest time for ending the checks of servers when pgpool stops, in milliseconds. */
const CLUSTER_STOP_MS = 5000;

/** Administrators have no session whose reads go somewhere. */
const NO_SESSION: AdminSession = { loadBalanceNode: -1 };

/** What a supervisor is made from. */
export interface SupervisorOptions {
  readonly files: ConfigFiles;
  readonly config: Config;
  readonly logger: Logger;
  /** -D: pgpool_status is not read. */
  readonly discardStatus: boolean;
  /** The command that starts a worker. */
  readonly workerCommand: readonly string[];
}

/**
 * The process that owns configuration, listening sockets and cluster state, and keeps the workers
 * running. It never serves a client itself (design: Processes).
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #logger: Logger;
  readonly #saltSecret = randomBytes(32).toString("hex");
  readonly #cluster: Cluster;
  readonly #memory: SharedFile;
  readonly #metrics: MetricsServer;
  readonly #changes = new ChangeCounter();
  readonly #startTime = Math.floor(Date.now() / 1000);
  readonly #workerCount: number;
  readonly #gate: Gate;
  readonly #stopped = Promise.withResolvers<void>();
  #config: Config;
  #listeners: Listener[] = [];
  #workers: WorkerGroup | undefined;
  #collector: CollectorProcess | undefined;
  #adminPort: AdminPort | undefined;
  #stopping: StopMode | undefined;
  #status = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#config = options.config;
    const { worker_processes } = options.config.values;
    this.#workerCount = worker_processes > 0 ? worker_processes : availableParallelism();
    this.#gate = new Gate(
      this.#workerCount,
      (message) => this.#workers?.broadcast(message),
      systemClock,
      (text) => this.#logger.log("log", text),
    );
    this.#cluster = createCluster(
      options.config,
      options.files,
      options.discardStatus,
      this.#logger,
      this.#gate,
    );
    const { num_init_children, work_dir } = options.config.values;
    this.#memory = createSharedMemory(this.#workerCount, num_init_children, work_dir);
    this.#metrics = new MetricsServer(this.#logger, () => this.#statistics());
  }

  /**
   * Runs until pgpool is told to stop.
   *
   * @returns the exit status.
   * @throws {ProcessError | NetError} what prevents the start.
   */
  async run(): Promise<number> {
    const pidFile = PidFile.create(pidFilePath(this.#config));
    applyDestinations(this.#logger, this.#config);
    const restoreSignals = this.#handleSignals();
    try {
      this.#startCollector();
      this.#listeners = await openListeners(this.#listenPlan(), this.#logger);
      await this.#metrics.start(this.#config.values);
      await this.#serve();
      await this.#stopped.promise;
    } finally {
      this.#closeListeners();
      await this.#workers?.stop("immediate");
      this.#adminPort?.close();
      this.#metrics.stop();
      await within(CLUSTER_STOP_MS, this.#cluster.stop());
      this.#memory.close();
      pidFile.remove();
      restoreSignals();
      this.#collector?.release();
    }
    this.#logger.log("log", "Pgpool-II system is shutdown");
    return this.#status;
  }

  /** Begins to stop; a stronger mode than that of a stop under way hastens it. */
  stop(mode: StopMode): void {
    if (!isStronger(mode, this.#stopping)) return;
    this.#stopping = mode;
    tellServiceManager("STOPPING=1");
    this.#closeListeners();
    if (this.#workers === undefined) return this.#stopped.resolve();
    this.#workers.stop(mode).then(() => this.#stopped.resolve());
    // Sessions that are held back go on; new clients have been sent away by now.
    this.#gate.stop();
  }

  /** Reads the configuration anew. A file that can not be used changes nothing. */
  reload(): void {
    const { files } = this.#options;
    this.#logger.log("log", "reload config files.");
    try {
      const loaded = loadConfig(files.config, { base: this.#config });
      logProblems(this.#logger, loaded.problems, "error");
      const isDown = (node: number) => this.#nodeStatus(node) === "down";
      const { config, needRestart } = applyReload(this.#config, loaded.config, isDown);
      for (const { name, old, new: fresh } of needRestart) {
        this.#logger.log("log", `parameter "${name}" cannot be changed without a restart`, {
          detail: `It stays "${old}"; the file says "${fresh}".`,
        });
      }
      this.#config = config;
      configureLogger(this.#logger, config, files.debug);
      applyDestinations(this.#logger, config);
      this.#collector?.reload(config);
      this.#cluster.reload(config);
      void this.#adminPort?.reload();
      void this.#metrics.reload(config.values);
      this.#workers?.broadcast({ type: "reload" });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      logProblems(this.#logger, error.problems, "error");
      this.#logger.warning("configuration is not reloaded", {
        detail: "All parameters keep their present values.",
      });
    }
  }

  /** With logging_collector, this process and the workers log to files from now on. */
  #startCollector(): void {
    if (!this.#config.values.logging_collector) return;
    this.#collector = new CollectorProcess(
      this.#workerCount,
      this.#options.workerCommand,
      this.#config,
      this.#logger,
    );
    this.#logger.log("log", "redirecting log output to logging collector process", {
      hint: `Future log output will appear in directory "${logDirectory(this.#config)}".`,
    });
    this.#logger.redirect(this.#collector.writeFd(0));
  }

  /** Looks at the servers and starts the workers. */
  async #serve(): Promise<void> {
    const { service } = this.#cluster;
    const memory = this.#memory;
    const searched = this.#cluster.start();
    this.#adminPort = await this.#openAdminPort();
    tellStarter();
    await within(SEARCH_PATIENCE_MS, Promise.race([searched, this.#stopped.promise]));
    if (this.#stopping !== undefined) return;
    const workers = new WorkerGroup({
      count: this.#workerCount,
      start: {
        command: this.#options.workerCommand,
        descriptors: [...this.#listeners.map(({ fd }) => fd), memory.fd],
        stderr: (worker) => this.#collector?.writeFd(worker),
      },
      logger: this.#logger,
      counters: memory.counters,
      startMessage: (worker) => this.#startMessage(worker),
      onMessage: (from, message) => this.#receive(from, message),
      // The cluster, or the gate, may have changed while the worker started.
      onReady: (worker) => {
        worker.send({ type: "snapshot", snapshot: service.snapshot() });
        worker.send({ type: "gate", gate: this.#gate.state });
      },
      onFatal: () => {
        this.#status = FATAL_STATUS;
        this.stop("fast");
      },
    });
    this.#workers = workers;
    this.#changes.watch(service);
    service.onSnapshot((snapshot) => workers.broadcast({ type: "snapshot", snapshot }));
    await workers.start();
    // Clients are served from now on, even while the primary is still searched.
    tellServiceManager("READY=1");
    await Promise.race([searched, this.#stopped.promise]);
    if (this.#stopping !== undefined) return;
    this.#logger.log("log", `pgpool-II successfully started. version ${POOL_VERSION}`);
    service.logNodeStatus();
  }

  #startMessage(worker: number): SupervisorMessage {
    return {
      type: "start",
      worker,
      workers: this.#workerCount,
      config: this.#options.files,
      saltSecret: this.#saltSecret,
      snapshot: this.#cluster.service.snapshot(),
      gate: this.#gate.state,
      listeners: this.#listeners.map(({ kind, address }, index) => ({
        fd: FIRST_FD + index,
        kind,
        address,
      })),
      sharedMemory: sharedMemoryPath(FIRST_FD + this.#listeners.length),
    };
  }

  #receive(from: WorkerProcess, message: WorkerMessage): void {
    const { service } = this.#cluster;
    switch (message.type) {
      case "complain":
        return service.complain(
          message.node,
          message.complaint,
          message.detail,
          message.generation,
        );
      case "node-used":
        return service.nodeUsed(message.node);
      case "cancel":
      case "close-idle":
        return this.#workers?.broadcast(message, from);
      case "slot-free":
        return this.#workers?.wakeNext();
      case "gate-quiet":
        return this.#gate.workerQuiet(message.worker, message.closing);
      case "admin":
        return void this.#answerAdmin(from, message.request, message.view, message.session);
      case "locate":
        return void this.#locate(from, message.request, message.pid);
      case "drained":
      case "ready":
      case "report":
        return;
    }
  }

  /** Looks for a server process among the connections of all workers. */
  async #locate(from: WorkerProcess, request: number, pid: number): Promise<void> {
    const reports = await this.#workers?.reports() ?? [];
    const connections = reports.flatMap(({ sessions, idle }) => [
      ...sessions.flatMap(({ servers }) => servers),
      ...idle,
    ]);
    const node = connections.find((connection) => connection.pid === pid)?.node ?? -1;
    from.send({ type: "located", request, node });
  }

  async #answerAdmin(
    to: WorkerProcess,
    request: number,
    view: string,
    session: AdminSession,
  ): Promise<void> {
    try {
      const { service } = this.#cluster;
      const context = this.#adminContext((node) => service.reportDead(node));
      const table = await answerAdmin(view, session, context);
      to.send({ type: "admin-result", request, table });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (!(error instanceof UnknownViewError)) {
        this.#logger.error(`could not answer SHOW ${view}`, { detail: message });
      }
      to.send({ type: "admin-error", request, message });
    }
  }

  /** @param reportDead what is done when a server is found dead; nothing where only somebody looks. */
  #adminContext(reportDead = (_node: number) => Promise.resolve()): AdminContext {
    const { service, probe } = this.#cluster;
    return adminContext({
      config: this.#config,
      snapshot: () => service.snapshot(),
      reportDead,
      probe,
      counters: (node) => this.#memory.counters.figures.statements(node),
      healthChecks: (node) => service.healthCheckStats(node),
      reports: () => this.#workers?.reports() ?? Promise.resolve([]),
    });
  }

  /** Administrators are served by the supervisor itself, also while the primary is searched. */
  #openAdminPort(): Promise<AdminPort> {
    const context = () => this.#adminContext();
    return AdminPort.open({
      config: () => this.#config,
      pcpFile: this.#options.files.pcp,
      logger: this.#logger,
      service: new PoolAdministration({
        cluster: this.#cluster.service,
        recovery: this.#cluster.recovery,
        switchovers: this.#cluster.switchovers,
        gate: this.#gate,
        config: () => this.#config,
        context,
        statistics: () => this.#statistics(),
        processIds: () => this.#workers?.pids ?? [],
        busiest: (most) => this.#workers?.reports(most) ?? Promise.resolve([]),
        reload: () => this.reload(),
        stop: (mode) => process.kill(process.pid, SIGNAL_OF[mode]),
        rotateLog: () => {
          this.#collector?.rotate();
          return this.#collector !== undefined;
        },
      }),
      show: (view) => answerAdmin(view, NO_SESSION, context()),
      console: async (client) => {
        // What reads SQL is large, and only loaded when somebody asks by SQL.
        const { serveConsole } = await import("../admin/console/server.ts");
        await serveConsole(client);
      },
    });
  }

  #statistics(): PoolStatistics {
    return poolStatistics({
      context: this.#adminContext(),
      counters: this.#memory.counters,
      workers: this.#workers?.all ?? [],
      startTime: this.#startTime,
      stopping: this.#stopping !== undefined,
      gate: this.#gate.state,
      changes: this.#changes.changes,
      cacheEnabled: this.#config.values.memory_cache_enabled,
    });
  }

  #nodeStatus(node: number): string | undefined {
    return this.#cluster.service.snapshot().nodes.find(({ id }) => id === node)?.status;
  }

  /** From now on connecting is refused. Workers close their descriptors of the same sockets. */
  #closeListeners(): void {
    closeListeners(this.#listeners);
    this.#listeners = [];
  }

  #listenPlan(): ListenPlan {
    const { values, directory: base } = this.#config;
    return {
      names: { addresses: "listen_addresses", directories: "unix_socket_directories" },
      tcp: values.listen_addresses.map((host) => ({ host, port: values.port })),
      unix: values.unix_socket_directories.map((directory) => ({
        directory: resolve(base, directory),
        port: values.port,
        permissions: values.unix_socket_permissions,
        group: values.unix_socket_group,
      })),
      backlog: Math.min(values.num_init_children * values.listen_backlog_multiplier, MOST_BACKLOG),
    };
  }

  /** @returns a function that takes the handlers off again. */
  #handleSignals(): () => void {
    const handlers: [NodeJS.Signals, () => void][] = [["SIGHUP", () => this.reload()]];
    for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
      const { mode, number } = STOP_SIGNALS[signal];
      handlers.push([signal, () => {
        this.#logger.log("log", `exit handler called (signal: ${number})`);
        if (!isStronger(mode, this.#stopping)) return;
        this.#logger.log("log", `shutting down by signal ${number}`);
        this.#logger.log("log", "terminating all child processes");
        this.stop(mode);
      }]);
    }
    for (const [signal, handler] of handlers) process.on(signal, handler);
    return () => handlers.forEach(([signal, handler]) => process.off(signal, handler));
  }
}

/** Waits for something, but not longer than that. */
async function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  try {
    await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}
