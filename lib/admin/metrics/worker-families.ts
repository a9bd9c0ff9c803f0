import type {
  ConnectionStatistics,
  PoolStatistics,
  ProcessStatistics,
  WorkerStatistics,
} from "../../pcp/statistics.ts";
import { type Family, family, type Labels } from "./exposition.ts";

type Figures = [Labels, number][];

/** Figures of the worker processes, their clients and their connections to servers. */
export function workerFamilies(statistics: PoolStatistics): Family[] {
  const { workers } = statistics;
  return [
    ...clientFamilies(workers),
    ...connectionFamilies(workers),
    ...processFamilies(statistics),
  ];
}

function clientFamilies(workers: readonly WorkerStatistics[]): Family[] {
  const each = (figure: (worker: WorkerStatistics) => number): Figures =>
    workers.map((worker) => [{ worker: worker.worker }, figure(worker)]);
  return [
    family("gauge", "pgpool_clients", "Clients that have a slot.", each(({ clients }) => clients)),
    family(
      "gauge",
      "pgpool_waiting_clients",
      "Clients that wait for a slot.",
      each(({ waitingClients }) => waitingClients),
    ),
    family(
      "gauge",
      "pgpool_held_clients",
      "Clients that wait for the end of a failover or of an administrator's request.",
      each(({ heldClients }) => heldClients),
    ),
    family(
      "gauge",
      "pgpool_sessions",
      "Sessions by what they do, as the worker saw it within the last second.",
      workers.flatMap(({ worker, sessions }): Figures => [
        [{ worker, state: "active" }, sessions.active],
        [{ worker, state: "idle" }, sessions.idle],
        [{ worker, state: "idle_in_transaction" }, sessions.idleInTransaction],
        [{ worker, state: "waiting" }, sessions.waiting],
      ]),
    ),
    family(
      "counter",
      "pgpool_client_connections_total",
      "Connections of clients that were accepted, those of cancel requests included.",
      each(({ accepted }) => accepted),
    ),
    family(
      "counter",
      "pgpool_logins_total",
      "Clients that have logged in.",
      each(({ logins }) => logins),
    ),
    family(
      "counter",
      "pgpool_login_failures_total",
      "Clients that were refused.",
      workers.flatMap(({ worker, loginFailures }) =>
        Object.entries(loginFailures).map(([reason, count]): [Labels, number] => [
          { worker, reason },
          count,
        ])
      ),
    ),
  ];
}

function connectionFamilies(workers: readonly WorkerStatistics[]): Family[] {
  const each = (figure: (connections: ConnectionStatistics) => number): Figures =>
    workers.flatMap(({ worker, connections }) =>
      connections.map((each): [Labels, number] => [{ worker, node: each.node }, figure(each)])
    );
  return [
    family(
      "gauge",
      "pgpool_server_connections",
      "Connections to a node, used by sessions or cached, as of the last second.",
      workers.flatMap(({ worker, connections }) =>
        connections.flatMap(({ node, used, idle }): Figures => [
          [{ worker, node, state: "used" }, used],
          [{ worker, node, state: "idle" }, idle],
        ])
      ),
    ),
    family(
      "counter",
      "pgpool_server_connections_opened_total",
      "Connections to a node that were opened.",
      each(({ opened }) => opened),
    ),
    family(
      "counter",
      "pgpool_pool_hits_total",
      "How often a client was given a connection that was there.",
      each(({ hits }) => hits),
    ),
    family(
      "counter",
      "pgpool_pool_misses_total",
      "How often there was no connection for a client.",
      each(({ misses }) => misses),
    ),
  ];
}

function processFamilies({ workers, supervisor }: PoolStatistics): Family[] {
  const processes: (ProcessStatistics & { name: string })[] = [{
    name: "supervisor",
    ...supervisor,
  }];
  for (const { worker, process } of workers) {
    if (process !== undefined) processes.push({ name: `worker ${worker}`, ...process });
  }
  return [
    family(
      "gauge",
      "pgpool_worker_up",
      "Whether the worker runs and has told of itself lately.",
      workers.map(({ worker, state }) => [{ worker }, state === "ready" ? 1 : 0]),
    ),
    family(
      "counter",
      "pgpool_process_cpu_seconds_total",
      "Time on processors, user and system, since the process was started.",
      processes.map(({ name, cpuSeconds }) => [{ process: name }, cpuSeconds]),
    ),
    family(
      "gauge",
      "pgpool_process_resident_memory_bytes",
      "Resident memory; pages that processes share count in each of them.",
      processes.map(({ name, residentBytes }) => [{ process: name }, residentBytes]),
    ),
  ];
}
