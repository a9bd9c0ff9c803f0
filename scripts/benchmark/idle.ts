/** How much memory clients take that are logged in and do nothing. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { query, startupPacket } from "../../lib/wire/build.ts";
import { Frame, FrameReader } from "../../lib/wire/frames.ts";
import { Backend } from "../../lib/wire/protocol.ts";
import { type Pgpool, startPgpool } from "../../tests/support/pgpool.ts";
import { freePort, isListening } from "../../tests/support/ports.ts";
import { SUPERUSER } from "../../tests/support/postgres.ts";
import { ServerProcess } from "../../tests/support/server-process.ts";
import { waitFor, within } from "../../tests/support/wait.ts";
import { type Memory, memory } from "./processes.ts";
import { Unavailable } from "./targets.ts";

const HOST = "127.0.0.1";
/** Clients that log in at the same time. */
const AT_ONCE = 100;
const DEADLINE_MS = 120_000;
/** Connections leave a process's memory in disorder; it is given time to tidy up. */
const SETTLE_MS = 5000;
/** Descriptors that a process needs beside those of clients. */
const OTHER_FILES = 200;

export interface IdleResult {
  readonly clients: number;
  readonly processes: number;
  /** Memory of all of pgpool's processes together: without clients, … */
  readonly before: Memory;
  /** … with all of them logged in, … */
  readonly loggedIn: Memory;
  /** … and after each of them has run a statement, so that each holds a server connection. */
  readonly used: Memory;
}

/** Measures pgpool with idle clients in front of a server that is a stub. */
export async function measureIdle(
  clients: number,
  dir: string,
  say: (text: string) => void,
): Promise<IdleResult> {
  checkDescriptors(clients);
  const server = await startStub(dir);
  try {
    await using pgpool = await startPgpool({
      backends: [{ name: "stub", host: HOST, port: server.port, dataDir: "" }],
      // One server, nothing to be asked of it.
      config: {
        backend_clustering_mode: "raw",
        num_init_children: clients + AT_ONCE,
        max_pool: 1,
        sr_check_period: 0,
      },
    });
    const connections: IdleClient[] = [];
    try {
      return await withClients(pgpool, connections, clients, say);
    } finally {
      for (const connection of connections) connection.end();
    }
  } finally {
    await server.process.kill();
  }
}

async function withClients(
  pgpool: Pgpool,
  connections: IdleClient[],
  clients: number,
  say: (text: string) => void,
): Promise<IdleResult> {
  const settled = async () => {
    await Bun.sleep(SETTLE_MS);
    return memory(pgpool.pids());
  };
  const before = await settled();
  say(`logging ${clients} clients in`);
  await inBatches(clients, async () => {
    const client = new IdleClient();
    connections.push(client);
    await client.logIn(pgpool.port);
  });
  const loggedIn = await settled();
  say("running a statement in each of them");
  const rest = [...connections];
  await inBatches(clients, async () => await rest.pop()?.run("SELECT 1"));
  const used = await settled();
  return { clients, processes: pgpool.pids().length, before, loggedIn, used };
}

/** Does something for every client, for a hundred at a time. */
async function inBatches(count: number, run: () => Promise<void>): Promise<void> {
  let left = count;
  const work = async () => {
    while (left-- > 0) await run();
  };
  await within(Promise.all(Array.from({ length: AT_ONCE }, work)), {
    what: `${count} clients of pgpool to be served`,
    deadlineMs: DEADLINE_MS,
  });
}

/** A client that keeps nothing of what it is told. */
class IdleClient {
  readonly #reader = new FrameReader();
  #socket: Bun.Socket | undefined;
  #ready = Promise.withResolvers<void>();

  async logIn(port: number): Promise<void> {
    const gone = (error?: Error) =>
      this.#ready.reject(new Error("pgpool has closed a connection", { cause: error }));
    this.#socket = await Bun.connect({
      hostname: HOST,
      port,
      socket: {
        data: (_, chunk) => this.#received(chunk),
        close: (_, error) => gone(error),
        error: (_, error) => gone(error),
      },
    });
    await this.#send(startupPacket(0, [["user", SUPERUSER], ["database", "postgres"]]));
  }

  async run(sql: string): Promise<void> {
    this.#ready = Promise.withResolvers();
    await this.#send(query(sql));
  }

  end(): void {
    this.#ready.promise.catch(() => {});
    this.#socket?.terminate();
  }

  async #send(bytes: Uint8Array): Promise<void> {
    this.#socket?.write(bytes);
    await this.#ready.promise;
  }

  #received(chunk: Uint8Array): void {
    const reader = this.#reader;
    reader.feed(chunk);
    for (let frame = reader.next(); frame !== Frame.None; frame = reader.next()) {
      if (reader.type === Backend.ReadyForQuery) this.#ready.resolve();
      if (reader.type === Backend.ErrorResponse) {
        this.#ready.reject(new Error(Buffer.from(chunk).toString("latin1").replaceAll("\0", " ")));
      }
    }
  }
}

async function startStub(dir: string): Promise<{ port: number; process: ServerProcess }> {
  const port = await freePort();
  const stub = new ServerProcess({
    command: [process.execPath, join(import.meta.dir, "stub-server.ts"), String(port)],
    account: null,
    cwd: "/",
    logFile: join(dir, "stub-server.log"),
  });
  await waitFor(() => isListening(port), { what: "the stub of a server to listen" });
  return { port, process: stub };
}

/** @throws {Unavailable} when the processes may not open enough files. */
function checkDescriptors(clients: number): void {
  const [, limit = "0"] = /^Max open files\s+(\d+|unlimited)/m.exec(
    readFileSync("/proc/self/limits", "utf8"),
  ) ?? [];
  // A client has two connections in its worker, and workers do not share clients evenly.
  const share = availableParallelism() > 1 ? 0.75 : 1;
  const needed = Math.ceil(clients * 2 * share) + OTHER_FILES;
  if (limit === "unlimited" || Number(limit) >= needed) return;
  throw new Unavailable(
    `${clients} idle clients need ${needed} open files in a process and ${limit} are allowed: ` +
      `raise the hard limit (as root: prlimit --pid $$ --nofile=${needed}), or ask for fewer ` +
      `with --idle ${Math.floor((Number(limit) - OTHER_FILES) / 2 / share)}`,
  );
}
