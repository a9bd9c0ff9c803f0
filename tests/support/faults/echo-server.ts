import { createServer, type Socket } from "node:net";
import { onCleanUp } from "../clean-up.ts";

/** A server that answers what it is told. */
export interface EchoServer {
  readonly port: number;
  close(): void;
}

export async function startEchoServer(): Promise<EchoServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.pipe(socket);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen({ host: "127.0.0.1", port: 0 }, resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const close = () => {
    forget();
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  const forget = onCleanUp(close);
  return { port: address.port, close };
}
