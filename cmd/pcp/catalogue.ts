import type { PcpScope, PcpStopMode } from "../../lib/pcp/types.ts";
import type { PcpCommandName, PcpRequest } from "./requests.ts";

/** What a command takes beside the options that all have. */
export interface PcpCommandSpec {
  readonly name: PcpCommandName;
  readonly description: string;
  /**
   * What its argument names. Where it is not `required` everything is meant without it; in
   * `pgpool pcp` that holds for every question.
   */
  readonly argument?: { readonly names: ArgumentKind; readonly required: boolean };
  readonly flags: readonly Flag[];
  /** Options that only the new names have. */
  readonly ownFlags?: readonly OwnFlag[];
  /** Whether somebody at a terminal is asked first. */
  readonly destructive?: true;
}

export type ArgumentKind = "node" | "process" | "watchdog";

/** Options that only some commands have. */
export type Flag = "all" | "gracefully" | "switchover" | "mode" | "scope";

export type OwnFlag = "switchover" | "drainTimeout" | "force";

/** Values of a command's own options and of its argument. */
export interface RequestValues {
  readonly id?: number;
  readonly all?: boolean;
  readonly gracefully?: boolean;
  readonly switchover?: boolean;
  /** Seconds; a switchover that drains is a request of our own. */
  readonly drainTimeout?: number;
  readonly force?: boolean;
  readonly mode?: PcpStopMode;
  readonly scope?: PcpScope;
  readonly backendPid?: number;
}

/** The stop modes as they may be written. */
export const STOP_MODES: ReadonlyMap<string, PcpStopMode> = new Map([
  ["s", "smart"],
  ["smart", "smart"],
  ["f", "fast"],
  ["fast", "fast"],
  ["i", "immediate"],
  ["immediate", "immediate"],
]);

/** The scopes as they may be written. */
export const SCOPES: ReadonlyMap<string, PcpScope> = new Map([
  ["c", "cluster"],
  ["cluster", "cluster"],
  ["l", "local"],
  ["local", "local"],
]);

const NODE = { names: "node", required: true } as const;

/** Every command, in the order in which help lists them. */
export const PCP_COMMANDS: readonly PcpCommandSpec[] = [
  { name: "node-count", description: "print the number of nodes", flags: [] },
  {
    name: "node-info",
    description: "print status, role and delay of one node or of all",
    argument: { names: "node", required: false },
    flags: ["all"],
  },
  {
    name: "health-check-stats",
    description: "print what the health checks of a node have found",
    argument: NODE,
    flags: [],
  },
  { name: "proc-count", description: "print the ids of the pool's processes", flags: [] },
  {
    name: "proc-info",
    description: "print the pooled connections and the clients that use them",
    argument: { names: "process", required: false },
    flags: ["all"],
  },
  { name: "pool-status", description: "print the pool's settings", flags: [] },
  { name: "attach-node", description: "put a node into use again", argument: NODE, flags: [] },
  {
    name: "detach-node",
    description: "take a node out of use",
    argument: NODE,
    flags: ["gracefully"],
    destructive: true,
  },
  {
    name: "promote-node",
    description: "make a node the primary",
    argument: NODE,
    flags: ["gracefully", "switchover"],
    ownFlags: ["switchover", "drainTimeout", "force"],
    destructive: true,
  },
  {
    name: "recovery-node",
    description: "make the data of a node anew from the primary, and put it into use",
    argument: NODE,
    flags: [],
    destructive: true,
  },
  {
    name: "reload-config",
    description: "have pgpool read its configuration again",
    flags: ["scope"],
  },
  { name: "log-rotate", description: "have pgpool begin a new log file", flags: ["scope"] },
  { name: "invalidate-query-cache", description: "empty the query cache", flags: [] },
  {
    name: "watchdog-info",
    description: "print the state of the watchdog's cluster",
    argument: { names: "watchdog", required: false },
    flags: [],
  },
  {
    name: "stop-pgpool",
    description: "stop pgpool",
    flags: ["mode", "scope"],
    destructive: true,
  },
];

/** `pgpool switchover`, which Pgpool-II does not have. */
export const SWITCHOVER: PcpCommandSpec = {
  name: "switchover",
  description: "make a standby the primary without an error for clients",
  argument: NODE,
  flags: [],
  ownFlags: ["drainTimeout", "force"],
  destructive: true,
};

/** What the options and the argument of a command ask for. */
export function requestOf(name: PcpCommandName, values: RequestValues): PcpRequest {
  const { id, all = false, gracefully = false, switchover = false } = values;
  const { scope = "local", mode = "smart", backendPid } = values;
  const { drainTimeout, force = false } = values;
  switch (name) {
    case "node-count":
    case "proc-count":
    case "pool-status":
    case "invalidate-query-cache":
      return { command: name };
    case "node-info":
      return { command: name, node: id ?? "all", unused: all };
    case "health-check-stats":
      return { command: name, node: id ?? "all" };
    case "proc-info":
      return { command: name, pid: id ?? "all", unused: all, backendPid };
    case "watchdog-info":
      return { command: name, index: id ?? "all" };
    case "attach-node":
    case "recovery-node":
      return { command: name, node: required(id) };
    case "detach-node":
      return { command: name, node: required(id), gracefully };
    case "switchover":
      return switchoverOf(id, drainTimeout, force);
    case "promote-node":
      // The old names leave out how long to drain: theirs is Pgpool-II's switchover.
      return switchover && drainTimeout !== undefined
        ? switchoverOf(id, drainTimeout, force)
        : { command: name, node: required(id), gracefully, switchover };
    case "reload-config":
    case "log-rotate":
      return { command: name, scope };
    case "stop-pgpool":
      return { command: name, mode, scope };
  }
}

/** Whether the command only asks, so that it may be repeated. */
export function onlyReads(name: PcpCommandName): boolean {
  switch (name) {
    case "node-count":
    case "node-info":
    case "health-check-stats":
    case "proc-count":
    case "proc-info":
    case "pool-status":
    case "watchdog-info":
      return true;
    default:
      return false;
  }
}

/** Seconds that running transactions may take when nobody says how many. */
export const DRAIN_SECONDS = 30;

function switchoverOf(
  id: number | undefined,
  seconds: number = DRAIN_SECONDS,
  force: boolean,
): PcpRequest {
  const drainTimeout = Math.round(seconds * 1000);
  return { command: "switchover", node: required(id), drainTimeout, force };
}

function required(id: number | undefined): number {
  if (id === undefined) throw new TypeError("the command line has been taken without its node");
  return id;
}
