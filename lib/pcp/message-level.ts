/** Values of client_min_messages, the weakest first (pcp-protocol.md 5, `A`). */
const LEVELS = [
  "debug5",
  "debug4",
  "debug3",
  "debug2",
  "debug1",
  "log",
  "commerror",
  "info",
  "notice",
  "warning",
  "error",
] as const;

/** From which severity on a client is told of what happens while its request is worked on. */
export type MessageLevel = (typeof LEVELS)[number];

export function isMessageLevel(text: string): text is MessageLevel {
  return LEVELS.some((level) => level === text);
}

/** Whether a client that asked for this level is told notices of severity NOTICE. */
export function admitsNotices(level: MessageLevel): boolean {
  return LEVELS.indexOf(level) <= LEVELS.indexOf("notice");
}
