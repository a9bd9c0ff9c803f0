import { dlopen, read } from "bun:ffi";

const AF_UNIX = 1;
/** SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC of Linux. */
const TYPE = 2 | 0o4000 | 0o2000000;
/** MSG_DONTWAIT | MSG_NOSIGNAL of Linux. */
const FLAGS = 0x40 | 0x4000;
const EAGAIN = 11;
const ENOBUFS = 105;
/** Longest path in a sockaddr_un, its final zero left aside. */
const LONGEST_PATH = 107;

/** Takes datagrams without ever making the caller wait. */
export interface DatagramSender {
  /** `full`: the receiver takes nothing at the moment; `gone`: there is none. */
  send(bytes: Uint8Array): "sent" | "full" | "gone";
  close(): void;
}

function openLibc() {
  return dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
    __errno_location: { args: [], returns: "ptr" },
  });
}

/** Address of a Unix socket as system calls take it. @throws {RangeError} the path is too long. */
export function unixAddress(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length > LONGEST_PATH) throw new RangeError(`the socket path ${path} is too long`);
  const address = new Uint8Array(2 + LONGEST_PATH + 1);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(bytes, 2);
  return address;
}

/** A sender to a Unix datagram socket, or undefined when nobody receives there. */
export function unixDatagramSender(path: string): DatagramSender | undefined {
  const address = unixAddress(path);
  let libc: ReturnType<typeof openLibc>;
  try {
    libc = openLibc();
  } catch {
    return undefined;
  }
  const { symbols } = libc;
  const fd = symbols.socket(AF_UNIX, TYPE, 0);
  if (fd < 0 || symbols.connect(fd, address, address.length) !== 0) {
    if (fd >= 0) symbols.close(fd);
    return undefined;
  }
  return {
    send(bytes) {
      if (Number(symbols.send(fd, bytes, bytes.length, FLAGS)) >= 0) return "sent";
      const where = symbols.__errno_location();
      const code = where === null ? 0 : read.i32(where, 0);
      return code === EAGAIN || code === ENOBUFS ? "full" : "gone";
    },
    close() {
      symbols.close(fd);
    },
  };
}
