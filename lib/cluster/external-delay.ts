import { delayNote } from "./delay.ts";
import type { Draft } from "./draft.ts";
import { isUsableNode } from "./node.ts";

/** Longest delay that is believed, in milliseconds: ten years are a fault of the command's. */
const LONGEST_DELAY = 10 * 365 * 86_400_000;

/**
 * Has replication_delay_source_cmd say how far the standbys are behind, where it is set; it is told
 * host:port of each but the primary, in the order of their ids (release notes of 4.8).
 */
export function askDelays(draft: Draft): void {
  const { replicationDelaySourceCmd: command, replicationDelaySourceTimeout } = draft.settings;
  if (command === "" || draft.settings.srCheckPeriod === 0 || draft.areDelaysAsked) return;
  const nodes = draft.nodes.filter(({ id, status }) => id !== draft.primary && status !== "unused");
  if (draft.primary === -1 || nodes.length === 0) return;
  draft.areDelaysAsked = true;
  draft.effect({
    type: "delay-command",
    command,
    nodes: nodes.map(({ id }) => id),
    replicas: nodes.map(({ hostname, port }) => `${hostname}:${port}`),
    primary: draft.primary,
    deadline: replicationDelaySourceTimeout * 1000,
  });
}

/**
 * The command has answered: a number of milliseconds for each node, -1 for one that is down.
 * @param output null when it failed, which has been logged
 */
export function hearDelays(
  draft: Draft,
  nodes: readonly number[],
  primary: number,
  output: string | null,
): void {
  draft.areDelaysAsked = false;
  if (output === null || primary !== draft.primary) return;
  const words = output.split(/\s+/).filter((word) => word !== "");
  if (words.length !== nodes.length) {
    warn(draft, `${words.length} delays were printed for ${nodes.length} nodes`);
    return;
  }
  nodes.forEach((id, at) => setDelay(draft, id, words[at] ?? ""));
}

function setDelay(draft: Draft, id: number, word: string): void {
  const node = draft.node(id);
  if (node === undefined || !isUsableNode(node)) return;
  const delay = /^-?\d+(\.\d+)?$/.test(word) ? Number(word) : NaN;
  if (delay === -1) {
    if (node.allowToFailover && draft.settings.failoverOnBackendError) draft.verifySilently([node]);
    return;
  }
  const isDelay = delay >= 0 && delay <= LONGEST_DELAY;
  if (!isDelay) warn(draft, `"${word.slice(0, 50)}" is no delay in milliseconds (node ${id})`);
  const figures = { replicationDelay: isDelay ? Math.round(delay * 1000) : 0, delayByTime: true };
  draft.update(id, figures);
  for (const note of delayNote(id, figures, draft.primary, draft.settings)) draft.log(note);
}

function warn(draft: Draft, detail: string): void {
  draft.log({
    process: "sr_check_worker",
    severity: "warning",
    text: "replication_delay_source_cmd gave no valid delays",
    detail,
    hint:
      "It has to print one number of milliseconds for each argument, -1 for a node that is down.",
  });
}
