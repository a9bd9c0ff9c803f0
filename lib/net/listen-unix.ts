import { chmodSync, chownSync, lstatSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { connectServer } from "./connect.ts";
import { ConnectError, ListenError } from "./errors.ts";
import { closeDescriptor, Errno, groupId, listenOn, SystemCallError, unixAddress } from "./libc.ts";

/** Longest path of a Unix socket: `sun_path` without its zero byte. */
const MAX_PATH = 107;

/** Longest time to find out whether somebody listens on a socket file, in milliseconds. */
const PROBE_MS = 1000;

/** A Unix socket to be made. */
export interface UnixPlace {
  readonly directory: string;
  readonly port: number;
  /** Mode bits of the socket file. */
  readonly permissions: number;
  /** Name or number of the group that owns it, empty to leave that to the system. */
  readonly group: string;
}

/**
 * Listens on `<directory>/.s.PGSQL.<port>`. A socket file left behind by a process that is gone
 * is replaced; one on which somebody listens is not touched.
 *
 * @param parameter the one that names the directory, for hints.
 * @throws {ListenError}
 */
export async function listenUnix(
  place: UnixPlace,
  backlog: number,
  parameter: string,
): Promise<{ fd: number; kind: "unix"; address: string }> {
  const path = join(place.directory, `.s.PGSQL.${place.port}`);
  if (Buffer.byteLength(path) > MAX_PATH) {
    throw new ListenError(
      "path-too-long",
      path,
      `Unix-domain socket path "${path}" is too long (maximum ${MAX_PATH} bytes)`,
      `Name a directory with a shorter path in ${parameter}.`,
    );
  }
  const gid = groupOf(place.group, path);
  await clearWay(place, path, parameter);
  // The file must not be open to everybody before it gets its mode.
  const mask = process.umask(0o777);
  let fd: number;
  try {
    fd = listenOn("unix", unixAddress(path), backlog);
  } catch (cause) {
    throw cause instanceof SystemCallError ? explain(cause, path, parameter) : cause;
  } finally {
    process.umask(mask);
  }
  try {
    if (gid !== undefined) chownSync(path, -1, gid);
    chmodSync(path, place.permissions);
  } catch (cause) {
    closeDescriptor(fd);
    removeSocketFile(path);
    throw new ListenError(
      "not-permitted",
      path,
      `could not set group and permissions of Unix-domain socket "${path}"`,
      "The user that runs pgpool has to be a member of unix_socket_group.",
      { cause },
    );
  }
  return { fd, kind: "unix", address: path };
}

/** Removes the file of a Unix socket if it is there. */
export function removeSocketFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function groupOf(group: string, path: string): number | undefined {
  if (group === "") return undefined;
  const gid = /^\d+$/.test(group) ? Number(group) : groupId(group);
  if (gid !== undefined) return gid;
  throw new ListenError(
    "not-permitted",
    path,
    `could not create Unix-domain socket "${path}": group "${group}" does not exist`,
    "Correct unix_socket_group.",
  );
}

async function clearWay(
  { directory, port }: UnixPlace,
  path: string,
  parameter: string,
): Promise<void> {
  try {
    if (!lstatSync(path).isSocket()) {
      throw new ListenError(
        "failed",
        path,
        `could not create Unix-domain socket "${path}": there is a file of that name that is no socket`,
        `Remove it, or name another directory in ${parameter}.`,
      );
    }
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  if (await isServed(directory, port)) {
    throw new ListenError(
      "in-use",
      path,
      `could not create Unix-domain socket "${path}": another process listens on it`,
      `Is another pgpool or PostgreSQL running on that port? If not, remove the file; else choose another port or ${parameter}.`,
    );
  }
  removeSocketFile(path);
}

/** Only a refused connection says that nobody listens. */
async function isServed(host: string, port: number): Promise<boolean> {
  try {
    (await connectServer({ host, port, timeoutMs: PROBE_MS })).destroy();
    return true;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return error.failure !== "refused" && error.failure !== "no-socket";
  }
}

function explain(cause: SystemCallError, path: string, parameter: string): ListenError {
  const denied = cause.errno === Errno.EACCES || cause.errno === Errno.EPERM;
  return new ListenError(
    denied ? "not-permitted" : cause.errno === Errno.EADDRINUSE ? "in-use" : "failed",
    path,
    `could not create Unix-domain socket "${path}": ${cause.reason}`,
    `See whether the directory exists and may be written to, or correct ${parameter}.`,
    { cause },
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
