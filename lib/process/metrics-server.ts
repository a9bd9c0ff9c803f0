import { exposition, EXPOSITION_TYPE } from "../admin/metrics/exposition.ts";
import { metricFamilies } from "../admin/metrics/families.ts";
import type { Config } from "../config/config.ts";
import type { Logger } from "../log/log.ts";
import { ListenError } from "../net/errors.ts";
import type { HttpRequest } from "../net/http-request.ts";
import { type HttpReply, type HttpServer, plainReply, serveHttp } from "../net/http-server.ts";
import { openListeners } from "../net/listen.ts";
import type { PoolStatistics } from "../pcp/statistics.ts";

const BACKLOG = 64;

type MetricsSettings = Pick<Config["values"], "metrics_port" | "metrics_listen_addresses">;

/** Serves /metrics, /healthz and /readyz over HTTP while metrics_port is set. */
export class MetricsServer {
  readonly #logger: Logger;
  readonly #statistics: () => PoolStatistics;
  #servers: HttpServer[] = [];
  /** Where it listens, as the parameters say. */
  #place = "";

  constructor(logger: Logger, statistics: () => PoolStatistics) {
    this.#logger = logger;
    this.#statistics = statistics;
  }

  /** Begins to listen. @throws {ListenError} */
  async start(settings: MetricsSettings): Promise<void> {
    const { metrics_port: port, metrics_listen_addresses: hosts } = settings;
    this.#place = placeOf(settings);
    if (port === 0) return;
    const tcp = hosts.map((host) => ({ host, port }));
    const names = { addresses: "metrics_listen_addresses", directories: "" };
    const plan = { tcp, unix: [], backlog: BACKLOG, names };
    const listeners = await openListeners(plan, this.#logger);
    this.#servers = listeners.map(({ fd }) =>
      serveHttp(fd, (request) => this.#answer(request), (error) => this.#fault(error))
    );
  }

  /** Listens elsewhere if the parameters say so; where that fails, nothing is served. */
  async reload(settings: MetricsSettings): Promise<void> {
    if (placeOf(settings) === this.#place) return;
    this.stop();
    try {
      await this.start(settings);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      this.#logger.error("metrics are not served", { detail: error.message, hint: error.hint });
    }
  }

  stop(): void {
    for (const server of this.#servers) server.stop();
    this.#servers = [];
  }

  #answer({ path, headers }: HttpRequest): HttpReply {
    const json = headers.get("accept")?.includes("application/json") ?? false;
    switch (path) {
      case "/metrics":
        return {
          status: 200,
          type: EXPOSITION_TYPE,
          body: exposition(metricFamilies(this.#statistics())),
        };
      case "/healthz":
        return verdict("alive", silentWorkers(this.#statistics()), json);
      case "/readyz":
        return verdict("ready", this.#statistics().notReady, json);
      default:
        return plainReply(404, "there is /metrics, /healthz and /readyz");
    }
  }

  #fault(error: unknown): void {
    const detail = error instanceof Error ? error.stack ?? error.message : String(error);
    this.#logger.error("unexpected error while metrics were asked for", { detail });
  }
}

function placeOf({ metrics_port, metrics_listen_addresses }: MetricsSettings): string {
  return metrics_port === 0 ? "" : `${metrics_port} ${metrics_listen_addresses.join(",")}`;
}

/** A worker that runs and says nothing hangs; one that has died is started again. */
function silentWorkers({ workers }: PoolStatistics): string[] {
  return workers.filter(({ state }) => state === "silent")
    .map(({ worker, process }) => `worker ${worker} with pid: ${process?.pid} does not answer`);
}

function verdict(name: "alive" | "ready", reasons: readonly string[], json: boolean): HttpReply {
  const good = reasons.length === 0;
  const status = good ? 200 : 503;
  if (!json) return plainReply(status, good ? name : reasons.join("\n"));
  const body = `${JSON.stringify({ [name]: good, reasons })}\n`;
  return { status, type: "application/json", body };
}
