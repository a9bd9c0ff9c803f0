import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { ConfigError } from "../config/problems.ts";
import { applyReload } from "../config/reload.ts";
import { Logger } from "../log/log.ts";
import { AcceptGuard } from "../net/accept-guard.ts";
import { type ServedListener, serveListener } from "../net/serve.ts";
import { loadParser } from "../sql/parser.ts";
import type { ErrorFields } from "../wire/build.ts";
import { Admission } from "./admission.ts";
import { Acceptor } from "./client/acceptor.ts";
import { loadAuth } from "./client/auth-settings.ts";
import type { AuthSettings } from "./client/authenticate.ts";
import { Clients } from "./client/clients.ts";
import { ConnectionLog } from "./client/connection-log.ts";
import { tellState } from "./client/tell-state.ts";
import { loadTls, type TlsSettings } from "./client/tls-settings.ts";
import { FATAL_STATUS } from "./errors.ts";
import { applyDestinations, configureLogger } from "./log-settings.ts";
import { errorFields } from "./logging.ts";
import type { SupervisorMessage, WorkerMessage, WorkerReport } from "./messages.ts";
import { SharedCounters } from "./shared-memory.ts";
import { SupervisorLink } from "./supervisor-link.ts";

type Start = Extract<SupervisorMessage, { type: "start" }>;
type StopMode = Extract<SupervisorMessage, { type: "stop" }>["mode"];

/** Serves clients until the supervisor says stop, or is gone; the process ends then. */
export function runWorker(): void {
  let worker: Promise<Worker> | undefined;
  process.on("message", (message: SupervisorMessage) => {
    if (message.type === "start") worker = startWorker(message);
    else void worker?.then((started) => started.receive(message));
  });
  process.on("disconnect", () => process.exit(0));
  // Signals of a terminal go to the whole process group; the supervisor decides what they mean.
  for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const) {
    process.on(signal, () => {});
  }
}

async function startWorker(start: Start): Promise<Worker> {
  const logger = new Logger({ process: "child", childNumber: start.worker });
  // A fault that concerns one client must not take the others of this worker along.
  process.on("unhandledRejection", (error) => {
    logger.error("unexpected error in a worker", {
      detail: error instanceof Error ? error.stack ?? error.message : String(error),
    });
  });
  try {
    return await Worker.start(start, logger);
  } catch (error) {
    // What prevents the start of a worker would prevent it again.
    const text = error instanceof Error ? error.message : String(error);
    logger.fatal(`worker ${start.worker} could not start: ${text}`, errorFields(error));
    logger.flush();
    process.exit(FATAL_STATUS);
  }
}

function send(message: WorkerMessage): void {
  if (process.connected) process.send?.(message);
}

/** One worker process. */
class Worker {
  readonly #supervisor: SupervisorLink;
  readonly #clients: Clients;
  readonly #acceptor: Acceptor;
  readonly #admission: Admission;
  readonly #listeners: ServedListener[];
  readonly #guard: AcceptGuard;
  readonly #startTime = Math.floor(Date.now() / 1000);
  #connectionCount = 0;
  #config: Config;
  #tls: TlsSettings;
  #auth: AuthSettings;
  #stopping = false;

  static async start(start: Start, logger: Logger): Promise<Worker> {
    await loadParser();
    const { config } = loadConfig(start.config.config);
    configureLogger(logger, config, start.config.debug);
    applyDestinations(logger, config);
    const tls = await loadTls(config, logger);
    const worker = new Worker(start, config, tls, logger);
    send({ type: "ready", worker: start.worker });
    worker.#clients.gate.check();
    return worker;
  }

