import type { Pgpool } from "../../support/pgpool.ts";
import * as frontend from "../../support/frontend.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { type LoginOptions, RawClient } from "../../support/raw-client.ts";
import { waitFor } from "../../support/wait.ts";
import { type BackendMessage, errorFields, rowValues } from "../../support/transcript.ts";

/** Logs in to a pgpool, as the superuser in the database postgres unless told otherwise. */
export async function logIn(
  pgpool: Pgpool,
  options: Partial<LoginOptions> = {},
): Promise<RawClient> {
  const { port } = pgpool;
  return await RawClient.login({ port, user: SUPERUSER, database: "postgres", ...options });
}

/**
 * Runs a simple query and gives what each node was sent for it, in order, as
 * notice_per_node_statement tells: `0: BEGIN`. The statement itself is left out of the lines:
 * `0` alone says that the node got the client's own text.
 */
export async function sentTo(client: RawClient, sql: string): Promise<string[]> {
  client.send(frontend.query(sql));
  return notedNodes(await client.readUntil("Z"), sql);
}

/** Runs several queries and gives the nodes that each went to, joined: `["01", "1"]`. */
export async function nodesOf(client: RawClient, ...queries: readonly string[]): Promise<string[]> {
  const nodes: string[] = [];
  for (const sql of queries) nodes.push((await sentTo(client, sql)).join(""));
  return nodes;
}

/** The notices of notice_per_node_statement among messages. */
export function notedNodes(messages: readonly BackendMessage[], sql: string): string[] {
  const notes: string[] = [];
  for (const message of messages) {
    if (message.type !== "N") continue;
    const note = /^DB node id: (\d+) statement: (.*)$/s.exec(errorFields(message).M ?? "");
    if (note !== null) notes.push(note[2] === sql ? note[1] : `${note[1]}: ${note[2]}`);
  }
  return notes;
}

/** Runs a simple query and gives its rows; throws what the server complains of. */
export async function rowsOf(client: RawClient, sql: string): Promise<(string | null)[][]> {
  client.send(frontend.query(sql));
  const messages = await client.readUntil("Z");
  const error = messages.find(({ type }) => type === "E");
  if (error !== undefined) {
    const { C: code, M: text } = errorFields(error);
    throw new SqlError(code ?? "", text ?? "");
  }
  return messages.filter(({ type }) => type === "D").map(rowValues);
}

/** Status and role of all nodes: `up primary, down standby, up standby`; waiting is up. */
export async function statesOf(pgpool: Pgpool): Promise<string> {
  using client = await logIn(pgpool);
  const rows = await rowsOf(client, "SHOW POOL_NODES");
  return rows.map((row) => `${row[3] === "waiting" ? "up" : row[3]} ${row[6]}`).join(", ");
}

/** Waits until all nodes have these states, as {@link statesOf} gives them. */
export async function waitForStates(pgpool: Pgpool, wanted: string): Promise<void> {
  await waitFor(async () => await statesOf(pgpool) === wanted, {
    what: wanted,
    deadlineMs: 20_000,
  });
}

/** The one value that a query gives. */
export async function valueOf(client: RawClient, sql: string): Promise<string | null> {
  return (await rowsOf(client, sql))[0]?.[0] ?? null;
}

/** The SQLSTATE that a query fails with. */
export async function failureOf(client: RawClient, sql: string): Promise<string> {
  try {
    await rowsOf(client, sql);
  } catch (error) {
    if (error instanceof SqlError) return error.sqlState;
    throw error;
  }
  return "";
}

/** A query has failed. */
export class SqlError extends Error {
  override readonly name = "SqlError";

  constructor(readonly sqlState: string, text: string) {
    super(`${sqlState}: ${text}`);
  }
}
