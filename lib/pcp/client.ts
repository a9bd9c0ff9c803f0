import { openConnection } from "./client-connection.ts";
import type { PcpConnection, PcpConnectOptions } from "./client-types.ts";

export {
  PcpClientError,
  type PcpClientErrorKind,
  type PcpConnection,
  type PcpConnectOptions,
} from "./client-types.ts";

/**
 * Connects to the PCP port of a pool and logs in. Works with Pgpool-II's own server too, where it
 * logs in with md5 and, over TCP, finds no TLS. Runs on Bun and Deno.
 *
 * @throws {PcpClientError}
 */
export function connectPcp(options: PcpConnectOptions): Promise<PcpConnection> {
  return openConnection(options);
}
