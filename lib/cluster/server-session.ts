import { askValue } from "../pool/ask.ts";
import { ServerRefused, ServerUnreachable } from "../pool/errors.ts";
import { openConnection, type ServerCredentials, type ServerTls } from "../pool/login.ts";
import type { ServerConnection } from "../pool/server-connection.ts";
import type { ProbeFailure } from "./facts.ts";
import { errorOutcome } from "./ping.ts";
import type { Endpoint } from "./socket.ts";

/** As whom and how pgpool itself logs in to a server. */
export interface ProbeIdentity {
  readonly user: string;
  readonly database: string;
  readonly credentials: ServerCredentials;
  /** Undefined without TLS. */
  readonly tls: ServerTls | undefined;
}

/** Milliseconds that a probe may take. */
export interface ProbeLimits {
  /** For the connection alone. */
  readonly connect: number;
  /** For everything. */
  readonly total: number;
}

/** Milliseconds beyond its deadline after which a server is to cancel a question of pgpool's own. */
const STATEMENT_MARGIN = 1000;

/**
 * Logs in to a server.
 * @throws {ServerUnreachable | ServerRefused} as `failureOf` reads them
 */
export async function openSession(
  endpoint: Endpoint,
  identity: ProbeIdentity,
  limits: ProbeLimits,
): Promise<ServerConnection> {
  const { user, database, credentials, tls } = identity;
  const total = Math.max(1, Math.ceil(limits.total));
  const login = openConnection(
    {
      node: 0,
      host: endpoint.hostname || "/tmp",
      port: endpoint.port,
      connectTimeoutMs: Math.max(1, Math.min(Math.ceil(limits.connect), total)),
      loginTimeoutMs: total,
      tls,
    },
    {
      user,
      database,
      minor: 0,
      options: [["statement_timeout", String(total + STATEMENT_MARGIN)]],
    },
    "pgpool",
    credentials,
    () => Promise.resolve(credentials),
  ).then(({ connection }) => connection);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      // One that comes about after all is of no use to anybody.
      login.then((connection) => connection.stream.destroy(), () => {});
      reject(new ServerUnreachable(0, "no-answer", "the login took too long"));
    }, total);
  });
  try {
    return await Promise.race([login, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks one question that has one value. @throws {ServerUnreachable | ServerRefused} */
export async function askSession(
  session: ServerConnection,
  question: string,
  deadline: number,
): Promise<string | null> {
  return await askValue(session, question, Math.max(1, Math.ceil(deadline)));
}

/** What a failed login or question says about the server; throws what is no such failure. */
export function failureOf(error: unknown): ProbeFailure {
  if (error instanceof ServerRefused) {
    return errorOutcome(error.fields.sqlstate, error.fields.message);
  }
  if (!(error instanceof ServerUnreachable)) throw error;
  switch (error.reason) {
    case "refused":
      return { kind: "refused", code: "ECONNREFUSED" };
    case "connect-timeout":
      return { kind: "connect-timeout" };
    case "network":
      return { kind: "unreachable", code: error.message };
    case "no-answer":
      return { kind: "timeout" };
    case "closed":
      return { kind: "lost", code: "closed" };
    case "tls":
      return { kind: "tls-failed", message: error.message };
    case "not-postgresql":
      return { kind: "not-postgresql" };
  }
}
