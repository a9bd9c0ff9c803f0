import type { ErrorFields } from "../wire/build.ts";

/** The connection to a server has ended while the session needed it. */
export function lostServer(node: number, reason: string): ErrorFields {
  return {
    severity: "FATAL",
    sqlstate: "08006",
    message: `unable to read data from DB node ${node}`,
    detail: reason,
  };
}

/** A node was taken out while the session waited for its answer. */
export function nodeDown(node: number): ErrorFields {
  return {
    severity: "FATAL",
    sqlstate: "57P01",
    message: `terminating connection because DB node ${node} is down`,
    hint: "Connect again; another node serves you then.",
  };
}

/** No node is usable (behaviour.md 2). */
export const ALL_DOWN: ErrorFields = {
  severity: "FATAL",
  sqlstate: "08S01",
  message: "pgpool is not accepting any new connections",
  detail: "all backend nodes are down, pgpool requires at least one valid node",
  hint: "repair the backend nodes and restart pgpool",
};

/** The session left something on a primary that is none any more. */
export const OTHER_PRIMARY: ErrorFields = {
  severity: "FATAL",
  sqlstate: "57P01",
  message: "terminating connection because another node has become the primary",
  hint: "Connect again; the state of this session was on the former primary.",
};

/** There is no primary, and the statement can not be sent to any other node. */
export const NO_PRIMARY: ErrorFields = {
  severity: "ERROR",
  sqlstate: "25006",
  message:
    "there is no primary node that the statement could be sent to, and standbys are read-only",
  hint: "Try again when a primary has been promoted or is back; reads are served meanwhile.",
};

/** A statement was canceled before it was sent to any server. */
export const CANCELED: ErrorFields = {
  severity: "ERROR",
  sqlstate: "57014",
  message: "canceling statement due to user request",
};
