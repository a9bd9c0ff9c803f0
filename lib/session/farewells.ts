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

/** The session left something on a primary that is none any more. */
export const OTHER_PRIMARY: ErrorFields = {
  severity: "FATAL",
  sqlstate: "57P01",
  message: "terminating connection because another node has become the primary",
  hint: "Connect again; the state of this session was on the former primary.",
};
