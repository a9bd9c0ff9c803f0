import type { Socket } from "node:net";
import postgres from "postgres";
import type { NodeFacts, PingOutcome, ProbeOutcome } from "./facts.ts";
import { errorOutcome, ping } from "./ping.ts";
import { FACTS_QUESTION, readFacts } from "./question.ts";
import { ConnectError, type Endpoint, errorCode, isLocal, openSocket } from "./socket.ts";

/** As whom and how a probe asks. */
export interface ProbeIdentity {
  readonly user: string;
  readonly database: string;
  /** Asked each time a connection is opened. */
  readonly password: () => string | Promise<string>;
  /** Use TLS when the server offers it. */
  readonly ssl: boolean;
}

/** Asks servers about themselves. Every call ends within its deadline (milliseconds). */
export interface Probe {
  /** Role, position and replication of a node, over a connection kept open between checks. */
  facts(node: number, endpoint: Endpoint, deadline: number): Promise<ProbeOutcome>;
  /** The same over a connection of its own. */
  freshFacts(endpoint: Endpoint, deadline: number): Promise<ProbeOutcome>;
  /** Whether the server takes connections. */
  ping(endpoint: Endpoint, deadline: number): Promise<PingOutcome>;
  /** Closes what is kept open to a node. */
  release(node: number): Promise<void>;
  /** Closes everything. */
  close(): Promise<void>;
}

interface KeptConnection {
  readonly sql: postgres.Sql;
  readonly socket: Socket;
}

/** Seconds within which an idle connection must be closed in order. */
const END_DEADLINE = 1;

/**
 * A probe over real sockets.
 * @param identity asked for each new connection, so that a reload takes effect
 */
export function createProbe(identity: () => ProbeIdentity): Probe {
  const kept = new Map<number, KeptConnection & { readonly endpoint: Endpoint }>();
  let isClosed = false;

  const release = async (node: number): Promise<void> => {
    const connection = kept.get(node);
    kept.delete(node);
    if (connection !== undefined) await end(connection);
  };

  return {
    async facts(node, endpoint, deadline) {
      const until = performance.now() + deadline;
      const before = kept.get(node);
      if (before !== undefined && isSamePlace(before.endpoint, endpoint)) {
        const outcome = await ask(before.sql, deadline);
        if (outcome.kind === "ok") return outcome;
        // It may only be a left-over of a server that has been restarted: another try is made.
        kept.delete(node);
        await abandon(before);
        if (outcome.kind === "timeout") return outcome;
      } else {
        await release(node);
      }
      const opened = await openAndAsk(endpoint, identity(), until - performance.now());
      // A check may still be under way when everything is closed.
      if (opened.connection !== null) {
        if (isClosed) await end(opened.connection);
        else kept.set(node, { ...opened.connection, endpoint });
      }
      return opened.outcome;
    },

    async freshFacts(endpoint, deadline) {
      const opened = await openAndAsk(endpoint, identity(), deadline);
      if (opened.connection !== null) await end(opened.connection);
      return opened.outcome;
    },

    ping: (endpoint, deadline) => ping(endpoint, pingIdentity(identity()), deadline),

    release,

    async close() {
      isClosed = true;
      await Promise.all([...kept.keys()].map(release));
    },
  };
}

function pingIdentity(identity: ProbeIdentity): { user: string; database: string } {
  return { user: identity.user || "pgpool", database: identity.database };
}

function isSamePlace(a: Endpoint, b: Endpoint): boolean {
  return a.hostname === b.hostname && a.port === b.port;
}

