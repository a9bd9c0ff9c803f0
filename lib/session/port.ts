import type { AdminTable, NodeComplaint } from "../process/messages.ts";
import type { ServerParameters } from "../pool/server-parameters.ts";
import type { PgpoolCommand } from "../sql/pgpool-commands.ts";
import type { ErrorFields } from "../wire/build.ts";

/** What a session does to the world. The session itself does no I/O. */
export interface SessionPort {
  /** Queues bytes for the client. */
  toClient(bytes: Uint8Array): void;
  /** Closes the client's connection when what is queued has been sent. */
  endClient(): void;
  /** No more client bytes are wanted for now: the session waits for something named. */
  pauseClient(): void;
  resumeClient(): void;
  /** Asks for a connection to a node; answered by serverOpened or serverUnavailable. */
  openServer(node: number): void;
  /** Has pgpool carry out one of its own commands; answered by commandDone. */
  runCommand(command: PgpoolCommand): void;
  /** Asks which node a server process belongs to; answered by backendLocated. */
  locateBackend(pid: number): void;
  /** Idle connections of all workers are to be closed: they are in the way of a command. */
  closeIdleConnections(): void;
  /** While the gate is closed: nothing runs in this session any more. */
  settled(): void;
  complain(node: number, complaint: NodeComplaint, detail: string): void;
  /** Counts a statement of the given kind sent to a node. */
  countStatement(node: number, kind: StatisticsKind): void;
  /** Counts an error of the given severity that a node reported. */
  countError(node: number, severity: "error" | "fatal" | "panic"): void;
  /** Counts how long a node took for a statement, or for all up to a Sync, that the client sees. */
  statementTook(node: number, milliseconds: number): void;
  /** Milliseconds that only grow, from any beginning. */
  clock(): number;
  /** Writes a message to the log in the name of the session. */
  log(
    severity: "log" | "debug1" | "warning",
    text: string,
    detail?: string,
    context?: string,
  ): void;
}

/** Statement kinds of SHOW POOL_BACKEND_STATS (sql-interface.md 6). */
export type StatisticsKind = "select" | "insert" | "update" | "delete" | "ddl" | "other";

/** A connection to a server as the session uses it. */
export interface ServerLink {
  readonly node: number;
  /** Process id of the server's backend. */
  readonly pid: number;
  /** Parameters the server has reported. */
  readonly parameters: Pick<ServerParameters, "get" | "set">;
  write(bytes: Uint8Array): void;
  /**
   * Gives the link back. `untouched`: nothing was asked of it; `used`: to be reset before the next
   * client gets it; `broken`: to be closed.
   */
  release(state: "untouched" | "used" | "broken"): void;
}

/** Outcome of a command that pgpool itself answers. */
export type CommandResult =
  | { tag: string; table?: AdminTable; notices?: readonly ErrorFields[] }
  | { error: ErrorFields };

/** Why a node could not be connected to. */
export interface ServerUnavailable {
  readonly error: ErrorFields;
  /** The supervisor is going to find out whether the node is still there. */
  readonly isVerdictDue: boolean;
}

export type { AdminTable, ErrorFields };
