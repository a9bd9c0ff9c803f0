import { getSystemErrorMap } from "node:util";
import { dlopen, ptr, read } from "bun:ffi";

const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  dup: { args: ["i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  getgrnam: { args: ["ptr"], returns: "ptr" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

/** Names of the C library with glibc and with musl. */
const LIBRARIES = ["libc.so.6", "libc.so", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

function openLibc() {
  let failure: unknown;
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, SYMBOLS).symbols;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

let opened: ReturnType<typeof openLibc> | undefined;

function libc() {
  return opened ??= openLibc();
}

/** A call of the C library that failed. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError";

  /** What the operating system says of the error, in words. */
  readonly reason: string;

  constructor(readonly call: string, readonly errno: number) {
    const [, reason = `error ${errno}`] = getSystemErrorMap().get(-errno) ?? [];
    super(`${call} failed: ${reason}`);
    this.reason = reason;
  }
}

/** Error numbers of Linux (errno(7)). */
export const Errno = { EACCES: 13, EPERM: 1, EADDRINUSE: 98, EADDRNOTAVAIL: 99, EAFNOSUPPORT: 97 };

const AF = { unix: 1, 4: 2, 6: 10 } as const;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** Address of a socket as the system wants it (`struct sockaddr_…`). */
export type SocketAddress = Uint8Array;

/** A listening socket, made without an event loop, so that nobody accepts on it in this process. */
export function listenOn(family: keyof typeof AF, address: SocketAddress, backlog: number): number {
  const c = libc();
  const fd = checked("socket", c.socket(AF[family], SOCK_STREAM | SOCK_CLOEXEC, 0));
  try {
    const on = new Int32Array([1]);
    checked("setsockopt", c.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ptr(on), 4));
    // :: shall leave the IPv4 addresses to 0.0.0.0.
    if (family === 6) {
      checked("setsockopt", c.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, ptr(on), 4));
    }
    checked("bind", c.bind(fd, ptr(address), address.length));
    checked("listen", c.listen(fd, backlog));
    return fd;
  } catch (error) {
    c.close(fd);
    throw error;
  }
}

/** Another descriptor of the same socket. @throws {SystemCallError} */
export function duplicateDescriptor(fd: number): number {
  return checked("dup", libc().dup(fd));
}

export function closeDescriptor(fd: number): void {
  libc().close(fd);
}

/** Id of a group by its name, wherever the system keeps its groups; undefined when unknown. */
export function groupId(name: string): number | undefined {
  const text = Buffer.from(`${name}\0`);
  const group = libc().getgrnam(ptr(text));
  // struct group: two pointers, then the id.
  return group === null ? undefined : read.u32(group, 16);
}

/** `struct sockaddr_in` */
export function ipv4Address(address: string, port: number): SocketAddress {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF[4], 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address.split(".").map(Number), 4);
  return bytes;
}

/**
 * `struct sockaddr_in6`.
 *
 * @param address 16 bytes.
 * @param scope number of the interface of a link-local address, 0 for others.
 */
export function ipv6Address(address: Uint8Array, port: number, scope: number): SocketAddress {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt16LE(AF[6], 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(address, 8);
  bytes.writeUInt32LE(scope, 24);
  return bytes;
}

/** `struct sockaddr_un` */
export function unixAddress(path: string): SocketAddress {
  const bytes = Buffer.alloc(110);
  bytes.writeUInt16LE(AF.unix, 0);
  bytes.write(path, 2);
  return bytes;
}

function checked(call: string, result: number): number {
  if (result >= 0) return result;
  const at = libc().__errno_location();
  throw new SystemCallError(call, at === null ? 0 : read.i32(at, 0));
}
