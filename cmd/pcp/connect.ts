import {
  connectPcp,
  PcpClientError,
  type PcpClientErrorKind,
  type PcpConnection,
  type PcpConnectOptions,
} from "../../lib/pcp/client.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { CommandFailure } from "../output.ts";
import { systemUser } from "../system-user.ts";
import type { ChosenPassword } from "./password.ts";
import type { PasswordTarget } from "./password-file.ts";

/** The port of PCP where none is named. */
const DEFAULT_PORT = 9898;

const EXIT_OF: Readonly<Record<PcpClientErrorKind, ExitStatus>> = {
  connect: EXIT.connect,
  authentication: EXIT.authentication,
  unknown: EXIT.unknown,
  refused: EXIT.refused,
  timeout: EXIT.timeout,
  protocol: EXIT.failed,
};

/** What -h, -p and -U name, or what stands for them. */
export function targetOf(
  options: { readonly host?: string; readonly port?: number; readonly username?: string },
): PasswordTarget {
  return {
    host: options.host ?? "",
    port: options.port ?? DEFAULT_PORT,
    user: options.username ?? systemUser(),
  };
}

/**
 * Does something over a connection, which is closed afterwards.
 *
 * @throws {CommandFailure} that tells what went wrong with the connection or a request.
 */
export async function withConnection<T>(
  options: Omit<PcpConnectOptions, "password">,
  { password, file }: ChosenPassword,
  act: (connection: PcpConnection) => Promise<T>,
): Promise<T> {
  try {
    const connection = await connectPcp({ ...options, password });
    try {
      return await act(connection);
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (!(error instanceof PcpClientError)) throw error;
    throw failureOf(error, options, file);
  }
}

function failureOf(
  error: PcpClientError,
  options: Omit<PcpConnectOptions, "password">,
  file: string | undefined,
): CommandFailure {
  const message = error.detail === "" ? error.message : `${error.message}: ${error.detail}`;
  const hint = error.hint || hintFor(error.kind, options, file);
  return new CommandFailure(error.kind, message, hint, EXIT_OF[error.kind], { cause: error });
}

function hintFor(
  kind: PcpClientErrorKind,
  { host }: { readonly host: string },
  file: string | undefined,
): string {
  switch (kind) {
    case "connect":
      return host === "" || host.startsWith("/")
        ? "Does pgpool run, and do its pcp_socket_dir and pcp_port say the same?"
        : "Does pgpool run, and do its pcp_listen_addresses and pcp_port say the same?";
    case "authentication":
      return file === undefined
        ? "Users and passwords are those of the pool's pcp.conf."
        : `The password comes from "${file}"; users and passwords are those of pcp.conf.`;
    case "timeout":
      return "--connect-timeout and --timeout give it more time.";
    case "protocol":
      return "The pool has gone, or that is not its pcp_port but a port of something else.";
    case "refused":
    case "unknown":
      return "";
  }
}
