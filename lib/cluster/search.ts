import type { Draft } from "./draft.ts";
import { planHealthChecks } from "./health.ts";

/**
 * Starts looking for a primary once a second (reference behaviour.md 8.1). Starting again while a
 * search runs changes nothing but asks at once.
 */
export function beginSearch(draft: Draft): void {
  if (draft.search === null) {
    draft.search = { since: draft.now, isExpired: false };
    draft.told = "";
    draft.log({
      severity: "log",
      text: "find_primary_node_repeatedly: waiting for finding a primary node",
    });
  }
  draft.effect({ type: "check" });
}

/** Keeps a search running, without asking at once. */
export function continueSearch(draft: Draft): void {
  if (draft.search === null) beginSearch(draft);
}

/** Gives a search that is under way its whole time once more. */
export function restartSearch(draft: Draft): void {
  if (draft.search !== null) draft.search = { since: draft.now, isExpired: false };
  beginSearch(draft);
}

/** Ends the search, if there is one: the primary is known. */
export function endSearch(draft: Draft): void {
  draft.search = null;
  settle(draft);
}

/**
 * Gives the search up when its time is over or nobody is left to be asked. It goes on slowly in
 * the background: a primary that appears later is still found.
 */
export function expireSearch(draft: Draft): void {
  if (draft.search === null || draft.search.isExpired) return;
  const limit = draft.settings.searchPrimaryNodeTimeout;
  const isLate = limit > 0 && draft.now - draft.search.since >= limit * 1000;
  const isPointless = draft.usable().length === 0;
  if (!isLate && !isPointless) return;
  draft.search = { ...draft.search, isExpired: true };
  draft.log({
    severity: "warning",
    text: "no primary node was found",
    detail: isPointless
      ? "All backend nodes are down."
      : `No usable backend node has been a primary for ${limit} seconds.`,
    hint: "Check the servers, sr_check_user and sr_check_password, or promote a standby.",
  });
  settle(draft);
}

/**
 * The start is over: nodes that have not answered so far are looked at for their own sake, and
 * health checks begin.
 */
export function settle(draft: Draft): void {
  if (draft.isSettled) return;
  draft.isSettled = true;
  draft.verifySilently(draft.usable().filter((node) => node.serverVersion === 0));
  planHealthChecks(draft);
}
