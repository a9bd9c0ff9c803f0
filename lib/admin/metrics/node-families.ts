import type { NodeStatistics } from "../../pcp/statistics.ts";
import type { PcpNodeStatus } from "../../pcp/types.ts";
import { type Family, family, histogramSamples, type Labels } from "./exposition.ts";

const STATUSES: readonly PcpNodeStatus[] = ["waiting", "up", "down", "quarantine"];
const ROLES: readonly NodeStatistics["role"][] = ["primary", "standby", "main", "replica"];

type Figures = [Labels, number][];

/** Figures of the backend nodes. */
export function nodeFamilies(nodes: readonly NodeStatistics[]): Family[] {
  return [...stateFamilies(nodes), ...workFamilies(nodes), ...healthCheckFamilies(nodes)];
}

function stateFamilies(nodes: readonly NodeStatistics[]): Family[] {
  const each = (figure: (node: NodeStatistics) => number): Figures =>
    nodes.map((node) => [{ node: node.id }, figure(node)]);
  return [
    family(
      "gauge",
      "pgpool_node_info",
      "Address and replication state of a backend node.",
      nodes.map(({ id, hostname, port, replicationState, replicationSyncState }) => [{
        node: id,
        host: hostname,
        port,
        replication_state: replicationState,
        replication_sync_state: replicationSyncState,
      }, 1]),
    ),
    family(
      "gauge",
      "pgpool_node_up",
      "Whether sessions may use the node.",
      each(({ status }) => status === "up" || status === "waiting" ? 1 : 0),
    ),
    family(
      "gauge",
      "pgpool_node_status",
      "1 for the status that the node has, 0 for the others.",
      nodes.flatMap(({ id, status }) => oneHot(id, "status", STATUSES, status)),
    ),
    family(
      "gauge",
      "pgpool_node_role",
      "1 for the role that the node has, 0 for the others.",
      nodes.flatMap(({ id, role }) => oneHot(id, "role", ROLES, role)),
    ),
    family(
      "gauge",
      "pgpool_node_weight_ratio",
      "Share of the reads that the node is to get, from 0 to 1.",
      each(({ weight }) => weight),
    ),
    family(
      "gauge",
      "pgpool_node_last_status_change_timestamp_seconds",
      "When status or role of the node changed last, in seconds since 1970.",
      each(({ lastStatusChange }) => lastStatusChange),
    ),
    family(
      "gauge",
      "pgpool_node_replication_delay_bytes",
      "How far a standby is behind, where that is measured in bytes.",
      delays(nodes, "bytes"),
    ),
    family(
      "gauge",
      "pgpool_node_replication_delay_seconds",
      "How far a standby is behind, where that is measured in time (delay_threshold_by_time).",
      delays(nodes, "seconds"),
    ),
  ];
}

function workFamilies(nodes: readonly NodeStatistics[]): Family[] {
  return [
    family(
      "counter",
      "pgpool_statements_total",
      "Statements sent to a node.",
      nodes.flatMap(({ id, statements }) => byName(id, "kind", statements)),
    ),
    family(
      "counter",
      "pgpool_errors_total",
      "Errors that a node reported.",
      nodes.flatMap(({ id, errors }) => byName(id, "severity", errors)),
    ),
    {
      type: "histogram",
      name: "pgpool_statement_duration_seconds",
      help: "From sending a statement, or all up to a Sync, until the node was ready for the next.",
      samples: nodes.flatMap(({ id, statementTimes }) =>
        histogramSamples({ node: id }, statementTimes)
      ),
    },
    {
      type: "histogram",
      name: "pgpool_server_connection_wait_seconds",
      help: "How long clients waited for a connection to a node, kept or new.",
      samples: nodes.flatMap(({ id, connectionWaits }) =>
        histogramSamples({ node: id }, connectionWaits)
      ),
    },
  ];
}

function healthCheckFamilies(nodes: readonly NodeStatistics[]): Family[] {
  const checks = nodes.flatMap(({ id, healthChecks }) =>
    healthChecks === undefined ? [] : [{ id, ...healthChecks }]
  );
  return [
    family(
      "counter",
      "pgpool_health_checks_total",
      "Health checks of a node.",
      checks.flatMap(({ id, success, fail, skip }) =>
        byName(id, "result", { success, fail, skip })
      ),
    ),
    family(
      "counter",
      "pgpool_health_check_failures_total",
      "Health checks of a node that failed, by what was wrong.",
      checks.flatMap(({ id, failures }) => byName(id, "reason", failures)),
    ),
    family(
      "counter",
      "pgpool_health_check_retries_total",
      "Attempts that health checks repeated.",
      checks.map(({ id, retry }) => [{ node: id }, retry]),
    ),
    family(
      "gauge",
      "pgpool_health_check_last_success_timestamp_seconds",
      "When a health check succeeded last, in seconds since 1970; 0 when none has.",
      checks.map(({ id, lastSuccess }) => [{ node: id }, lastSuccess]),
    ),
  ];
}

function delays(nodes: readonly NodeStatistics[], unit: "bytes" | "seconds"): Figures {
  return nodes.flatMap(({ id, delay }): Figures =>
    delay?.unit === unit ? [[{ node: id }, delay.value]] : []
  );
}

function byName(node: number, label: string, figures: Readonly<Record<string, number>>): Figures {
  return Object.entries(figures).map(([name, value]) => [{ node, [label]: name }, value]);
}

function oneHot(node: number, label: string, names: readonly string[], actual: string): Figures {
  return names.map((name) => [{ node, [label]: name }, name === actual ? 1 : 0]);
}
