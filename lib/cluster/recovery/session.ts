import { askValue } from "../../pool/ask.ts";
import { openSession, type ProbeIdentity } from "../server-session.ts";
import type { Endpoint } from "../socket.ts";
import type { RecoverySession } from "./recovery.ts";

/** Milliseconds for the login of recovery_user. */
const LOGIN_DEADLINE = 10_000;

/**
 * Logs in to the server that another one is recovered from.
 *
 * @param onNotice gets the notices that the server sends while a statement runs.
 * @throws {ServerRefused | ServerUnreachable}
 */
export async function openRecoverySession(
  endpoint: Endpoint,
  identity: ProbeIdentity,
  onNotice: (text: string) => void,
): Promise<RecoverySession> {
  const limits = { connect: LOGIN_DEADLINE, total: LOGIN_DEADLINE };
  const connection = await openSession(endpoint, identity, limits);
  let isBusy = false;
  return {
    async run(statement, deadline) {
      isBusy = true;
      await askValue(connection, statement, deadline, onNotice);
      isBusy = false;
    },
    close() {
      if (isBusy) connection.stream.destroy();
      else connection.close();
    },
  };
}
