import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { LogEntry } from "./effects.ts";
import { type ClusterNode, isUsableNode } from "./node.ts";

/** One line of pgpool_status; `unknown` when the line is none of the words. */
export type StatusHint = "up" | "down" | "unused" | "unknown";

/** The status file could not be read or written. */
export class StatusFileError extends Error {
  override readonly name = "StatusFileError";
}

/** Where the states of the nodes survive a restart (reference commands.md 8, pgpool_status). */
export interface StatusFile {
  /** What the last run left; empty when there is nothing to go by. */
  load(): Promise<{ readonly hints: readonly StatusHint[]; readonly notes: readonly LogEntry[] }>;
  /**
   * Writes the states so that a crash leaves the old or the new file, never half of one.
   * @returns what to tell the operator
   * @throws StatusFileError
   */
  save(nodes: readonly ClusterNode[]): Promise<readonly LogEntry[]>;
}

/** Reads the lines, one a slot, blanks and case ignored. */
export function parseStatus(text: string): StatusHint[] {
  const lines = text.split("\n");
  if (lines.at(-1)?.trim() === "") lines.pop();
  return lines.map((line) => {
    const word = line.trim().toLowerCase();
    return word === "up" || word === "down" || word === "unused" ? word : "unknown";
  });
}

/**
 * The lines to write: waiting and up are both `up`.
 * @returns null when every node is down, because such a file would help nobody
 */
export function formatStatus(nodes: readonly ClusterNode[]): string | null {
  if (!nodes.some(isUsableNode)) return null;
  return nodes.map((node) => `${statusWord(node)}\n`).join("");
}

/**
 * The file at `path`.
 * @param discard throw away what the last run left (`-D`)
 */
export function statusFile(path: string, discard: boolean): StatusFile {
  return {
    async load() {
      if (discard) {
        await removeFile(path);
        return { hints: [], notes: [log(`Backend status file ${path} discarded`)] };
      }
      const text = await readIfThere(path);
      if (text === null) {
        return { hints: [], notes: [log(`Backend status file ${path} does not exist`)] };
      }
      const hints = parseStatus(text);
      const notes = hints.flatMap((hint, id) => hint === "unknown" ? [] : [hintNote(id, hint)]);
      return { hints, notes };
    },

    async save(nodes) {
      const text = formatStatus(nodes);
      if (text === null) {
        return [{
          severity: "warning",
          text: "All the DB nodes are in down status and skip writing status file.",
        }];
      }
      await replaceFile(path, text);
      return [];
    },
  };
}

function statusWord(node: ClusterNode): "up" | "down" | "unused" {
  switch (node.status) {
    case "up":
    case "waiting":
      return "up";
    case "down":
    case "quarantine":
      return "down";
    case "unused":
      return "unused";
  }
}

function log(text: string): LogEntry {
  return { severity: "log", text };
}

function hintNote(id: number, hint: StatusHint): LogEntry {
  return log(`reading status file: ${id} th backend is set to ${hint} status`);
}

async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (cause) {
    throw new StatusFileError(`could not remove status file "${path}"`, { cause });
  }
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw new StatusFileError(`could not read status file "${path}"`, { cause });
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  try {
    await writeDurably(draft, text);
    await rename(draft, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    throw new StatusFileError(`could not write status file "${path}"`, { cause });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, "w", 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
