import type { WorkerMessage } from "./messages.ts";

const TYPES: Readonly<Record<WorkerMessage["type"], true>> = {
  ready: true,
  drained: true,
  complain: true,
  "node-used": true,
  cancel: true,
  "close-idle": true,
  "slot-free": true,
  "gate-quiet": true,
  admin: true,
  locate: true,
  report: true,
};

/** Whether something that came over the channel is a message of a worker. */
export function isWorkerMessage(value: unknown): value is WorkerMessage {
  return typeof value === "object" && value !== null && "type" in value &&
    typeof value.type === "string" && Object.hasOwn(TYPES, value.type);
}
