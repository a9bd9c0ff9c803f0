/** One row of pg_stat_replication as the check's user may see it (NULL becomes empty). */
export interface ReplicaFact {
  readonly applicationName: string;
  readonly state: string;
  readonly syncState: string;
  /** Microseconds, null when PostgreSQL does not tell. */
  readonly replayLag: number | null;
}

/** The row of pg_stat_wal_receiver; empty texts when the check's user may not see it. */
export interface ReceiverFact {
  readonly status: string;
  readonly senderHost: string;
  /** 0 when unknown. */
  readonly senderPort: number;
}

/** What a server says of itself. */
export interface NodeFacts {
  readonly inRecovery: boolean;
  /** server_version_num */
  readonly serverVersion: number;
  /** Written (primary) or replayed (standby) position, null when there is none yet. */
  readonly lsn: bigint | null;
  /** Timeline a primary writes on, null on a standby. */
  readonly timeline: number | null;
  readonly replicas: readonly ReplicaFact[];
  readonly receiver: ReceiverFact | null;
}

/** Why a server could not be asked. `code` is the system's or the server's error code. */
export type ProbeFailure =
  /** Nobody listens. */
  | { readonly kind: "refused"; readonly code: string }
  /** Name resolution, routing or the network failed. */
  | { readonly kind: "unreachable"; readonly code: string }
  /** Nobody answered the attempt to connect: the host is gone, or packets are dropped. */
  | { readonly kind: "connect-timeout" }
  /** Connected, and no answer within the deadline. */
  | { readonly kind: "timeout" }
  /** The connection ended before an answer came. */
  | { readonly kind: "lost"; readonly code: string }
  /** SQLSTATE 57P03: starting up, shutting down or in crash recovery. */
  | { readonly kind: "not-ready"; readonly message: string }
  /** SQLSTATE 57P01 or 57P02: the server is going down. */
  | { readonly kind: "shutting-down" }
  /** Class 28: the server lives but does not let the check's user in. */
  | { readonly kind: "auth-failed"; readonly code: string; readonly message: string }
  /** Any other error of a living server. */
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  /** TLS can not be agreed upon, or the server's certificate is not trusted. */
  | { readonly kind: "tls-failed"; readonly message: string }
  /** Something answers that does not speak the protocol. */
  | { readonly kind: "not-postgresql" }
  /** health_check_test: somebody wants the server to be taken for dead. */
  | { readonly kind: "test-request" };

/** Result of asking a server about itself. */
export type ProbeOutcome = { readonly kind: "ok"; readonly facts: NodeFacts } | ProbeFailure;

/** Result of asking whether a server takes connections (PQping semantics, no authentication). */
export type PingOutcome = { readonly kind: "answers" } | ProbeFailure;

/** What an outcome says about the server's life. */
export type Liveness = "alive" | "not-ready" | "dead";

/**
 * Reads an outcome as a sign of life. A server that refuses a password, has no free connection or
 * no certificate that is trusted lives; one that starts, stops or recovers is not ready; everything else is dead.
 */
export function liveness(outcome: ProbeOutcome | PingOutcome): Liveness {
  switch (outcome.kind) {
    case "ok":
    case "answers":
    case "auth-failed":
    case "tls-failed":
    case "failed":
      return "alive";
    case "not-ready":
    case "shutting-down":
      return "not-ready";
    case "refused":
    case "unreachable":
    case "connect-timeout":
    case "timeout":
    case "lost":
    case "not-postgresql":
    case "test-request":
      return "dead";
  }
}

/** The outcome in words for a log line; never holds a password. */
export function describeOutcome(outcome: ProbeOutcome | PingOutcome): string {
  switch (outcome.kind) {
    case "ok":
    case "answers":
      return "the server answers";
    case "refused":
      return `connection refused (${outcome.code})`;
    case "unreachable":
      return `the server cannot be reached (${outcome.code})`;
    case "connect-timeout":
      return "no answer to the attempt to connect: the host is down or drops packets";
    case "timeout":
      return "the server accepts connections but does not answer";
    case "lost":
      return `the connection ended before an answer came (${outcome.code})`;
    case "not-ready":
      return `the server takes no connections now (57P03): ${outcome.message}`;
    case "shutting-down":
      return "the server is shutting down";
    case "auth-failed":
      return `the server does not let the user in (${outcome.code}): ${outcome.message}`;
    case "failed":
      return `the server reports an error (${outcome.code}): ${outcome.message}`;
    case "tls-failed":
      return `TLS failed: ${outcome.message}`;
    case "not-postgresql":
      return "what answers there is not a PostgreSQL server";
    case "test-request":
      return "backend_down_request asks for it (health_check_test)";
  }
}
