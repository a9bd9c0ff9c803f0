/**
 * A relay of bytes, without any knowledge of the protocol: the least that a pooler on this runtime
 * can cost. It takes its connections as pgpool does: worker processes share a listening socket.
 *
 * Usage: relay.ts PORT SERVER_PORT WORKERS
 */
import { ipv4Address, listenOn } from "../../lib/net/libc.ts";
import type { ServedListener } from "../../lib/net/serve.ts";

const HOST = "127.0.0.1";
const BACKLOG = 512;
/** Where a worker finds the listening socket. */
const INHERITED = 3;

/** One side of a relayed connection. */
class End {
  /** Bytes that its socket has not taken yet. */
  #waiting: Uint8Array[] = [];
  #socket: Bun.Socket<End> | undefined;
  #closing = false;
  #other: End | undefined;

  pair(other: End): void {
    this.#other = other;
    other.#other = this;
  }

  opened(socket: Bun.Socket<End>): void {
    socket.setNoDelay(true);
    this.#socket = socket;
    this.drain();
  }

  /** What its socket has received goes to the other side. */
  received(chunk: Uint8Array): void {
    const other = this.#other;
    if (other !== undefined && !other.#send(chunk)) this.#socket?.pause();
  }

  drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const chunk of waiting) this.#send(chunk);
    if (this.#waiting.length > 0) return;
    if (this.#closing) this.#socket?.end();
    else this.#other?.resume();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Its socket is gone: the other side gets what is left and is closed. */
  closed(): void {
    const other = this.#other;
    this.#other = undefined;
    if (other === undefined) return;
    other.#other = undefined;
    other.#closing = true;
    if (other.#waiting.length === 0) other.#socket?.end();
  }

  /** Whether the socket has taken everything; what it has not is kept. */
  #send(chunk: Uint8Array): boolean {
    const taken = this.#socket === undefined || this.#waiting.length > 0
      ? 0
      : Math.max(0, this.#socket.write(chunk));
    if (taken === chunk.length) return true;
    // The runtime may use the chunk's memory again.
    this.#waiting.push(chunk.slice(taken));
    return false;
  }
}

const handlers: Bun.SocketHandler<End> = {
  open: (socket) => socket.data.opened(socket),
  data: (socket, chunk) => socket.data.received(chunk),
  drain: (socket) => socket.data.drain(),
  close: (socket) => socket.data.closed(),
  error: (socket) => socket.data.closed(),
  connectError: (socket) => socket.data.closed(),
};

/** Relays the connections that this process gets from the listening socket. */
function runWorker(serverPort: number): Pick<ServedListener, "stop"> {
  return Bun.listen<End>({
    fd: INHERITED,
    data: new End(),
    socket: {
      ...handlers,
      open(socket) {
        const client = new End();
        const server = new End();
        client.pair(server);
        socket.data = client;
        client.opened(socket);
        const closed = () => server.closed();
        Bun.connect({ hostname: HOST, port: serverPort, data: server, socket: handlers })
          .catch(closed);
      },
    },
  });
}

/** Starts the workers; they end with this process. */
function runSupervisor(port: number, serverPort: number, workers: number): void {
  const fd = listenOn(4, ipv4Address(HOST, port), BACKLOG);
  for (let i = 0; i < workers; i++) {
    Bun.spawn({
      cmd: [
        ...["setpriv", "--pdeathsig", "KILL", "--"],
        ...[process.execPath, import.meta.path, "worker", String(serverPort)],
      ],
      stdio: ["ignore", "inherit", "inherit", fd],
    });
  }
}

const [first = "", second = "", third = ""] = process.argv.slice(2);
if (first === "worker") runWorker(Number(second));
else runSupervisor(Number(first), Number(second), Number(third));
