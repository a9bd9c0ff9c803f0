import type { ClusterTransition, NodeStatus } from "./types.ts";

/** Why a request to change a node was not done; whoever asked puts it in the words of his protocol. */
export type RequestRefusal =
  /** No backend has this id. */
  | { readonly kind: "unknown-node" }
  /** Only a node that is in use can be detached. */
  | { readonly kind: "not-valid-for-failover"; readonly status: NodeStatus }
  /** DISALLOW_TO_FAILOVER is set for the node that would be detached. */
  | { readonly kind: "failover-disallowed" }
  /** Only a node that is down or quarantined can be attached. */
  | { readonly kind: "not-valid-for-failback"; readonly status: NodeStatus }
  /** Only streaming replication has nodes to promote. */
  | { readonly kind: "not-streaming-mode" }
  | { readonly kind: "already-primary" }
  /** Only a node that is in use can be promoted. */
  | { readonly kind: "not-valid-for-promotion"; readonly status: NodeStatus }
  /** A switchover needs a primary to switch from, or a failover_command to promote with. */
  | { readonly kind: "no-primary" }
  | { readonly kind: "no-failover-command" }
  /** Promotion was asked for, and the server still says that it is a standby, or nothing. */
  | { readonly kind: "not-promoted"; readonly primary: number }
  /** Another request of the same kind for this node, or another promotion, is under way. */
  | { readonly kind: "in-progress"; readonly transition: ClusterTransition }
  /** pgpool stops. */
  | { readonly kind: "stopping" };

/** A request to change a node was refused, or came to nothing. */
export class RequestError extends Error {
  override readonly name = "RequestError";

  constructor(readonly node: number, readonly refusal: RequestRefusal) {
    super(`${refusal.kind} (node ${node})`);
  }
}

/** Options of a promotion. */
export interface PromoteOptions {
  /**
   * true: the present primary is detached and failover_command is called to promote the node.
   * false: the server has been promoted already, and pgpool is to follow.
   */
  readonly switchover: boolean;
}

/**
 * What can be asked to be done to a node. Requests are queued and done one at a time; each promise
 * resolves when its request is done, and rejects with a {@link RequestError}, at once where the
 * request makes no sense.
 */
export interface NodeRequests {
  /** Uses a node again that is down. */
  attach(node: number): Promise<void>;
  /** Takes a node out until it is attached; runs failover_command. */
  detach(node: number): Promise<void>;
  /**
   * Takes a node out until it shows a sign of life; nobody is promoted for it, and no command runs.
   * (For the watchdog, when the others do not agree that the node is dead.)
   */
  quarantine(node: number): Promise<void>;
  /**
   * Makes a node the primary; resolves when its server says that it is. All other nodes are then
   * down until follow_primary_command has brought each back.
   */
  promote(node: number, options: PromoteOptions): Promise<void>;
}
