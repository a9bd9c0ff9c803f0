import { isPoolActivity } from "./activity-read.ts";
import { PcpClientError } from "./client-types.ts";
import { splitStrings } from "./messages.ts";
import { COMPLETE, ROLES, WEIGHT_SCALE } from "./replies.ts";
import { encodeRequest, type WorkRequest } from "./requests.ts";
import { healthCheckInfo, processInfo } from "./rows.ts";
import type { PoolActivity } from "./statistics.ts";
import type {
  HealthCheckInfo,
  NodeInfo,
  PcpNodeStatus,
  PoolStatusItem,
  ProcessInfo,
  SwitchoverReport,
  WatchdogInfo,
} from "./types.ts";

/** Gives the body of the next message of an answer. */
export type Reply = () => Promise<Uint8Array>;

/** Requests whose answers do not have the request's letter in lower case. */
const REPLY_LETTERS: Readonly<Record<string, string>> = { J: "d", j: "d", O: "c" };

/** The type of the messages that answer a request (pcp-protocol.md 4.8). */
export function replyLetter(request: WorkRequest): string {
  const letter = String.fromCharCode(encodeRequest(request)[0]);
  return REPLY_LETTERS[letter] ?? letter.toLowerCase();
}

/** An answer that says nothing but that it is done. */
export async function readComplete(reply: Reply): Promise<void> {
  await completed(reply);
}

export async function readNodeCount(reply: Reply): Promise<number> {
  const [count] = await completed(reply);
  return numberIn(count);
}

export async function readProcessIds(reply: Reply): Promise<number[]> {
  const [, ...pids] = await completed(reply);
  return pids.map(numberIn);
}

/** @param firstNode id of the first node told of; the others follow it */
export async function readNodes(reply: Reply, firstNode: number): Promise<NodeInfo[]> {
  const rows = await arrayOf(reply, "NodeInfo");
  return rows.map((row, index) => nodeInfo(row, firstNode + index));
}

export async function readProcesses(reply: Reply): Promise<ProcessInfo[]> {
  return (await arrayOf(reply, "ProcessInfo")).map((row) => {
    if (row.length < PROCESS_FIELDS_BEFORE_4_4) throw invalid();
    return processInfo(row, numberIn);
  });
}

export async function readPoolStatus(reply: Reply): Promise<PoolStatusItem[]> {
  const rows = await arrayOf(reply, "ProcessConfig");
  return rows.map(([name = "", value = "", description = ""]) => ({ name, value, description }));
}

export async function readHealthCheck(reply: Reply): Promise<HealthCheckInfo> {
  const fields = await completed(reply);
  if (fields.length < HEALTH_CHECK_FIELDS) throw invalid();
  return healthCheckInfo(fields, numberIn);
}

export async function readActivity(reply: Reply): Promise<PoolActivity> {
  const [json = ""] = await completed(reply);
  const activity = parsed(json);
  if (!isPoolActivity(activity)) throw invalid();
  return activity;
}

export async function readWatchdog(reply: Reply): Promise<WatchdogInfo> {
  const [json = ""] = await completed(reply);
  return watchdogInfo(parsed(json));
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw invalid(cause);
  }
}

export async function readSwitchover(reply: Reply): Promise<SwitchoverReport> {
  const fields = await completed(reply);
  const number = (index: number) => numberIn(fields[index]);
  return {
    node: number(0),
    oldPrimary: number(1),
    drain: number(2),
    replay: number(3),
    promotion: number(4),
    pause: number(5),
    total: number(6),
    isFenced: fields[7] === "1",
  };
}

/** Strings of a node: since 4.4, which tells whether the delay is a time, and before. */
const NODE_FIELDS = 13;
const NODE_FIELDS_BEFORE_4_4 = 12;
/** Strings of health checks up to the first that may be missing. */
const HEALTH_CHECK_FIELDS = 16;
/** Strings of a pool entry before 4.4, which all later versions have too. */
const PROCESS_FIELDS_BEFORE_4_4 = 17;

