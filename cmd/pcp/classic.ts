import { formatFloat, formatTime } from "../../lib/admin/format.ts";
import { STATUS_NUMBERS } from "../../lib/pcp/replies.ts";
import type {
  HealthCheckInfo,
  NodeInfo,
  ProcessInfo,
  WatchdogInfo,
  WatchdogNode,
} from "../../lib/pcp/types.ts";
import { switchoverText } from "./readable.ts";
import type { PcpAnswer } from "./requests.ts";

/** A title and its value, as in verbose output. */
type Field = readonly [title: string, value: string | number];

const QUORUM_STATES: ReadonlyMap<number, string> = new Map([
  [1, "QUORUM EXIST"],
  [0, "QUORUM IS ON THE EDGE"],
  [-1, "QUORUM ABSENT"],
  [-2, "NO LEADER NODE"],
]);

/**
 * An answer as Pgpool-II's commands print it (reference commands.md 2.4).
 *
 * @param program under whose name it is printed.
 */
export function classicText(answer: PcpAnswer, program: string, verbose: boolean): string {
  switch (answer.about) {
    case "node-count":
      return verbose ? `Node Count\n____________\n ${answer.count}\n` : `${answer.count}\n`;
    case "node-info":
      if (answer.nodes.length === 0) return "No node information available\n\n";
      return records(answer.nodes.map((node) => nodeFields(node, verbose)), verbose);
    case "health-check-stats":
      return records(answer.nodes.map(healthCheckFields), verbose);
    case "proc-count":
      return verbose
        ? verbosePids(answer.pids)
        : `${answer.pids.map((pid) => `${pid} `).join("")}\n`;
    case "proc-info":
      if (answer.entries.length === 0) return "No process information available\n\n";
      return records(answer.entries.map(processFields), verbose);
    case "pool-status":
      return answer.items.map(({ name, value, description }, index) =>
        verbose
          ? `Name [${String(index).padStart(3)}]:\t${name}\n` +
            `Value:      \t${value}\nDescription:\t${description}\n\n`
          : `name : ${name}\nvalue: ${value}\ndesc : ${description}\n\n`
      ).join("");
    case "switchover":
      return switchoverText(answer.report);
    case "watchdog-info":
      return verbose ? verboseWatchdog(answer.watchdog) : plainWatchdog(answer.watchdog);
    case "action":
      return `${program} -- Command Successful\n`;
  }
}

/** Verbose: a title and a value a line, and an empty line behind each record. */
function records(all: readonly (readonly Field[])[], verbose: boolean): string {
  if (verbose) return all.map((fields) => `${titled(fields)}\n`).join("");
  return all.map((fields) => `${fields.map(([, value]) => value).join(" ")}\n`).join("");
}

/** Titles padded to the longest of them. */
function titled(fields: readonly Field[], separator = " : "): string {
  const width = Math.max(...fields.map(([title]) => title.length));
  return fields.map(([title, value]) => `${title.padEnd(width)}${separator}${value}\n`).join("");
}

function nodeFields(node: NodeInfo, verbose: boolean): Field[] {
  return [
    ["Hostname", node.hostname],
    ["Port", node.port],
    ["Status", STATUS_NUMBERS[node.status]],
    ["Weight", formatFloat(node.weight)],
    ["Status Name", node.status],
    ["Backend Status Name", node.backendStatus],
    ["Role", node.role],
    ["Backend Role", node.backendRole],
    ["Replication Delay", replicationDelay(node, verbose)],
    ["Replication State", node.replicationState || "none"],
    ["Replication Sync State", node.replicationSyncState || "none"],
    ["Last Status Change", formatTime(node.lastStatusChange)],
  ];
}

function replicationDelay(node: NodeInfo, verbose: boolean): string {
  if (!node.delayByTime) return String(node.replicationDelay);
  const seconds = node.replicationDelay / 1_000_000;
  const unit = seconds >= 2 ? " seconds" : " second";
  return formatFloat(seconds) + (verbose ? unit : "");
}

