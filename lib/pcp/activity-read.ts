import type { PoolActivity } from "./statistics.ts";

/**
 * Whether a value from JSON is what a pool tells of its activity, as far as its parts are there.
 * The other end is a pool of ours, which may be newer: it may tell more.
 */
export function isPoolActivity(value: unknown): value is PoolActivity {
  return has(value, { statistics: isStatistics, sessions: listOf(isSession) });
}

type Check = (value: unknown) => boolean;

function has(value: unknown, parts: Readonly<Record<string, Check>>): boolean {
  if (typeof value !== "object" || value === null) return false;
  const members = new Map<string, unknown>(Object.entries(value));
  return Object.entries(parts).every(([name, check]) => check(members.get(name)));
}

const isNumber: Check = (value) => typeof value === "number";
const isText: Check = (value) => typeof value === "string";

function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

function isStatistics(value: unknown): boolean {
  return has(value, {
    time: isNumber,
    version: isText,
    startTime: isNumber,
    clientSlots: isNumber,
    notReady: listOf(isText),
    changes: isObject,
    nodes: listOf(isNode),
    workers: listOf(isWorker),
    slotWaits: isDurations,
  });
}

function isNode(value: unknown): boolean {
  return has(value, {
    id: isNumber,
    hostname: isText,
    port: isNumber,
    status: isText,
    role: isText,
    weight: isNumber,
    statements: isObject,
    errors: isObject,
    statementTimes: isDurations,
    connectionWaits: isDurations,
  });
}

function isWorker(value: unknown): boolean {
  return has(value, {
    worker: isNumber,
    state: isText,
    clients: isNumber,
    waitingClients: isNumber,
    heldClients: isNumber,
    sessions: isObject,
    connections: listOf(isObject),
  });
}

function isSession(value: unknown): boolean {
  return has(value, {
    poolPid: isNumber,
    database: isText,
    user: isText,
    clientHost: isText,
    clientPort: isText,
    state: isText,
    waitingFor: isText,
    seconds: isNumber,
    statement: isText,
    node: isNumber,
    backendPid: isNumber,
  });
}

function isDurations(value: unknown): boolean {
  return has(value, { bounds: listOf(isNumber), counts: listOf(isNumber), sum: isNumber });
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
