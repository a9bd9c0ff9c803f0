import type { BackendSettings } from "./settings.ts";

/** What commands are told of a backend node. */
export type CommandNode = Pick<BackendSettings, "id" | "hostname" | "port" | "dataDirectory">;

/** What failover_command, failback_command and follow_primary_command are told. */
export interface CommandValues {
  /** The node that went down, came back, or has to follow. */
  readonly node: CommandNode;
  /** The new main node; follow_primary_command: the new primary. Null when there is none. */
  readonly newMain: CommandNode | null;
  /** Id of the old main node; follow_primary_command: of the old primary. -1 when there was none. */
  readonly oldMain: number;
  /** Null when there was none. */
  readonly oldPrimary: CommandNode | null;
}

/** The values by the letter of their placeholder (behaviour.md 11). */
export function placeholders(values: CommandValues): ReadonlyMap<string, string> {
  const { node, newMain, oldMain, oldPrimary } = values;
  return new Map([
    ["d", String(node.id)],
    ["h", node.hostname],
    ["p", String(node.port)],
    ["D", node.dataDirectory],
    ["m", String(newMain?.id ?? -1)],
    ["H", newMain?.hostname ?? ""],
    ["r", String(newMain?.port ?? "")],
    ["R", newMain?.dataDirectory ?? ""],
    ["M", String(oldMain)],
    ["P", String(oldPrimary?.id ?? -1)],
    ["N", oldPrimary?.hostname ?? ""],
    ["S", String(oldPrimary?.port ?? "")],
  ]);
}

/** The same values as environment variables. @param command name of the parameter */
export function environment(command: string, values: CommandValues): Record<string, string> {
  const { node, newMain, oldMain, oldPrimary } = values;
  return {
    PGPOOL_COMMAND: command,
    PGPOOL_NODE_ID: String(node.id),
    PGPOOL_NODE_HOST: node.hostname,
    PGPOOL_NODE_PORT: String(node.port),
    PGPOOL_NODE_DATA_DIRECTORY: node.dataDirectory,
    PGPOOL_NEW_MAIN_ID: String(newMain?.id ?? -1),
    PGPOOL_NEW_MAIN_HOST: newMain?.hostname ?? "",
    PGPOOL_NEW_MAIN_PORT: String(newMain?.port ?? ""),
    PGPOOL_NEW_MAIN_DATA_DIRECTORY: newMain?.dataDirectory ?? "",
    PGPOOL_OLD_MAIN_ID: String(oldMain),
    PGPOOL_OLD_PRIMARY_ID: String(oldPrimary?.id ?? -1),
    PGPOOL_OLD_PRIMARY_HOST: oldPrimary?.hostname ?? "",
    PGPOOL_OLD_PRIMARY_PORT: String(oldPrimary?.port ?? ""),
  };
}

/** The same values as one line of JSON. @param command name of the parameter */
export function commandJson(command: string, values: CommandValues): string {
  return JSON.stringify({
    command,
    node: nodeJson(values.node),
    new_main: nodeJson(values.newMain),
    old_main_id: values.oldMain,
    old_primary: nodeJson(values.oldPrimary),
  }) + "\n";
}

function nodeJson(node: CommandNode | null) {
  if (node === null) return null;
  const { id, hostname, port, dataDirectory } = node;
  return { id, host: hostname, port, data_directory: dataDirectory };
}
