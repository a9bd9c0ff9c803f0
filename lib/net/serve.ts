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
  /** Accepts no more; connections that exist go on. */
  stop(): void;
}

/**
 * Accepts connections on an inherited listening socket. The kernel hands each connection to one
 * of the processes that serve the same socket. When no descriptor is left, connections wait in
 * the kernel's queue until one is.
 *
 * @param onStream gets every new connection.
 */
export function serveListener(
  fd: number,
  kind: "tcp" | "unix",
  onStream: (stream: ByteStream) => void,
): ServedListener {
  const isUnix = kind === "unix";
  const data: SocketStream | undefined = undefined;
  const listener = Bun.listen<SocketStream | undefined>({
    fd,
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
  return { stop: () => listener.stop(false) };
}
