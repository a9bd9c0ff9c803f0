import type { ServerConnection } from "../pool/server-connection.ts";
import type { PingOutcome, ProbeOutcome } from "./facts.ts";
import { ping } from "./ping.ts";
import { AnswerError, FACTS_QUESTION, readFacts } from "./question.ts";
import { LsnError } from "./lsn.ts";
import {
  askSession,
  failureOf,
  openSession,
  type ProbeIdentity,
  type ProbeLimits,
} from "./server-session.ts";
import type { Endpoint } from "./socket.ts";

/** Asks servers about themselves. Every call ends within its deadline (milliseconds). */
export interface Probe {
  /** Role, position and replication of a node, over a connection kept open between checks. */
  facts(node: number, endpoint: Endpoint, deadline: number): Promise<ProbeOutcome>;
  /** The same over a connection of its own. */
  freshFacts(endpoint: Endpoint, deadline: number): Promise<ProbeOutcome>;
  /** Whether the server takes connections. */
  ping(endpoint: Endpoint, deadline: number): Promise<PingOutcome>;
  /** Whether the server lets the user of the node's health check in. */
  login(node: number, endpoint: Endpoint, limits: ProbeLimits): Promise<PingOutcome>;
  /** Closes what is kept open to a node; a question for its facts that is under way ends at once. */
  release(node: number): Promise<void>;
  /** Closes everything. */
  close(): Promise<void>;
}

/** Who asks; looked up for each new connection, so that a reload takes effect. */
export interface ProbeIdentities {
  /** For roles and delays (sr_check_user). */
  readonly check: () => ProbeIdentity;
  /** For the health check of a node. A database left empty means postgres, or else template1. */
  readonly health: (node: number) => ProbeIdentity;
}

/** SQLSTATE of a database that does not exist. */
const NO_DATABASE = "3D000";

interface Kept {
  readonly session: ServerConnection;
  readonly endpoint: Endpoint;
}

/** A probe over real sockets. */
export function createProbe(identities: ProbeIdentities): Probe {
  const kept = new Map<number, Kept>();
  /** Makes a question under way end, by node. */
  const giveUps = new Map<number, () => void>();

  const drop = (node: number): void => {
    kept.get(node)?.session.close();
    kept.delete(node);
  };

  const release = (node: number): Promise<void> => {
    giveUps.get(node)?.();
    drop(node);
    return Promise.resolve();
  };

  /** @param isWanted whether a connection that came about is still to be kept */
  const askKept = async (
    node: number,
    endpoint: Endpoint,
    deadline: number,
    isWanted: () => boolean,
  ): Promise<ProbeOutcome> => {
    const until = performance.now() + deadline;
    const before = kept.get(node);
    if (before !== undefined && isSamePlace(before.endpoint, endpoint)) {
      const outcome = await ask(before.session, deadline);
      if (outcome.kind === "ok") return outcome;
      // It may only be a left-over of a server that has been restarted: another try is made.
      kept.delete(node);
      before.session.stream.destroy();
      if (outcome.kind === "timeout" || !isWanted()) return outcome;
    } else {
      drop(node);
    }
    const opened = await openAndAsk(endpoint, identities.check(), until - performance.now());
    if (opened.session !== null) {
      if (isWanted()) kept.set(node, { session: opened.session, endpoint });
      else opened.session.close();
    }
    return opened.outcome;
  };

  return {
    async facts(node, endpoint, deadline) {
      const { promise: givenUp, resolve } = Promise.withResolvers<ProbeOutcome>();
      let isWanted = true;
      const giveUp = () => {
        isWanted = false;
        resolve({ kind: "lost", code: "released" });
      };
      giveUps.set(node, giveUp);
      try {
        return await Promise.race([askKept(node, endpoint, deadline, () => isWanted), givenUp]);
      } finally {
        if (giveUps.get(node) === giveUp) giveUps.delete(node);
      }
    },

    async freshFacts(endpoint, deadline) {
      const { outcome, session } = await openAndAsk(endpoint, identities.check(), deadline);
      session?.close();
      return outcome;
    },

    ping(endpoint, deadline) {
      const { user, database } = identities.check();
      return ping(endpoint, { user: user || "pgpool", database }, deadline);
    },

    async login(node, endpoint, limits) {
      const identity = identities.health(node);
      if (identity.user === "") {
        return await ping(endpoint, { user: "pgpool", database: "postgres" }, limits.total);
      }
      const until = performance.now() + limits.total;
      const database = identity.database || "postgres";
      const outcome = await logIn(endpoint, { ...identity, database }, limits);
      const isMissing = outcome.kind === "failed" && outcome.code === NO_DATABASE;
      if (!isMissing || identity.database !== "") return outcome;
      const left = { ...limits, total: until - performance.now() };
      return await logIn(endpoint, { ...identity, database: "template1" }, left);
    },

    release,

    async close() {
      await Promise.all([...kept.keys(), ...giveUps.keys()].map(release));
    },
  };
}

function isSamePlace(a: Endpoint, b: Endpoint): boolean {
  return a.hostname === b.hostname && a.port === b.port;
}

async function logIn(
  endpoint: Endpoint,
  identity: ProbeIdentity,
  limits: ProbeLimits,
): Promise<PingOutcome> {
  try {
    const session = await openSession(endpoint, identity, limits);
    session.close();
    return { kind: "answers" };
  } catch (error) {
    return failureOf(error);
  }
}

/** A session that answered is handed over open; every other one is closed. */
async function openAndAsk(
  endpoint: Endpoint,
  identity: ProbeIdentity,
  deadline: number,
): Promise<{ outcome: ProbeOutcome; session: ServerConnection | null }> {
  if (identity.user === "") {
    const message = "no user is configured for the replication check";
    return { outcome: { kind: "failed", code: "no user", message }, session: null };
  }
  const until = performance.now() + deadline;
  let session: ServerConnection;
  try {
    session = await openSession(endpoint, identity, { connect: deadline, total: deadline });
  } catch (error) {
    return { outcome: failureOf(error), session: null };
  }
  const outcome = await ask(session, until - performance.now());
  if (outcome.kind === "ok") return { outcome, session };
  session.stream.destroy();
  return { outcome, session: null };
}

async function ask(session: ServerConnection, deadline: number): Promise<ProbeOutcome> {
  try {
    const answer = await askSession(session, FACTS_QUESTION, deadline);
    return { kind: "ok", facts: readFacts(answer) };
  } catch (error) {
    if (error instanceof AnswerError || error instanceof LsnError) {
      return { kind: "failed", code: "malformed answer", message: error.message };
    }
    return failureOf(error);
  }
}
