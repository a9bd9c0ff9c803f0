import type { Logger } from "../log/log.ts";
import { ListenError } from "./errors.ts";
import {
  closeDescriptor,
  Errno,
  ipv4Address,
  ipv6Address,
  listenOn,
  SystemCallError,
} from "./libc.ts";
import { parseIpv6 } from "./ipv6.ts";
import { lookupHost } from "./name.ts";
import { listenUnix, removeSocketFile, type UnixPlace } from "./listen-unix.ts";

/** What to listen on, as the configuration says. */
export interface ListenPlan {
  /** An address, a host name, or `*` for every address. */
  readonly tcp: readonly { readonly host: string; readonly port: number }[];
  readonly unix: readonly UnixPlace[];
  /** Connections that may wait for being accepted. */
  readonly backlog: number;
  /** How the parameters are called that this comes from, for hints. */
  readonly names: ListenNames;
}

/** Names of the parameters that say what to listen on. */
export interface ListenNames {
  readonly addresses: string;
  readonly directories: string;
}

/** A listening socket on which nobody in this process accepts. */
export interface Listener {
  readonly fd: number;
  readonly kind: "tcp" | "unix";
  /** `127.0.0.1:9999`, `[::1]:9999` or the path of the socket. */
  readonly address: string;
}

/** Longest time for resolving one of the names to listen on, in milliseconds. */
const NAME_TIMEOUT_MS = 10_000;

/**
 * Creates all listening sockets, Unix sockets first. When one can not be created the others are
 * closed again, except that a host without IPv6 (or IPv4) does not need sockets of that family.
 *
 * @throws {ListenError}
 */
export async function openListeners(plan: ListenPlan, logger: Logger): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const [index, place] of plan.unix.entries()) {
      const listener = await listenUnix(place, plan.backlog, plan.names.directories);
      logger.log("log", `create socket files[${index}]: ${listener.address}`);
      listeners.push(listener);
    }
    for (const [index, { host, port }] of plan.tcp.entries()) {
      logger.log("log", `listen address[${index}]: ${host}`);
      listeners.push(...await listenTcp(host, port, plan, logger));
    }
    return listeners;
  } catch (error) {
    closeListeners(listeners);
    throw error;
  }
}

/** Closes the sockets and removes the files of Unix sockets. */
export function closeListeners(listeners: readonly Listener[]): void {
  for (const { fd, kind, address } of listeners) {
    closeDescriptor(fd);
    if (kind === "unix") removeSocketFile(address);
  }
}

async function listenTcp(
  host: string,
  port: number,
  { backlog, names }: ListenPlan,
  logger: Logger,
): Promise<Listener[]> {
  const addresses = host === "*"
    ? [{ address: "0.0.0.0", family: 4 as const }, { address: "::", family: 6 as const }]
    : await resolve(host, port, names.addresses);
  const listeners: Listener[] = [];
  let failure: ListenError | undefined;
  for (const { address, family } of addresses) {
    logger.log("log", `Setting up socket for ${address}:${port}`);
    try {
      listeners.push(listenAt(address, family, port, backlog, names.addresses));
    } catch (error) {
      // A family that this host lacks is no reason to give up while the other one works.
      const missing = error instanceof ListenError && error.reason === "bad-address";
      if (!missing || addresses.length === 1) {
        closeListeners(listeners);
        throw error;
      }
      failure = error;
      logger.log("log", error.message, { hint: error.hint });
    }
  }
  if (listeners.length === 0 && failure !== undefined) throw failure;
  return listeners;
}

function listenAt(
  address: string,
  family: 4 | 6,
  port: number,
  backlog: number,
  parameter: string,
): Listener {
  const name = family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  try {
    const [plain = "", scope = ""] = address.split("%");
    const bytes = family === 6
      ? ipv6Address(parseIpv6(plain), port, interfaceNumber(scope))
      : ipv4Address(plain, port);
    return { fd: listenOn(family, bytes, backlog), kind: "tcp", address: name };
  } catch (cause) {
    if (!(cause instanceof SystemCallError)) throw cause;
    throw explain(cause, name, parameter);
  }
}

function explain(cause: SystemCallError, name: string, parameter: string): ListenError {
  switch (cause.errno) {
    case Errno.EADDRINUSE:
      return new ListenError(
        "in-use",
        name,
        `could not listen on ${name}: address already in use`,
        `Is another pgpool or PostgreSQL running on that port? If not, wait a few seconds and try again; else choose another port or ${parameter}.`,
        { cause },
      );
    case Errno.EACCES:
    case Errno.EPERM:
      return new ListenError(
        "not-permitted",
        name,
        `could not listen on ${name}: permission denied`,
        "Ports below 1024 need privileges; choose another port.",
        { cause },
      );
    case Errno.EADDRNOTAVAIL:
    case Errno.EAFNOSUPPORT:
      return new ListenError(
        "bad-address",
        name,
        `could not listen on ${name}: no such address on this host`,
        `Check ${parameter} against the addresses of this host's interfaces.`,
        { cause },
      );
    default:
      return new ListenError(
        "failed",
        name,
        `could not listen on ${name}: ${cause.reason}`,
        "",
        { cause },
      );
  }
}

async function resolve(host: string, port: number, parameter: string) {
  try {
    return await lookupHost(host, NAME_TIMEOUT_MS);
  } catch (cause) {
    throw new ListenError(
      "bad-address",
      `${host}:${port}`,
      `could not resolve "${host}" of ${parameter}`,
      "Correct the name, or see whether name resolution works on this host.",
      { cause },
    );
  }
}

/** Number of a network interface, 0 when there is none by that name. */
function interfaceNumber(scope: string): number {
  return /^\d+$/.test(scope) ? Number(scope) : 0;
}
