import * as frontend from "../../support/frontend.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { type BackendMessage, errorFields, rowValues } from "../../support/transcript.ts";
import { rowsOf, valueOf } from "../support/nodes.ts";

const WHERE = "SELECT current_setting('port')";
const WRITE = "INSERT INTO t VALUES (1) RETURNING current_setting('port')";

/** More than all buffers between a server and a client that does not read. */
const LONG_COPY =
  "COPY (SELECT current_setting('port') || repeat(' ', 20000) FROM generate_series(1, 2000)) TO STDOUT";
const COPIED_ROWS = 2000;

/** What a client is in the middle of, and how it would go on. */
export interface ClientState {
  /** Gives the port of the server that answered. */
  begin(client: RawClient): Promise<string | null>;
  /** Ends what was begun, without an error. Gives the port of the server that answered. */
  end(client: RawClient): Promise<string | null>;
}

/** States of clients, of those on the primary first. Reads go to the standby. */
export const CLIENT_STATES = {
  "idle after a write": {
    begin: (client) => valueOf(client, WRITE),
    end: (client) => valueOf(client, WRITE),
  },
  "in a transaction that has written": {
    begin: beginWriting,
    end: async (client) => {
      const port = await valueOf(client, WRITE);
      await rowsOf(client, "COMMIT");
      return port;
    },
  },
  "in a pipeline that writes": pipeline(WRITE),
  "in COPY IN": {
    begin: async (client) => {
      const port = await beginWriting(client);
      client.send(frontend.query("COPY t FROM STDIN"));
      await client.readUntil("G");
      client.send(frontend.copyData("1\n"));
      return port;
    },
    end: async (client) => {
      client.send(frontend.copyData("2\n"), frontend.copyDone);
      failOnError(await client.readUntil("Z"));
      const port = await valueOf(client, WHERE);
      await rowsOf(client, "COMMIT");
      return port;
    },
  },
  "in COPY OUT of the primary": {
    begin: async (client) => {
      await beginWriting(client);
      return await beginCopyOut(client);
    },
    end: endCopyOut,
  },
  "idle after a read": {
    begin: (client) => valueOf(client, WHERE),
    end: (client) => valueOf(client, WHERE),
  },
  "in a transaction that has read": {
    begin: async (client) => {
      await rowsOf(client, "BEGIN");
      return await valueOf(client, WHERE);
    },
    end: async (client) => {
      const port = await valueOf(client, WHERE);
      await rowsOf(client, "COMMIT");
      return port;
    },
  },
  "in a pipeline that reads": pipeline(WHERE),
  "in COPY OUT of the standby": {
    begin: beginCopyOut,
    end: endCopyOut,
  },
} satisfies Record<string, ClientState>;

export type StateName = keyof typeof CLIENT_STATES;

async function beginWriting(client: RawClient): Promise<string | null> {
  await rowsOf(client, "BEGIN");
  return await valueOf(client, WRITE);
}

/** Has the answer to the first statement and is about to send the second. */
function pipeline(sql: string): ClientState {
  return {
    begin: async (client) => {
      client.send(frontend.parse(sql, "s"), frontend.bind({ statement: "s" }), frontend.execute());
      client.send(frontend.flush);
      return onlyValue(await client.readUntil("CE"));
    },
    end: async (client) => {
      client.send(frontend.bind({ statement: "s" }), frontend.execute(), frontend.sync);
      return onlyValue(await client.readUntil("Z"));
    },
  };
}

/** A client that stops reading in the middle of much data. */
async function beginCopyOut(client: RawClient): Promise<string | null> {
  client.send(frontend.query(LONG_COPY));
  const row = (await client.readUntil("d")).at(-1);
  client.pause();
  return row?.body.toString().trim() ?? null;
}

async function endCopyOut(client: RawClient): Promise<string | null> {
  client.resume();
  const messages = await client.readUntil("Z", 20_000);
  failOnError(messages);
  const rows = messages.filter(({ type }) => type === "d");
  // The first row was read at the beginning.
  if (rows.length !== COPIED_ROWS - 1) throw new Error(`${rows.length} rows instead of all`);
  return rows[0]?.body.toString().trim() ?? null;
}

function onlyValue(messages: readonly BackendMessage[]): string | null {
  failOnError(messages);
  return messages.filter(({ type }) => type === "D").map(rowValues)[0]?.[0] ?? null;
}

function failOnError(messages: readonly BackendMessage[]): void {
  const error = messages.find(({ type }) => type === "E");
  if (error !== undefined) throw new Error(JSON.stringify(errorFields(error)));
}
