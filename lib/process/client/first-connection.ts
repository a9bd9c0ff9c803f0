import { ALL_DOWN } from "../../session/farewells.ts";
import { writeNode } from "../../session/load-balance.ts";
import type { MessageStream } from "../../pool/message-stream.ts";
import {
  type ConnectionKey,
  keyText,
  type ServerConnection,
} from "../../pool/server-connection.ts";
import type { Authentication } from "./authenticate.ts";
import type { Clients } from "./clients.ts";
import { LoginFailed } from "./login-failed.ts";
import type { LoginRequest } from "./login-request.ts";

/** A client that is to get its first connection. */
export interface Newcomer {
  readonly messages: MessageStream;
  readonly request: LoginRequest;
  readonly key: ConnectionKey;
  readonly authentication: Authentication;
}

/** The node was taken out, or lost its role, while it was connected to. */
class NodeChanged extends Error {
  override readonly name = "NodeChanged";
}

/**
 * The connection a session begins with, to the node that takes writes. During a failover the client
 * waits, and it is tried again when the node turns out to be gone: nothing has been asked of it yet.
 *
 * @throws {LoginFailed | ServerRefused | ServerUnreachable | WaitEnded}
 */
export async function firstConnection(
  clients: Clients,
  newcomer: Newcomer,
): Promise<ServerConnection> {
  const visit = clients.lobby.visit(newcomer.messages);
  for (;;) {
    await visit.enter();
    const node = writeNode(clients.snapshot());
    if (node < 0) throw new LoginFailed(ALL_DOWN);
    try {
      return await connect(clients, node, newcomer);
    } catch (error) {
      if (error instanceof NodeChanged) continue;
      if (!clients.complainOf(node, error) || !await visit.pause()) throw error;
    }
  }
}

/** @throws {NodeChanged} and what connecting throws. */
async function connect(
  clients: Clients,
  node: number,
  { messages, request, key, authentication }: Newcomer,
): Promise<ServerConnection> {
  using change = clients.watch(node);
  const known = clients.knownLogin(node, keyText(key));
  if (known !== undefined) await authentication.checkForReuse(known);
  const acquired = clients.pool.acquire({
    node,
    key,
    applicationName: request.applicationName,
    credentials: authentication.credentials,
    askClient: async (asked) => {
      if (change.happened) throw new NodeChanged();
      return await authentication.answerServer(asked);
    },
    fresh: authentication.mustProve || known === undefined,
  });
  try {
    const connection = await Promise.race([acquired, change.promise]);
    if (connection === undefined) throw new NodeChanged();
    authentication.proved(connection.asked);
    // Nobody tells a session of a client that has left before it began.
    messages.checkOpen();
    const { credentials } = authentication;
    clients.rememberLogin(connection, { asked: connection.asked, credentials });
    return connection;
  } catch (error) {
    const state = change.happened ? "broken" : "untouched";
    // A connection that is still under way is given back when it comes.
    acquired.then((late) => clients.pool.release(late, state, false), () => {});
    throw error;
  }
}
