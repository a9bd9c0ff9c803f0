import { unixDatagramSender } from "../log/datagram.ts";

/** Longest path of a Unix socket; no manager can listen on a longer one. */
const LONGEST_PATH = 107;

/** What a service manager wants to know of a service (sd_notify(3)). */
export type ServiceState = "READY=1" | "STOPPING=1";

/**
 * Tells systemd, or whoever started pgpool with NOTIFY_SOCKET in its environment, how far it is.
 * Never waits; a manager that is gone or takes nothing is left alone, as sd_notify(3) advises.
 *
 * @returns whether there was somebody to tell. Names in the abstract namespace (`@…`) count as
 * nobody: systemd itself gives a path.
 */
export function tellServiceManager(
  state: ServiceState,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const path = environment["NOTIFY_SOCKET"];
  if (path === undefined || !path.startsWith("/")) return false;
  const sender = Buffer.byteLength(path) <= LONGEST_PATH ? unixDatagramSender(path) : undefined;
  if (sender === undefined) return false;
  try {
    return sender.send(new TextEncoder().encode(state)) === "sent";
  } finally {
    sender.close();
  }
}
