import action from "./schemas/action.json" with { type: "json" };
import error from "./schemas/error.json" with { type: "json" };
import healthCheckStats from "./schemas/health-check-stats.json" with { type: "json" };
import nodeCount from "./schemas/node-count.json" with { type: "json" };
import nodeInfo from "./schemas/node-info.json" with { type: "json" };
import poolStatus from "./schemas/pool-status.json" with { type: "json" };
import procCount from "./schemas/proc-count.json" with { type: "json" };
import procInfo from "./schemas/proc-info.json" with { type: "json" };
import switchover from "./schemas/switchover.json" with { type: "json" };
import watchdogInfo from "./schemas/watchdog-info.json" with { type: "json" };
import type { PcpAction, PcpCommandName } from "./requests.ts";

const OF_QUESTIONS: Readonly<
  Record<Exclude<PcpCommandName, PcpAction["command"]>, Readonly<Record<string, unknown>>>
> = {
  "node-count": nodeCount,
  "node-info": nodeInfo,
  "health-check-stats": healthCheckStats,
  "proc-count": procCount,
  "proc-info": procInfo,
  "pool-status": poolStatus,
  "switchover": switchover,
  "watchdog-info": watchdogInfo,
};

/** The JSON schema of what a command prints with --json, or of an error. */
export function schemaOf(name: PcpCommandName | "error"): Readonly<Record<string, unknown>> {
  if (name === "error") return error;
  return isQuestion(name) ? OF_QUESTIONS[name] : action;
}

function isQuestion(name: PcpCommandName): name is keyof typeof OF_QUESTIONS {
  return Object.hasOwn(OF_QUESTIONS, name);
}