/** A connection that answered is handed over open; every other one is closed. */
async function openAndAsk(
  endpoint: Endpoint,
  identity: ProbeIdentity,
  deadline: number,
): Promise<{ outcome: ProbeOutcome; connection: KeptConnection | null }> {
  const until = performance.now() + deadline;
  const greeting = await ping(endpoint, pingIdentity(identity), deadline);
  // A server that refuses the ping, which has no TLS, may well take the check.
  if (greeting.kind !== "answers" && greeting.kind !== "auth-failed") {
    return { outcome: greeting, connection: null };
  }
  if (identity.user === "") {
    const message = "no user is configured for the replication check";
    return { outcome: { kind: "failed", code: "no user", message }, connection: null };
  }
  let socket: Socket;
  try {
    socket = await openSocket(endpoint, until - performance.now());
  } catch (error) {
    if (error instanceof ConnectError) return { outcome: error.failure, connection: null };
    throw error;
  }
  const connection = { sql: client(socket, endpoint, identity, deadline), socket };
  const outcome = await Promise.race([
    ask(connection.sql, until - performance.now()),
    hangUp(socket),
  ]);
  if (outcome.kind === "ok") return { outcome, connection };
  await abandon(connection);
  return { outcome, connection: null };
}

/**
 * The client on a socket that is open already. It would open others for ever once this one is
 * gone; the second call is refused instead.
 */
function client(
  socket: Socket,
  endpoint: Endpoint,
  identity: ProbeIdentity,
  deadline: number,
): postgres.Sql {
  let isHandedOut = false;
  const options = {
    host: endpoint.hostname || "/tmp",
    port: endpoint.port,
    user: identity.user,
    database: identity.database,
    // A function even when empty, so that the environment's PGPASSWORD is never taken.
    password: identity.password,
    ssl: identity.ssl && !isLocal(endpoint) ? "prefer" as const : false,
    max: 1,
    connect_timeout: Math.max(1, Math.ceil(deadline / 1000)),
    idle_timeout: 0,
    max_lifetime: null,
    keep_alive: 60,
    fetch_types: false,
    prepare: false,
    onnotice: () => {},
    connection: {
      application_name: "pgpool",
      statement_timeout: Math.max(1, Math.ceil(deadline)),
    },
    socket() {
      if (isHandedOut) throw new ConnectError({ kind: "lost", code: "closed" });
      isHandedOut = true;
      return socket;
    },
  };
  return postgres(options);
}

/** Milliseconds that what came before the end of a connection has to be read. */
const LAST_WORDS = 100;

/** Settles when the server hangs up, which the client does not see before it has begun. */
function hangUp(socket: Socket): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const report = () => {
      setTimeout(() => resolve({ kind: "lost", code: "closed" }), LAST_WORDS).unref();
    };
    if (socket.destroyed) report();
    else socket.once("close", report);
  });
}

async function ask(sql: postgres.Sql, deadline: number): Promise<ProbeOutcome> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<ProbeOutcome>((resolve) => {
    timer = setTimeout(() => resolve({ kind: "timeout" }), Math.max(0, deadline));
  });
  const answer = questionFacts(sql).then(
    (facts): ProbeOutcome => ({ kind: "ok", facts }),
    failureOf,
  );
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function questionFacts(sql: postgres.Sql): Promise<NodeFacts> {
  const rows = await sql.unsafe(FACTS_QUESTION);
  return readFacts(rows[0]?.answer);
}

function failureOf(error: unknown): ProbeOutcome {
  if (error instanceof ConnectError) return error.failure;
  if (error instanceof postgres.PostgresError) {
    return errorOutcome(error.code, error.message);
  }
  const code = errorCode(error);
  if (code === "CONNECT_TIMEOUT") return { kind: "timeout" };
  if (code === "unknown") {
    const message = error instanceof Error ? error.message : "unknown error";
    return { kind: "failed", code, message };
  }
  return { kind: "lost", code };
}

/** The client keeps reconnecting unless it is told to end, and waits for ever unless limited. */
async function end({ sql, socket }: KeptConnection): Promise<void> {
  await sql.end({ timeout: END_DEADLINE });
  socket.destroy();
}

/** Ends a connection that does not answer: nothing more is said or waited for. */
async function abandon({ sql, socket }: KeptConnection): Promise<void> {
  socket.destroy();
  await sql.end({ timeout: 0 });
}
