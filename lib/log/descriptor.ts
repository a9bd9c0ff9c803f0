import { dlopen } from "bun:ffi";
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";

/** What became of an attempt to write. */
export type WriteResult =
  | { readonly state: "written"; readonly written: number }
  /** The destination takes nothing at the moment. */
  | { readonly state: "full" }
  /** The destination is gone or refuses: `reason` is the name of the system error. */
  | { readonly state: "failed"; readonly reason: string };

/** A descriptor that takes bytes without ever making the caller wait. */
export interface DescriptorWriter {
  write(bytes: Uint8Array): WriteResult;
  close(): void;
}

/**
 * A writer for an open descriptor that never blocks and never throws. Pipes and terminals are
 * opened a second time in non-blocking mode, because that flag on the descriptor itself would
 * change it for every process that shares it; sockets are written with MSG_DONTWAIT.
 */
export function nonBlockingWriter(fd: number): DescriptorWriter {
  let kind: "file" | "pipe" | "socket" = "file";
  try {
    const stat = fstatSync(fd);
    if (stat.isSocket()) kind = "socket";
    else if (stat.isFIFO() || stat.isCharacterDevice()) kind = "pipe";
  } catch (error) {
    return failing(errorCode(error));
  }
  if (kind === "socket") return socketWriter(fd);
  if (kind === "file") return descriptorWriter(fd, false);
  try {
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    return descriptorWriter(openSync(`/proc/self/fd/${fd}`, flags), true);
  } catch {
    // No /proc, or a terminal of another user: the descriptor itself is all there is.
    return descriptorWriter(fd, false);
  }
}

function descriptorWriter(fd: number, owned: boolean): DescriptorWriter {
  return {
    write(bytes) {
      try {
        return { state: "written", written: writeSync(fd, bytes) };
      } catch (error) {
        const code = errorCode(error);
        return code === "EAGAIN" ? { state: "full" } : { state: "failed", reason: code };
      }
    },
    close() {
      if (owned) closeSync(fd);
    },
  };
}

function socketWriter(fd: number): DescriptorWriter {
  // MSG_DONTWAIT and MSG_NOSIGNAL of Linux's socket.h.
  const flags = 0x40 | 0x4000;
  try {
    const libc = dlopen("libc.so.6", {
      send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
    });
    return {
      write(bytes) {
        const written = Number(libc.symbols.send(fd, bytes, bytes.length, flags));
        // The reason of -1 is not known here; a reader that is gone shows by the full buffer.
        return written < 0 ? { state: "full" } : { state: "written", written };
      },
      close() {
        libc.close();
      },
    };
  } catch {
    return descriptorWriter(fd, false);
  }
}

function failing(reason: string): DescriptorWriter {
  return { write: () => ({ state: "failed", reason }), close: () => {} };
}

function errorCode(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    return error.code;
  }
  return "unknown error";
}
