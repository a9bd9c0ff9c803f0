import { randomInt } from "node:crypto";
import { connect, createServer } from "node:net";

/** Ports given out by this process, so that two callers in a row never get the same one. */
const given = new Set<number>();

/**
 * Below the ports that the system gives to outgoing connections (ip_local_port_range): none of
 * those takes a server's port while the server is being restarted.
 */
const LOWEST = 10_240;
const ABOVE = 32_768;

/** A TCP port on the loopback that nobody listens on right now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await tryListen(randomInt(LOWEST, ABOVE));
    if (port !== null && !given.has(port)) {
      given.add(port);
      return port;
    }
  }
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

/** A port that nobody else can listen on until it is released. */
export interface HeldPort {
  readonly port: number;
  release(): Promise<void>;
}

/** Takes the port (0: any free one) until it is released; null when somebody has it already. */
export async function holdPort(port: number): Promise<HeldPort | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const server = createServer((socket) => socket.destroy());
  server.once("error", () => resolve(null));
  server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
    const address = server.address();
    resolve(typeof address === "object" && address !== null ? address.port : null);
  });
  const held = await promise;
  if (held === null) return null;
  return {
    port: held,
    release: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}

async function tryListen(port: number): Promise<number | null> {
  const held = await holdPort(port);
  await held?.release();
  return held?.port ?? null;
}
