import type { AdminContext } from "../../admin/context.ts";
import type { NodeState } from "../../cluster/types.ts";
import type { NodeInfo } from "../../pcp/types.ts";

/** What PCP tells of a node; the server is asked how it is just now. */
export async function nodeInfo(node: NodeState, context: AdminContext): Promise<NodeInfo> {
  const backendStatus = node.status === "unused" ? "unknown" : await context.pgStatus(node.id);
  return {
    nodeId: node.id,
    hostname: node.hostname,
    port: node.port,
    status: node.status,
    backendStatus,
    weight: node.weight,
    role: node.role,
    backendRole: await backendRole(node, backendStatus, context),
    delayByTime: node.delayByTime,
    replicationDelay: node.role === "standby" ? node.replicationDelay : 0,
    replicationState: node.replicationState,
    replicationSyncState: node.replicationSyncState,
    lastStatusChange: node.lastStatusChange,
  };
}

function backendRole(
  node: NodeState,
  backendStatus: NodeInfo["backendStatus"],
  context: AdminContext,
): Promise<NodeInfo["backendRole"]> | NodeInfo["backendRole"] {
  if (node.role === "main" || node.role === "replica") return node.role;
  return backendStatus === "up" ? context.pgRole(node.id) : "unknown";
}
