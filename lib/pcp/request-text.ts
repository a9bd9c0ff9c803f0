import type { WorkRequest } from "./requests.ts";

/** A request in words, for the log. */
export function describeRequest(request: WorkRequest): string {
  switch (request.kind) {
    case "set-parameter":
      return `setting of ${JSON.stringify(request.name)}`;
    case "pool-status":
      return "pool status";
    case "activity":
      return "activity of the pool";
    case "attach-node":
      return `attaching of node ${request.node}`;
    case "detach-node":
      return `${request.gracefully ? "graceful " : ""}detaching of node ${request.node}`;
    case "invalidate-query-cache":
      return "invalidation of the query cache";
    case "health-check-stats":
      return `health check statistics of node ${request.node}`;
    case "node-info":
      return `information on ${request.node === "all" ? "all nodes" : `node ${request.node}`}`;
    case "promote-node":
      return `${request.gracefully ? "graceful " : ""}promotion of node ${request.node}${
        request.switchover ? " with switchover" : ""
      }`;
    case "switchover":
      return `switchover to node ${request.node}`;
    case "node-count":
      return "number of nodes";
    case "process-list":
      return "list of processes";
    case "recover-node":
      return `recovery of node ${request.node}`;
    case "process-info":
      return `information on ${request.pid === "all" ? "all processes" : `process ${request.pid}`}`;
    case "stop":
      return `${request.mode} stop${inScope(request.scope)}`;
    case "log-rotate":
      return `log rotation${inScope(request.scope)}`;
    case "watchdog-info":
      return "information on the watchdog";
    case "reload-config":
      return `reload of the configuration${inScope(request.scope)}`;
  }
}

/** Whether the request changes anything beyond the connection it came on. */
export function isActing(request: WorkRequest): boolean {
  switch (request.kind) {
    case "attach-node":
    case "detach-node":
    case "invalidate-query-cache":
    case "promote-node":
    case "switchover":
    case "recover-node":
    case "stop":
    case "log-rotate":
    case "reload-config":
      return true;
    case "set-parameter":
    case "pool-status":
    case "activity":
    case "health-check-stats":
    case "node-info":
    case "node-count":
    case "process-list":
    case "process-info":
    case "watchdog-info":
      return false;
  }
}

function inScope(scope: "local" | "cluster"): string {
  return scope === "cluster" ? " of the whole cluster" : "";
}
