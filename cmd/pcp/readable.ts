import { formatTime } from "../../lib/admin/format.ts";
import type {
  HealthCheckInfo,
  NodeInfo,
  ProcessInfo,
  SwitchoverReport,
  WatchdogInfo,
  WatchdogNode,
} from "../../lib/pcp/types.ts";
import { type Cell, type Style, tableText } from "../output.ts";
import type { PcpAction, PcpAnswer } from "./requests.ts";

/** Longest statement in a table; --json has all of it. */
const STATEMENT_LENGTH = 60;

const QUORUM: ReadonlyMap<number, Cell> = new Map<number, Cell>([
  [1, { text: "exists", style: "green" }],
  [0, { text: "on the edge", style: "yellow" }],
  [-1, { text: "absent", style: "red" }],
  [-2, { text: "no leader", style: "red" }],
]);

/** An answer for people to read: a table or a sentence, in colours on a terminal. */
export function readableText(answer: PcpAnswer): string {
  switch (answer.about) {
    case "node-count":
      return `${answer.count}\n`;
    case "node-info":
      return nodeTable(answer.nodes);
    case "health-check-stats":
      return healthCheckTable(answer.nodes);
    case "proc-count":
      return tableText(["pid"], answer.pids.map((pid) => [String(pid)]));
    case "proc-info":
      return processTable(answer.entries);
    case "pool-status":
      return tableText(
        ["name", "value", "description"],
        answer.items.map(({ name, value, description }) => [name, value, description]),
      );
    case "watchdog-info":
      return watchdogText(answer.watchdog);
    case "switchover":
      return switchoverText(answer.report);
    case "action":
      return `${actionText(answer.action)}\n`;
  }
}

function nodeTable(nodes: readonly NodeInfo[]): string {
  return tableText(
    ["node", "server", "status", "role", "server says", "weight", "delay", "replication", "since"],
    nodes.map((node) => [
      String(node.nodeId),
      server(node),
      status(node.status),
      node.role,
      reality(node),
      `${Math.round(node.weight * 100)}%`,
      delay(node),
      [node.replicationState, node.replicationSyncState].filter((text) => text !== "").join(" "),
      formatTime(node.lastStatusChange),
    ]),
  );
}

function healthCheckTable(nodes: readonly HealthCheckInfo[]): string {
  return tableText(
    [
      "node",
      "server",
      "status",
      "role",
      "checks",
      "failed",
      "skipped",
      "retries",
      "average ms",
      "max ms",
      "last check",
      "last failure",
    ],
    nodes.map((node) => [
      String(node.nodeId),
      server(node),
      status(node.status),
      node.role,
      String(node.totalCount),
      { text: String(node.failCount), style: node.failCount > 0 ? "red" : "dim" },
      String(node.skipCount),
      String(node.retryCount),
      (Number.isFinite(node.averageDuration) ? node.averageDuration : 0).toFixed(1),
      String(node.maxDuration),
      node.lastHealthCheck,
      node.lastFailedHealthCheck,
    ]),
  );
}

function processTable(entries: readonly ProcessInfo[]): string {
  return tableText(
    [
      "pid",
      "client",
      "user",
      "database",
      "node",
      "server pid",
      "reads",
      "since",
      "idle",
      "status",
      "statement",
    ],
    entries.map((entry) => [
      String(entry.poolPid),
      clientOf(entry),
      entry.username,
      entry.database,
      String(entry.backendId),
      entry.backendPid === 0 ? "" : String(entry.backendPid),
      entry.isLoadBalanceNode ? "here" : "",
      entry.clientConnectionTime || entry.backendConnectionTime,
      entry.clientIdleDuration,
      entry.isConnected ? entry.status : { text: entry.status, style: "dim" },
      shortened(entry.statement),
    ]),
  );
}

function watchdogText(watchdog: WatchdogInfo): string {
  const cluster = tableText(
    ["pgpools", "alive", "needed for quorum", "quorum", "holds virtual IP", "leader"],
    [[
      String(watchdog.remoteNodeCount + 1),
      String(watchdog.aliveNodeCount + 1),
      watchdog.nodesRequiredForQuorum === -1 ? "" : String(watchdog.nodesRequiredForQuorum),
      QUORUM.get(watchdog.quorumStatus) ?? "unknown",
      watchdog.isEscalated ? "yes" : "no",
      watchdog.leaderNodeName,
    ]],
  );
  const nodes = tableText(
    ["name", "host", "port", "watchdog port", "virtual IP", "priority", "state", "membership"],
    watchdog.nodes.map(watchdogRow),
  );
  return `${cluster}\n${nodes}`;
}

function watchdogRow(node: WatchdogNode): Cell[] {
  const isFine = node.stateName === "LEADER" || node.stateName === "STANDBY";
  return [
    node.nodeName,
    node.hostName,
    String(node.pgpoolPort),
    String(node.wdPort),
    node.delegateIp === "Not_Set" ? "" : node.delegateIp,
    String(node.priority),
    { text: node.stateName, style: isFine ? "green" : "yellow" },
    node.membershipText,
  ];
}

export function switchoverText(report: SwitchoverReport): string {
  const { node, oldPrimary, drain, replay, promotion, pause } = report;
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`;
  return `node ${node} is the primary in place of node ${oldPrimary}; transactions waited ` +
    `${seconds(pause)} (drain ${seconds(drain)}, replay ${seconds(replay)}, ` +
    `promotion ${seconds(promotion)})\n`;
}

/** What has been done, or has begun where the answer comes first. */
function actionText(action: PcpAction): string {
  switch (action.command) {
    case "attach-node":
      return `node ${action.node} is attached`;
    case "detach-node":
      return `node ${action.node} is detached`;
    case "promote-node":
      return `node ${action.node} is promoted`;
    case "recovery-node":
      return `node ${action.node} is recovered`;
    case "reload-config":
      return "the configuration is being read again";
    case "log-rotate":
      return "a new log file is begun";
    case "invalidate-query-cache":
      return "the query cache is being emptied";
    case "stop-pgpool":
      return `pgpool is stopping (${action.mode})`;
  }
}

function server({ hostname, port }: { readonly hostname: string; readonly port: number }): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function status(text: string): Cell {
  const styles: Readonly<Record<string, Style>> = {
    up: "green",
    waiting: "yellow",
    down: "red",
    quarantine: "red",
  };
  return { text, style: styles[text] ?? "dim" };
}

/** What the server says of itself; marked where the pool thinks otherwise. */
function reality(node: NodeInfo): Cell {
  const text = `${node.backendStatus} ${node.backendRole}`;
  const isUsed = node.status === "up" || node.status === "waiting";
  const differs = (node.backendStatus !== "unknown" && isUsed !== (node.backendStatus === "up")) ||
    (node.backendRole !== "unknown" && node.backendRole !== node.role);
  return differs ? { text, style: "yellow" } : text;
}

function delay(node: NodeInfo): string {
  if (node.delayByTime) return `${(node.replicationDelay / 1_000_000).toFixed(3)} s`;
  return node.replicationDelay === 0 ? "0" : `${node.replicationDelay} bytes`;
}

function clientOf({ clientHost, clientPort }: ProcessInfo): string {
  return clientPort === "" ? clientHost : `${clientHost}:${clientPort}`;
}

/** On one line, and not too long for it. */
function shortened(statement: string): string {
  const line = statement.replace(/[\s\p{Cc}]+/gu, " ");
  return line.length > STATEMENT_LENGTH ? `${line.slice(0, STATEMENT_LENGTH - 3)}...` : line;
}