  private constructor(
    readonly start: Start,
    config: Config,
    tls: TlsSettings,
    readonly logger: Logger,
  ) {
    this.#supervisor = new SupervisorLink(start.worker, send);
    this.#config = config;
    this.#tls = tls;
    this.#auth = this.#loadAuth();
    const counters = new SharedCounters(start.sharedMemory, start.worker);
    const tellFree = () => send({ type: "slot-free" });
    this.#admission = new Admission(counters, () => this.#config.values, tellFree);
    this.#clients = new Clients({
      workers: start.workers,
      logger,
      figures: counters.figures,
      config,
      snapshot: start.snapshot,
      gate: start.gate,
      loggingIn: () => this.#acceptor.connecting,
      serverTls: () => this.#tls.servers,
      supervisor: this.#supervisor,
      onEnded: (client) => this.#acceptor.left(client),
    });
    this.#acceptor = new Acceptor({
      clients: this.#clients,
      logger,
      connectionLog: new ConnectionLog(logger, () => this.#config.values.log_hostname),
      tls: () => this.#tls.clients,
      auth: () => this.#auth,
      admission: this.#admission,
      onLeft: () => this.#checkDrained(),
      passCancel: (pid, key) => this.#supervisor.passCancel(pid, key),
    });
    this.#listeners = start.listeners.map(({ fd, kind }) =>
      serveListener(fd, kind, (stream) => {
        this.#connectionCount++;
        counters.figures.countWorker("accepted");
        this.#guard.accepted();
        void this.#acceptor.accept(stream);
      })
    );
    this.#guard = new AcceptGuard(this.#listeners, logger);
    tellState(this.#clients, counters.figures);
    setInterval(() => {
      this.#clients.tick();
      this.#guard.tick();
      tellState(this.#clients, counters.figures);
    }, 1000);
  }

  receive(message: SupervisorMessage): void {
    switch (message.type) {
      case "start":
        return;
      case "snapshot":
        return this.#clients.setSnapshot(message.snapshot);
      case "gate":
        return this.#clients.gate.set(message.gate);
      case "end-transactions":
        return this.#clients.gate.endBusy(SWITCHOVER);
      case "reload":
        return void this.#reload();
      case "cancel":
        return void this.#clients.cancel(message.pid, message.key);
      case "close-idle":
        return this.#clients.pool.closeIdle();
      case "slot-free":
        return this.#admission.wake();
      case "admin-result":
        return this.#supervisor.answered(message.request, message.table);
      case "admin-error":
        return this.#supervisor.refused(message.request, message.message);
      case "located":
        return this.#supervisor.located(message.request, message.node);
      case "report":
        return send({
          type: "report",
          request: message.request,
          report: this.#report(message.most),
        });
      case "stop":
        return this.#stop(message.mode);
    }
  }

  #checkDrained(): void {
    if (!this.#stopping || this.#clients.all.size > 0 || this.#acceptor.pending > 0) return;
    this.#clients.pool.closeIdle();
    send({ type: "drained", worker: this.start.worker });
    this.logger.flush();
    process.exit(0);
  }

  #stop(mode: StopMode): void {
    for (const listener of this.#listeners) listener.stop();
    this.#stopping = true;
    this.#admission.close();
    this.#clients.lobby.close();
    if (mode !== "smart") {
      this.#acceptor.destroyPending();
      for (const client of [...this.#clients.all]) {
        if (mode === "fast") client.terminate(SHUTDOWN);
        else client.destroy();
      }
    }
    this.#checkDrained();
  }

  async #reload(): Promise<void> {
    try {
      const { config: fresh } = loadConfig(this.start.config.config, { base: this.#config });
      const { config } = applyReload(this.#config, fresh, (node) => this.#isDown(node));
      this.#config = config;
      configureLogger(this.logger, config, this.start.config.debug);
      applyDestinations(this.logger, config);
      this.#tls = await loadTls(config, this.logger, this.#tls);
      this.#auth = this.#loadAuth(this.#auth);
      this.#clients.reload(config);
      this.#admission.wake();
    } catch (error) {
      // The supervisor has read the same file and has told what is wrong with it.
      if (!(error instanceof ConfigError)) throw error;
    }
  }

  #isDown(node: number): boolean {
    return this.#clients.snapshot().nodes[node]?.status === "down";
  }

  #loadAuth(previous?: AuthSettings): AuthSettings {
    const { config, saltSecret } = this.start;
    const secret = Buffer.from(saltSecret, "hex");
    return loadAuth(this.#config, config, this.#tls.certificate, secret, this.logger, previous);
  }

  #report(most: number | undefined): WorkerReport {
    return {
      worker: this.start.worker,
      pid: process.pid,
      startTime: this.#startTime,
      connectionCount: this.#connectionCount,
      sessions: most === undefined ? this.#clients.sessions() : this.#clients.busiest(most),
      waitingClients: this.#admission.waiting + this.#clients.lobby.waiting,
      idle: most === undefined ? this.#clients.idleConnections() : [],
    };
  }
}

const SHUTDOWN: ErrorFields = {
  severity: "FATAL",
  sqlstate: "57P01",
  message: "terminating connection due to administrator command",
  hint: "pgpool is shutting down.",
};

const SWITCHOVER: ErrorFields = {
  severity: "FATAL",
  sqlstate: "57P01",
  message: "terminating connection because its transaction is in the way of a switchover",
  hint: "Connect and run the transaction again.",
};
