import type { Gate } from "./gate.ts";

/** The clients that were there have not all left. */
export class ClientsStayError extends Error {
  override readonly name = "ClientsStayError";
}

/**
 * Makes new clients wait, and waits until those that are there have left
 * (client_idle_limit_in_recovery may hasten that).
 *
 * @param milliseconds how long they may take.
 * @returns what lets new clients in when it is disposed of.
 * @throws {ClientsStayError} new clients are let in again, and nobody was disturbed.
 * @throws {GateBusyError}
 */
export async function withoutClients(gate: Gate, milliseconds: number): Promise<Disposable> {
  const closed = gate.close("clients");
  const quiet = await closed.quiet(milliseconds);
  if (quiet === "quiet") return closed;
  closed[Symbol.dispose]();
  throw new ClientsStayError(
    quiet === "stopped"
      ? "pgpool stops"
      : `clients did not leave within ${milliseconds / 1000} seconds`,
  );
}
