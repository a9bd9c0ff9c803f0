import { RecoveryError } from "../../cluster/recovery/error.ts";
import { RequestError, type RequestRefusal } from "../../cluster/requests.ts";
import { SwitchoverError } from "../../cluster/switchover/error.ts";
import type { ClusterTransition, NodeStatus } from "../../cluster/types.ts";
import { STATUS_NUMBERS } from "../../pcp/replies.ts";
import { PcpError } from "../../pcp/service.ts";
import { GateBusyError } from "../gate.ts";
import { ClientsStayError } from "../without-clients.ts";

/** Node ids that Pgpool-II knows (pcp-protocol.md 5). */
const MOST_NODES = 128;

const NOT_NOW = "failed to process PCP request at the moment";

const CHANGES: Readonly<Record<ClusterTransition, string>> = {
  failover: "failover",
  failback: "failback",
  promotion: "promote node operation",
  none: "operation",
};

/** What is asked for has to wait for a change of nodes that is under way (pcp-protocol.md 5). */
export function inProgress(transition: ClusterTransition, options: ErrorOptions = {}): PcpError {
  return new PcpError(NOT_NOW, { detail: `${CHANGES[transition]} is in progress`, ...options });
}

/** Why a node was not attached, in the words of pcp-protocol.md 5. */
export function attachRefused(node: number, error: unknown): unknown {
  return explain(
    node,
    error,
    "failback",
    (status) =>
      `invalid failback request, status: [${STATUS_NUMBERS[status]}] of node id : ${node} ` +
      "is invalid for failback",
  );
}

/** Why a node was not detached, in the words of pcp-protocol.md 5. */
export function detachRefused(node: number, error: unknown): unknown {
  return explain(
    node,
    error,
    "degenerate backend",
    (status) =>
      `invalid degenerate backend request, node id : ${node} ` +
      `status: [${STATUS_NUMBERS[status]}] is not valid for failover`,
  );
}

/** Why a node was not promoted, in the words of pcp-protocol.md 5. */
export function promoteRefused(node: number, error: unknown): unknown {
  if (!(error instanceof RequestError)) return error;
  const { refusal } = error;
  const refused = (detail: string, hint = "") =>
    new PcpError("could not process promote request", { detail, hint, cause: error });
  switch (refusal.kind) {
    case "not-streaming-mode":
      return new PcpError("invalid pgpool mode for process promote request", {
        severity: "fatal",
        detail: `not in streaming replication mode, can't promote node id ${node}`,
        cause: error,
      });
    case "already-primary":
      return new PcpError("invalid promote request", {
        severity: "fatal",
        detail: `specified node is already primary node, can't promote node id ${node}`,
        cause: error,
      });
    case "unknown-node":
      return refused(`node id ${node} is not valid`);
    case "not-valid-for-promotion":
      return refused(`node id ${node} is ${refusal.status}`, "Attach or recover the node first.");
    case "failover-disallowed":
      return refused("failover is disallowed on the primary node");
    case "no-primary":
      return refused(
        "there is no primary node to switch over from",
        "Promote the server itself: the pool finds it.",
      );
    case "no-failover-command":
      return refused("failover_command is not set, which would have to promote the server");
    case "not-promoted":
      return refused(
        refusal.primary === node || refusal.primary === -1
          ? `node id ${node} has not become the primary`
          : `node id ${refusal.primary} is the primary`,
        "Without --switchover the server has to be promoted first; with it failover_command has " +
          "to promote it. The log says what the command did.",
      );
    case "not-valid-for-failover":
    case "not-valid-for-failback":
    case "in-progress":
    case "stopping":
      return general(refusal, error);
  }
}

/** Why a node was not recovered. */
export function recoveryFailed(error: unknown): unknown {
  if (!(error instanceof RecoveryError)) return error;
  const { message, severity, detail, hint } = error;
  return new PcpError(message, { severity, detail, hint, cause: error });
}

/** Why clients could not be waited for; nothing has been done then. */
export function clientsStay(error: unknown): unknown {
  if (!(error instanceof ClientsStayError) && !(error instanceof GateBusyError)) return error;
  return new PcpError("failed to process PCP request at the moment", {
    detail: error.message,
    hint: "Nothing has been done. recovery_timeout is how long clients are waited for, and " +
      "client_idle_limit_in_recovery makes idle ones leave.",
    cause: error,
  });
}

/** Why a switchover was called off; clients go on with the primary there is. */
export function switchoverFailed(error: unknown): unknown {
  if (!(error instanceof SwitchoverError)) return error;
  const { message, hint } = error;
  return new PcpError("switchover failed", { detail: message, hint, cause: error });
}

/** Other errors than refusals are faults, and are passed on. */
function explain(
  node: number,
  error: unknown,
  what: string,
  invalid: (status: NodeStatus) => string,
): unknown {
  if (!(error instanceof RequestError)) return error;
  const { refusal } = error;
  const refused = (message: string, hint: string = "") =>
    new PcpError(message, { hint, cause: error });
  switch (refusal.kind) {
    case "unknown-node":
      return refused(
        node >= 0 && node < MOST_NODES
          ? invalid("unused")
          : `invalid ${what} request, node id: ${node} is out of range. ` +
            `node id must be between [0 and ${MOST_NODES}]`,
      );
    case "not-valid-for-failback":
    case "not-valid-for-failover":
      return refused(invalid(refusal.status));
    case "failover-disallowed":
      return refused(
        `degenerate backend request for node_id: ${node} from pid [${process.pid}] ` +
          "is canceled because failover is disallowed on the node",
      );
    default:
      return general(refusal, error);
  }
}

/** Refusals that are the same whatever was asked for. */
function general(
  refusal: Exclude<RequestRefusal, { kind: "unknown-node" }>,
  cause: RequestError,
): PcpError {
  switch (refusal.kind) {
    case "in-progress":
      return inProgress(refusal.transition, { cause });
    case "stopping":
      return new PcpError(NOT_NOW, { detail: "pgpool is shutting down", cause });
    default:
      return new PcpError(NOT_NOW, { detail: cause.message, cause });
  }
}