function nodeInfo(row: readonly string[], nodeId: number): NodeInfo {
  const fields = row.length === NODE_FIELDS_BEFORE_4_4
    ? [...row.slice(0, 8), "0", ...row.slice(8)]
    : row;
  if (fields.length < NODE_FIELDS) throw invalid();
  const text = (index: number) => fields[index] ?? "";
  return {
    nodeId,
    hostname: text(0),
    port: numberIn(fields[1]),
    status: text(3) === "1" ? "quarantine" : nodeStatus(numberIn(fields[2])),
    backendStatus: oneOf(["up", "down", "unknown"], text(4)),
    weight: (Number(text(5)) || 0) / WEIGHT_SCALE,
    role: ROLES[numberIn(fields[6])] ?? "replica",
    backendRole: oneOf([...ROLES, "unknown"], text(7)),
    delayByTime: text(8) === "1",
    replicationDelay: numberIn(fields[9]),
    replicationState: text(10),
    replicationSyncState: text(11),
    lastStatusChange: numberIn(fields[12]),
  };
}

function nodeStatus(number: number): PcpNodeStatus {
  const all = ["unused", "waiting", "up", "down"] as const;
  const status = all[number];
  if (status === undefined) throw invalid();
  return status;
}

function watchdogInfo(json: unknown): WatchdogInfo {
  const cluster = new JsonFields(json);
  const nodes = cluster.list("WatchdogNodes").map((node) => {
    const fields = new JsonFields(node);
    return {
      id: fields.number("ID"),
      nodeName: fields.text("NodeName"),
      hostName: fields.text("HostName"),
      delegateIp: fields.text("DelegateIP"),
      membership: fields.number("Membership", 0),
      membershipText: fields.text("MembershipString", "NOT-Available"),
      wdPort: fields.number("WdPort"),
      pgpoolPort: fields.number("PgpoolPort"),
      state: fields.number("State"),
      stateName: fields.text("StateName"),
      priority: fields.number("Priority"),
    };
  });
  return {
    nodeCount: cluster.number("NodeCount"),
    remoteNodeCount: cluster.number("RemoteNodeCount"),
    memberRemoteNodeCount: cluster.number("MemberRemoteNodeCount", -1),
    nodesRequiredForQuorum: cluster.number("NodesRequireForQuorum", -1),
    quorumStatus: cluster.number("QuorumStatus"),
    aliveNodeCount: cluster.number("AliveNodeCount"),
    isEscalated: cluster.number("Escalated") === 1,
    leaderNodeName: cluster.text("LeaderNodeName"),
    leaderHostName: cluster.text("LeaderHostName"),
    nodes,
  };
}

/** The members of a JSON object; what is missing is an error unless there is something else. */
class JsonFields {
  readonly #fields: ReadonlyMap<string, unknown>;

  constructor(json: unknown) {
    if (typeof json !== "object" || json === null) throw invalid();
    this.#fields = new Map<string, unknown>(Object.entries(json));
  }

  number(name: string, otherwise?: number): number {
    const value = this.#fields.get(name) ?? otherwise;
    if (typeof value !== "number") throw invalid();
    return value;
  }

  text(name: string, otherwise?: string): string {
    const value = this.#fields.get(name) ?? otherwise;
    if (typeof value !== "string") throw invalid();
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.#fields.get(name);
    if (!Array.isArray(value)) throw invalid();
    return value;
  }
}

/** The strings behind CommandComplete. */
async function completed(reply: Reply): Promise<string[]> {
  const [word = "", ...rest] = splitStrings(await reply());
  if (word !== COMPLETE) {
    throw new PcpClientError("protocol", `command failed with reason: "${word}"`);
  }
  return rest;
}

/** The rows between ArraySize and CommandComplete. */
async function arrayOf(reply: Reply, word: string): Promise<string[][]> {
  const [size] = splitStrings(await reply());
  if (size !== "ArraySize") throw invalid();
  const rows: string[][] = [];
  for (;;) {
    const [first = "", ...fields] = splitStrings(await reply());
    if (first === COMPLETE) return rows;
    if (first !== word) throw invalid();
    rows.push(fields);
  }
}

function numberIn(text: string = ""): number {
  if (!/^-?\d+$/.test(text)) throw invalid();
  return Number(text);
}

function oneOf<T extends string>(all: readonly T[], text: string): T {
  const found = all.find((each) => each === text);
  if (found === undefined) throw invalid();
  return found;
}

function invalid(cause?: unknown): PcpClientError {
  const options = cause === undefined ? {} : { cause };
  return new PcpClientError(
    "protocol",
    "command failed. invalid response",
    "ERROR",
    "",
    "",
    options,
  );
}
