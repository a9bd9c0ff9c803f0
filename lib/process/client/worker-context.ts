import type { ClusterSnapshot } from "../../cluster/types.ts";
import type { Config } from "../../config/config.ts";
import type { Logger } from "../../log/log.ts";
import type { ServerAddress } from "../../pool/login.ts";
import type { Pool } from "../../pool/pool.ts";
import type { ServerConnection } from "../../pool/server-connection.ts";
import type { CommandResult } from "../../session/port.ts";
import type { SessionOptions } from "../../session/session.ts";
import type { PgpoolCommand } from "../../sql/pgpool-commands.ts";
import type { AdminSession, AdminTable, NodeComplaint, ServerConnectionInfo } from "../messages.ts";
import type { SharedFigures } from "../statistics/figures.ts";
import type { Client } from "./client.ts";
import type { WorkerGate } from "./worker-gate.ts";

/** What clients tell and ask the supervisor. */
export interface SupervisorPort {
  /** A node is not well; the verdict comes as a snapshot. */
  complain(node: number, complaint: NodeComplaint, detail: string, generation: number): void;
  /** A client connection has reached the node. */
  nodeUsed(node: number): void;
  /** A cancel request whose session is none of this worker's; the key is hexadecimal. */
  passCancel(pid: number, key: string): void;
  /** What the gate waits for has ended in this worker. */
  gateQuiet(closing: number): void;
  /** Has the other workers close their idle server connections. */
  closeIdle(): void;
  /** Has the supervisor answer a SHOW command. @throws {ProcessError} */
  askAdmin(view: string, session: AdminSession): Promise<AdminTable>;
  /** Node of a server process that some worker is connected to, -1 when there is none. */
  locate(pid: number): Promise<number>;
}

/** What a client needs of the worker it is served by. */
export interface WorkerContext {
  readonly logger: Logger;
  readonly pool: Pool;
  readonly figures: SharedFigures;
  /** Clients that have asked for nothing yet, in the order of their login. */
  readonly untouched: Set<Client>;
  readonly config: Config;
  add(client: Client): void;
  /** Milliseconds, read once a second. */
  now(): number;
  snapshot(): ClusterSnapshot;
  address(node: number): ServerAddress;
  sessionOptions(client: Client): SessionOptions;
  poolKey(connection: ServerConnection): string;
  connectionInfo(connection: ServerConnection): ServerConnectionInfo;
  runCommand(command: PgpoolCommand, client: Client): Promise<CommandResult>;
  readonly gate: WorkerGate;
  complain(node: number, complaint: NodeComplaint, detail: string): void;
  /**
   * Complains of a node that could not be connected to, if that is the node's fault. Returns
   * whether it makes sense to wait for a change: the supervisor looks into it, or the server itself
   * says that it is not ready yet.
   */
  complainOf(node: number, error: unknown): boolean;
  /** A client has reached the node. */
  noteUse(node: number): void;
  closeIdleEverywhere(): void;
  /** Node of a server process that pgpool is connected to, -1 when there is none. */
  locateBackend(pid: number): Promise<number>;
  /** The client is gone; may be called more than once. */
  ended(client: Client): void;
}
