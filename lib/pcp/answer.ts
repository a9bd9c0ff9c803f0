import {
  activityReply,
  completeReply,
  healthCheckReply,
  nodeCountReply,
  nodeInfoReply,
  poolStatusReply,
  processInfoReply,
  processListReply,
  switchoverReply,
  watchdogReply,
} from "./replies.ts";
import { isMessageLevel, type MessageLevel } from "./message-level.ts";
import type { WorkRequest } from "./requests.ts";
import { PcpError, type PcpService, type Progress } from "./service.ts";

/** What a request is answered with beside the pool itself. */
export interface AnswerOptions {
  readonly service: PcpService;
  readonly progress: Progress;
  /** From now on the client is told notices of this level and above. */
  readonly setMessageLevel: (level: MessageLevel) => void;
}

/**
 * Does what is asked for and gives the messages of the answer.
 *
 * @throws {PcpError}
 */
export async function answerRequest(
  request: WorkRequest,
  { service, progress, setMessageLevel }: AnswerOptions,
): Promise<Iterable<Uint8Array>> {
  switch (request.kind) {
    case "set-parameter":
      setMessageLevel(messageLevel(request.name, request.value));
      return [completeReply("a")];
    case "pool-status":
      return poolStatusReply(service.poolStatus());
    case "activity":
      return [activityReply(await service.activity(request.sessions))];
    case "attach-node":
      await service.attachNode(request.node);
      return [completeReply("c")];
    case "detach-node":
      await service.detachNode(request.node, request.gracefully);
      return [completeReply("d")];
    case "invalidate-query-cache":
      await service.invalidateQueryCache();
      return [completeReply("g")];
    case "health-check-stats":
      return [healthCheckReply(service.healthCheckStats(request.node))];
    case "node-info":
      return nodeInfoReply(await service.nodeInfo(request.node));
    case "promote-node":
      await service.promoteNode(request.node, request);
      return [completeReply("d")];
    case "switchover":
      return [switchoverReply(await service.switchOver(request.node, request, progress))];
    case "node-count":
      return [nodeCountReply(service.nodeCount())];
    case "process-list":
      return [processListReply(service.processIds())];
    case "recover-node":
      await service.recoverNode(request.node, progress);
      return [completeReply("c")];
    case "process-info":
      return processInfoReply(await service.processInfo(request.pid));
    case "stop":
      await service.stop(request.mode, request.scope);
      return [completeReply("t")];
    case "log-rotate":
      await service.rotateLog(request.scope);
      return [completeReply("v")];
    case "watchdog-info":
      return [watchdogReply(service.watchdogInfo(request.index))];
    case "reload-config":
      await service.reloadConfig(request.scope);
      return [completeReply("z")];
  }
}

/** The one parameter a client may set, for its own connection (pcp-protocol.md 5, `A`). */
function messageLevel(name: string, value: string): MessageLevel {
  const failure = "PCP: set configuration parameter failed";
  if (name !== "client_min_messages") {
    throw new PcpError(failure, { detail: `invalid parameter "${name}"` });
  }
  if (!isMessageLevel(value)) {
    throw new PcpError(failure, { detail: `invalid value "${value}" for parameter "${name}"` });
  }
  return value;
}
