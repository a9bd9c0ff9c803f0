import type { BusySession } from "../../lib/pcp/statistics.ts";
import { type Cell, paint, type Style, tableText } from "../output.ts";
import {
  formatBytes,
  formatDuration,
  formatMs,
  formatRate,
  formatShare,
  harmless,
} from "./format.ts";
import type { TopNode, TopSample } from "./sample.ts";

/** What sessions can be sorted by, in the order in which a key press goes through them. */
export const SORTS = ["time", "state", "user", "node"] as const;

export type Sort = (typeof SORTS)[number];

const STATES: Readonly<Record<BusySession["state"], string>> = {
  active: "active",
  waiting: "waiting",
  idleInTransaction: "in transaction",
};

/** A sample as lines: the pool, its nodes, its sessions. */
export function sampleLines(sample: TopSample, sort: Sort): string[] {
  return [
    ...poolLines(sample),
    "",
    ...lines(nodeTable(sample.nodes)),
    "",
    ...(sample.sessions.length === 0
      ? ["no session is busy"]
      : lines(sessionTable(sorted(sample.sessions, sort)))),
  ];
}

function poolLines({ clients, notReady, ...sample }: TopSample): string[] {
  const uptime = (Date.parse(sample.time) - Date.parse(sample.startTime)) / 1000;
  const clock = new Date(sample.time).toLocaleTimeString("sv-SE");
  const queued = `${clients.queued} waiting for a slot`;
  const failures = sample.loginFailuresPerSecond ?? 0;
  return [
    `${paint("bold", `pgpool ${sample.version}`)}  ${clock}  up ${formatDuration(uptime)}`,
    ...notReady.map((reason) => paint("red", `not ready: ${reason}`)),
    `clients: ${clients.served} of ${clients.slots} slots, ` +
    `${clients.active} active, ${clients.waiting} waiting in the pool, ` +
    `${clients.idleInTransaction} in transaction, ${clients.idle} idle; ` +
    (clients.queued > 0 ? paint("yellow", queued) : queued) +
    (clients.held > 0 ? paint("yellow", `, ${clients.held} held at the door`) : ""),
    `per second: ${formatRate(sample.statementsPerSecond)} statements, ` +
    `${formatRate(sample.loginsPerSecond)} logins` +
    (failures > 0 ? paint("yellow", `, ${formatRate(failures)} failed logins`) : "") +
    `; pool hits: ${formatShare(sample.poolHitRatio)}`,
  ];
}

function nodeTable(nodes: readonly TopNode[]): string {
  return tableText(
    [
      ...["node", "server", "status", "role", "weight", "delay"],
      ...["stmt/s", "mean ms", "p95 ms", "errors/s", "used", "idle"],
    ],
    nodes.map((node) => [
      String(node.id),
      harmless(`${node.hostname}:${node.port}`),
      { text: node.status, style: STATUS_STYLE[node.status] },
      node.role,
      formatShare(node.weight),
      delayText(node),
      formatRate(node.statementsPerSecond),
      formatMs(node.meanMs),
      formatMs(node.p95Ms),
      formatRate(node.errorsPerSecond),
      String(node.connectionsUsed),
      String(node.connectionsIdle),
    ]),
  );
}

const STATUS_STYLE: Readonly<Record<TopNode["status"], Style>> = {
  up: "green",
  waiting: "green",
  down: "red",
  quarantine: "yellow",
  unused: "dim",
};

function delayText({ replicationDelayBytes, replicationDelaySeconds }: TopNode): string {
  if (replicationDelayBytes !== null) return formatBytes(replicationDelayBytes);
  return replicationDelaySeconds === null ? "-" : formatDuration(replicationDelaySeconds);
}

function sessionTable(sessions: readonly BusySession[]): string {
  return tableText(
    ["time", "state", "user", "database", "client", "node", "server pid", "statement"],
    sessions.map((session) => [
      formatDuration(session.seconds),
      stateCell(session),
      harmless(session.user),
      harmless(session.database),
      session.clientPort === ""
        ? session.clientHost
        : `${session.clientHost}:${session.clientPort}`,
      session.node < 0 ? "-" : String(session.node),
      session.backendPid === 0 ? "-" : String(session.backendPid),
      harmless(session.statement),
    ]),
  );
}

function stateCell({ state, waitingFor }: BusySession): Cell {
  switch (state) {
    case "active":
      return STATES.active;
    case "waiting":
      return { text: `waits for ${waitingFor}`, style: "yellow" };
    case "idleInTransaction":
      return { text: STATES.idleInTransaction, style: "dim" };
  }
}

/** Sorts by what is asked for; equal ones stay in the order of their time. */
function sorted(sessions: readonly BusySession[], sort: Sort): BusySession[] {
  const key = (session: BusySession): string => {
    switch (sort) {
      case "time":
        return "";
      case "state":
        return session.state;
      case "user":
        return `${session.user}\0${session.database}`;
      case "node":
        return String(session.node).padStart(3, "0");
    }
  };
  return [...sessions].sort((one, other) => {
    const [first, second] = [key(one), key(other)];
    if (first !== second) return first < second ? -1 : 1;
    return other.seconds - one.seconds;
  });
}

function lines(table: string): string[] {
  return table.trimEnd().split("\n");
}
