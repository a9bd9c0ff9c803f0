import type { PcpConnection } from "../../lib/pcp/client.ts";
import type {
  HealthCheckInfo,
  NodeInfo,
  PcpScope,
  PcpStopMode,
  PoolStatusItem,
  ProcessInfo,
  SwitchoverReport,
  WatchdogInfo,
} from "../../lib/pcp/types.ts";

/** A question to a pool, or something that it shall do. */
export type PcpRequest =
  | { readonly command: "node-count" | "proc-count" | "pool-status" }
  | { readonly command: "node-info"; readonly node: number | "all"; readonly unused: boolean }
  | { readonly command: "health-check-stats"; readonly node: number | "all" }
  | {
    readonly command: "proc-info";
    readonly pid: number | "all";
    /** Pool entries that hold no connection as well. */
    readonly unused: boolean;
    /** Only the entries whose server process has this id. */
    readonly backendPid: number | undefined;
  }
  | { readonly command: "watchdog-info"; readonly index: number | "all" }
  /** Milliseconds for running transactions to end. */
  | {
    readonly command: "switchover";
    readonly node: number;
    readonly drainTimeout: number;
    readonly force: boolean;
  }
  | PcpAction;

/** Something that a pool shall do. */
export type PcpAction =
  | { readonly command: "attach-node" | "recovery-node"; readonly node: number }
  | { readonly command: "detach-node"; readonly node: number; readonly gracefully: boolean }
  | {
    readonly command: "promote-node";
    readonly node: number;
    readonly gracefully: boolean;
    readonly switchover: boolean;
  }
  | { readonly command: "reload-config" | "log-rotate"; readonly scope: PcpScope }
  | { readonly command: "invalidate-query-cache" }
  | { readonly command: "stop-pgpool"; readonly mode: PcpStopMode; readonly scope: PcpScope };

/** The name of a command, as in `pgpool pcp node-info`. */
export type PcpCommandName = PcpRequest["command"];

/** What the pool has said. */
export type PcpAnswer =
  | { readonly about: "node-count"; readonly count: number }
  | { readonly about: "node-info"; readonly nodes: readonly NodeInfo[] }
  | { readonly about: "health-check-stats"; readonly nodes: readonly HealthCheckInfo[] }
  | { readonly about: "proc-count"; readonly pids: readonly number[] }
  | { readonly about: "proc-info"; readonly entries: readonly ProcessInfo[] }
  | { readonly about: "pool-status"; readonly items: readonly PoolStatusItem[] }
  | { readonly about: "watchdog-info"; readonly watchdog: WatchdogInfo }
  | { readonly about: "switchover"; readonly report: SwitchoverReport }
  | { readonly about: "action"; readonly action: PcpAction };

/**
 * Puts a request to a pool.
 *
 * @throws {PcpClientError}
 */
export async function ask(connection: PcpConnection, request: PcpRequest): Promise<PcpAnswer> {
  switch (request.command) {
    case "node-count":
      return { about: "node-count", count: await connection.nodeCount() };
    case "node-info": {
      const nodes = await connection.nodeInfo(request.node);
      const wanted = nodes.filter((node) => request.unused || node.hostname !== "");
      return { about: "node-info", nodes: wanted };
    }
    case "health-check-stats":
      return { about: "health-check-stats", nodes: await healthChecks(connection, request.node) };
    case "proc-count":
      return { about: "proc-count", pids: await connection.processIds() };
    case "proc-info": {
      const entries = await connection.processInfo(request.pid);
      return { about: "proc-info", entries: entries.filter((entry) => isWanted(entry, request)) };
    }
    case "pool-status":
      return { about: "pool-status", items: await connection.poolStatus() };
    case "watchdog-info":
      return { about: "watchdog-info", watchdog: await connection.watchdogInfo(request.index) };
    case "switchover":
      return { about: "switchover", report: await connection.switchOver(request.node, request) };
    default:
      await act(connection, request);
      return { about: "action", action: request };
  }
}

async function act(connection: PcpConnection, action: PcpAction): Promise<void> {
  switch (action.command) {
    case "attach-node":
      return await connection.attachNode(action.node);
    case "recovery-node":
      return await connection.recoverNode(action.node);
    case "detach-node":
      return await connection.detachNode(action.node, { gracefully: action.gracefully });
    case "promote-node": {
      const { gracefully, switchover } = action;
      return await connection.promoteNode(action.node, { gracefully, switchover });
    }
    case "reload-config":
      return await connection.reloadConfig(action.scope);
    case "log-rotate":
      return await connection.rotateLog(action.scope);
    case "invalidate-query-cache":
      return await connection.invalidateQueryCache();
    case "stop-pgpool":
      return await connection.stop(action.mode, action.scope);
  }
}

/** The protocol tells of one node at a time. */
async function healthChecks(
  connection: PcpConnection,
  node: number | "all",
): Promise<HealthCheckInfo[]> {
  if (node !== "all") return [await connection.healthCheckStats(node)];
  const nodes: HealthCheckInfo[] = [];
  const count = await connection.nodeCount();
  for (let id = 0; id < count; id++) nodes.push(await connection.healthCheckStats(id));
  return nodes;
}

/** Entries of no process are never shown, those without connection when asked for. */
function isWanted(
  entry: ProcessInfo,
  { unused, backendPid }: { readonly unused: boolean; readonly backendPid: number | undefined },
): boolean {
  if (entry.poolPid === 0) return false;
  if (backendPid !== undefined) return entry.backendPid === backendPid;
  return unused || entry.database !== "";
}
