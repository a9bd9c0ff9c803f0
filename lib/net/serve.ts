import { closeDescriptor, duplicateDescriptor, SystemCallError } from "./libc.ts";
import { socketHandlers, SocketStream } from "./socket-stream.ts";
import type { ByteStream } from "./stream.ts";

declare module "bun" {
  /** Listens on a socket that listens already; the runtime knows this, its types do not. */
  function listen<Data>(options: FdSocketOptions<Data>): SocketListener<Data>;
}

/** Seconds without traffic after which the operating system probes whether a client lives. */
const KEEPALIVE_MS = 60_000;

/** A listener that accepts. */
export interface ServedListener {
  /**
   * Accepts no more until {@link resume}: connections wait in the kernel's queue. Takes a
   * descriptor for a moment; when there is none nothing happens, and the caller may try again.
   */
  pause(): void;
  resume(): void;
  /** Accepts no more; connections that exist go on. */
  stop(): void;
}

/**
 * Accepts connections on an inherited listening socket. The kernel hands each connection to one
 * of the processes that serve the same socket. When no descriptor is left, connections wait in
 * the kernel's queue until one is; see {@link AcceptGuard} for what that costs.
 *
 * @param onStream gets every new connection.
 */
export function serveListener(
  fd: number,
  kind: "tcp" | "unix",
  onStream: (stream: ByteStream) => void,
): ServedListener {
  return new InheritedListener(fd, kind === "unix", onStream);
}

class InheritedListener implements ServedListener {
  #fd: number;
  #listener: Bun.SocketListener<SocketStream | undefined> | undefined;
  #stopped = false;

  constructor(
    fd: number,
    readonly isUnix: boolean,
    readonly onStream: (stream: ByteStream) => void,
  ) {
    this.#fd = fd;
    this.#listener = this.#listen();
  }

  /** The runtime cannot leave a socket alone but by closing it, so a copy is kept. */
  pause(): void {
    if (this.#listener === undefined) return;
    try {
      this.#fd = duplicateDescriptor(this.#fd);
    } catch (error) {
      if (error instanceof SystemCallError) return;
      throw error;
    }
    this.#listener.stop(false);
    this.#listener = undefined;
  }

  resume(): void {
    if (!this.#stopped) this.#listener ??= this.#listen();
  }

  stop(): void {
    if (this.#listener !== undefined) this.#listener.stop(false);
    else if (!this.#stopped) closeDescriptor(this.#fd);
    this.#listener = undefined;
    this.#stopped = true;
  }

  #listen() {
    const { isUnix, onStream } = this;
    const data: SocketStream | undefined = undefined;
    return Bun.listen<SocketStream | undefined>({
      fd: this.#fd,
      data,
      socket: {
        ...socketHandlers,
        open(socket) {
          if (!isUnix) {
            socket.setNoDelay(true);
            socket.setKeepAlive(true, KEEPALIVE_MS);
          }
          const stream = new SocketStream(socket, isUnix);
          socket.data = stream;
          onStream(stream);
        },
      },
    });
  }
}
