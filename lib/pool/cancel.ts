import { connectServer } from "../net/connect.ts";
import * as build from "../wire/build.ts";
import { StartupCode } from "../wire/protocol.ts";
import type { ServerConnection } from "./server-connection.ts";

/** Longest time a cancel request is waited for, in milliseconds. */
const DEADLINE_MS = 10_000;

/**
 * Asks the server to cancel what runs on a connection. Resolves when the server has closed the
 * request's connection, that is when the cancel can no longer hit a later query; until then
 * `connection.cancels` is above 0 and the pool does not lend it to anybody else.
 */
export async function cancelOn(
  connection: ServerConnection,
  host: string,
  port: number,
): Promise<void> {
  connection.cancels++;
  try {
    const stream = await connectServer({ host, port, timeoutMs: DEADLINE_MS });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        stream.destroy();
        resolve();
      }, DEADLINE_MS);
      stream.onClose = () => {
        clearTimeout(timer);
        resolve();
      };
      stream.write(
        build.cancelRequest(StartupCode.Cancel, connection.pid, connection.cancelKey),
      );
    });
  } finally {
    connection.cancels--;
  }
}
