import { EXIT } from "../exit-status.ts";
import { CommandFailure } from "../output.ts";
import { terminal } from "../terminal.ts";
import type { PcpRequest } from "./requests.ts";

/**
 * Asks before something that interrupts clients or loses data.
 *
 * @param target where it would be done.
 * @throws {CommandFailure} when the answer is no, or there is nobody to ask.
 */
export async function confirm(
  request: PcpRequest,
  target: { readonly host: string; readonly port: number },
  { yes = false, json = false }: { readonly yes?: boolean; readonly json?: boolean },
): Promise<void> {
  if (yes) return;
  const onTerminal = terminal(json);
  const what = deed(request);
  if (onTerminal === undefined) {
    const hint = "With --json, and without a terminal, the option --yes says that it is meant.";
    throw new CommandFailure("not-confirmed", `${what} needs a confirmation`, hint, EXIT.usage);
  }
  const answer = await onTerminal(`${what} at ${place(target)}: is that meant? (yes or no)`, "no");
  if (/^y(es)?$/i.test(answer)) return;
  throw new CommandFailure("not-confirmed", "nothing has been done", "");
}

function deed(request: PcpRequest): string {
  switch (request.command) {
    case "detach-node":
      return `detaching node ${request.node}`;
    case "promote-node":
      return `promoting node ${request.node}`;
    case "switchover":
      return `switching over to node ${request.node}`;
    case "recovery-node":
      return `replacing the data of node ${request.node}`;
    case "stop-pgpool":
      return request.scope === "cluster" ? "stopping all pgpools" : "stopping pgpool";
    default:
      return request.command;
  }
}

function place({ host, port }: { readonly host: string; readonly port: number }): string {
  return host === "" || host.startsWith("/") ? `port ${port} of this machine` : `${host}:${port}`;
}