function healthCheckFields(node: HealthCheckInfo): Field[] {
  return [
    ["Node Id", node.nodeId],
    ["Host Name", node.hostname],
    ["Port", node.port],
    ["Status", node.status],
    ["Role", node.role],
    ["Last Status Change", node.lastStatusChange],
    ["Total Count", node.totalCount],
    ["Success Count", node.successCount],
    ["Fail Count", node.failCount],
    ["Skip Count", node.skipCount],
    ["Retry Count", node.retryCount],
    ["Average Retry Count", formatFloat(node.averageRetryCount)],
    ["Max Retry Count", node.maxRetryCount],
    ["Max Health Check Duration", node.maxDuration],
    ["Minimum Health Check Duration", node.minDuration],
    ["Average Health Check Duration", formatFloat(node.averageDuration)],
    ["Last Health Check", node.lastHealthCheck],
    ["Last Successful Health Check", node.lastSuccessfulHealthCheck],
    ["Last Skip Health Check", node.lastSkipHealthCheck],
    ["Last Failed Health Check", node.lastFailedHealthCheck],
  ];
}

function processFields(entry: ProcessInfo): Field[] {
  return [
    ["Database", entry.database],
    ["Username", entry.username],
    ["Start time", entry.startTime],
    ["Client connection count", entry.clientConnectionCount],
    ["Major", entry.majorVersion],
    ["Minor", entry.minorVersion],
    ["Backend connection time", entry.backendConnectionTime],
    ["Client connection time", entry.clientConnectionTime],
    ["Client idle duration", entry.clientIdleDuration],
    ["Client disconnection time", entry.clientDisconnectionTime],
    ["Pool Counter", entry.poolCounter],
    ["Backend PID", entry.backendPid],
    ["Connected", Number(entry.isConnected)],
    ["PID", entry.poolPid],
    ["Backend ID", entry.backendId],
    ["Status", entry.status],
    ["Load balance node", Number(entry.isLoadBalanceNode)],
    ["client_host", entry.clientHost],
    ["client_port", entry.clientPort],
    ["statement", entry.statement],
  ];
}

function verbosePids(pids: readonly number[]): string {
  const rows = pids.map((pid, index) => `${index} \t | \t ${pid}\n`).join("");
  return `No \t | \t PID\n_____________________\n${rows}\nTotal Processes:${pids.length}\n`;
}

function plainWatchdog(watchdog: WatchdogInfo): string {
  const { remoteNodeCount, memberRemoteNodeCount, leaderNodeName, leaderHostName } = watchdog;
  const cluster = [
    remoteNodeCount + 1,
    memberRemoteNodeCount + 1,
    yesOrNo(watchdog.isEscalated),
    leaderNodeName,
    leaderHostName,
  ].join(" ");
  const nodes = watchdog.nodes.map((node) =>
    [
      node.nodeName,
      node.hostName,
      node.pgpoolPort,
      node.wdPort,
      node.state,
      node.stateName,
      node.membership,
      node.membershipText,
    ].join(" ")
  );
  return [cluster, "", ...nodes, ""].join("\n");
}

function verboseWatchdog(watchdog: WatchdogInfo): string {
  const cluster = titled([
    ["Total Nodes", watchdog.remoteNodeCount + 1],
    ["Remote Nodes", watchdog.remoteNodeCount],
    ["Member Remote Nodes", watchdog.memberRemoteNodeCount],
    ["Alive Remote Nodes", watchdog.aliveNodeCount],
    ["Nodes required for quorum", watchdog.nodesRequiredForQuorum],
    ["Quorum state", QUORUM_STATES.get(watchdog.quorumStatus) ?? "UNKNOWN"],
    ["Local node escalation", yesOrNo(watchdog.isEscalated)],
    ["Leader Node Name", watchdog.leaderNodeName],
    ["Leader Host Name", watchdog.leaderHostName],
  ], ": ");
  const nodes = watchdog.nodes.map((node) => `${titled(watchdogFields(node))}\n`).join("");
  return `Watchdog Cluster Information \n${cluster}\nWatchdog Node Information \n${nodes}`;
}

function watchdogFields(node: WatchdogNode): Field[] {
  return [
    ["Node Name", node.nodeName],
    ["Host Name", node.hostName],
    ["Delegate IP", node.delegateIp],
    ["Pgpool port", node.pgpoolPort],
    ["Watchdog port", node.wdPort],
    ["Node priority", node.priority],
    ["Status", node.state],
    ["Status Name", node.stateName],
    ["Membership Status", node.membershipText],
  ];
}

function yesOrNo(value: boolean): string {
  return value ? "YES" : "NO";
}
