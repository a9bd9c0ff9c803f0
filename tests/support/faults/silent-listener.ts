import { connect, type Socket } from "node:net";
import { closeDescriptor, ipv4Address, listenOn } from "../../../lib/net/libc.ts";

const HOST = "127.0.0.1";

/** A connection that was not made within this many milliseconds is not going to be made. */
const NO_ANSWER_MS = 300;

/** More connections than any queue of length zero takes. */
const MOST_FILLERS = 8;

/**
 * Takes a port so that connecting to it gets no answer at all, as with a host that drops packets:
 * a listening socket that nobody accepts on, its queue filled, so that the kernel ignores SYNs.
 */
export class SilentListener {
  readonly #fd: number;
  readonly #fillers: readonly Socket[];

  private constructor(fd: number, fillers: readonly Socket[]) {
    this.#fd = fd;
    this.#fillers = fillers;
  }

  /** Resolves when connecting gets no answer any more. */
  static async on(port: number): Promise<SilentListener> {
    const fd = listenOn(4, ipv4Address(HOST, port), 0);
    const fillers: Socket[] = [];
    for (let count = 0; count < MOST_FILLERS; count++) {
      const socket = connect({ host: HOST, port });
      fillers.push(socket);
      socket.on("error", () => {});
      if (!await isConnected(socket)) return new SilentListener(fd, fillers);
    }
    fillers.forEach((socket) => socket.destroy());
    closeDescriptor(fd);
    throw new Error(`port ${port} still answers after ${MOST_FILLERS} connections`);
  }

  close(): void {
    for (const socket of this.#fillers) socket.destroy();
    closeDescriptor(this.#fd);
  }
}

async function isConnected(socket: Socket): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("connect", () => resolve(true));
  const timer = setTimeout(() => resolve(false), NO_ANSWER_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
