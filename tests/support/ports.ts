import { connect, createServer } from "node:net";

/** Ports given out by this process, so that two callers in a row never get the same one. */
const given = new Set<number>();

/** A TCP port on the loopback that nobody listens on right now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await tryListen(0);
    if (port !== null && !given.has(port)) {
      given.add(port);
      return port;
    }
  }
}

/** Whether a server could listen on the port on both loopback addresses' side. */
export async function isPortFree(port: number): Promise<boolean> {
  return await tryListen(port) !== null;
}

/** Whether somebody accepts connections on the port. */
export async function isListening(port: number, host = "127.0.0.1"): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host });
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  socket.setTimeout(2000, () => resolve(false));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

async function tryListen(port: number): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const server = createServer();
  server.once("error", () => resolve(null));
  server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
    const address = server.address();
    resolve(typeof address === "object" && address !== null ? address.port : null);
  });
  const free = await promise;
  if (free !== null) {
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    await closed.promise;
  }
  return free;
}
