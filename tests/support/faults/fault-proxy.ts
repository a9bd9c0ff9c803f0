import { connect, createServer, type Server, type Socket } from "node:net";
import { onCleanUp } from "../clean-up.ts";
import { freePort, isListening } from "../ports.ts";
import { waitFor } from "../wait.ts";
import { type Fault, NO_FAULT } from "./fault.ts";
import { Pipe } from "./pipe.ts";
import { SilentListener } from "./silent-listener.ts";

const HOST = "127.0.0.1";

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly pipes: readonly Pipe[];
}

/** A port that leads to another port, and where a test can let things go wrong on the way. */
export class FaultProxy implements AsyncDisposable {
  readonly host = HOST;
  readonly #target: number;
  readonly #links = new Set<Link>();
  readonly #forget: () => void;
  #server: Server | null = null;
  #silent: SilentListener | null = null;
  #fault: Fault = NO_FAULT;

  private constructor(readonly port: number, target: number) {
    this.#target = target;
    this.#forget = onCleanUp(() => this.close());
  }

  /** @param target port on the loopback that everything is passed on to */
  static async start(target: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(await freePort(), target);
    await proxy.#listen();
    return proxy;
  }

  get fault(): Fault {
    return this.#fault;
  }

  /** From now on this goes wrong, for present connections and for those to come. */
  async set(fault: Fault): Promise<void> {
    this.#fault = fault;
    if (fault.kind === "refuse") this.#cutAll();
    for (const link of this.#links) {
      link.pipes.forEach((pipe) => pipe.set(fault));
      this.#passOnEnds(link);
    }
    if (fault.kind === "refuse" || fault.kind === "drop") await this.#stopListening();
    if (fault.kind !== "drop") this.#endSilence();
    if (fault.kind === "drop") this.#silent ??= await SilentListener.on(this.port);
    else if (fault.kind !== "refuse") await this.#listen();
  }

  async heal(): Promise<void> {
    await this.set(NO_FAULT);
  }

  async close(): Promise<void> {
    this.#forget();
    this.#cutAll();
    this.#endSilence();
    await this.#stopListening();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #endSilence(): void {
    this.#silent?.close();
    this.#silent = null;
  }

  #cutAll(): void {
    for (const { client, server } of this.#links) {
      client.resetAndDestroy();
      server.destroy();
    }
    this.#links.clear();
  }

  async #listen(): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("listening", resolve);
    server.once("error", reject);
    server.listen({ host: HOST, port: this.port });
    await promise;
  }

  async #stopListening(): Promise<void> {
    if (this.#server === null) return;
    this.#server.close();
    this.#server = null;
    await waitFor(async () => !await isListening(this.port), {
      what: `port ${this.port} to be closed`,
    });
  }

  #accept(client: Socket): void {
    const server = connect({ host: HOST, port: this.#target, allowHalfOpen: true });
    const link: Link = {
      client,
      server,
      pipes: [new Pipe(client, server, false), new Pipe(server, client, true)],
    };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => this.#passOnEnds(link));
    }
    for (const pipe of link.pipes) pipe.set(this.#fault);
  }

  /** Whoever does not answer does not tell that it is gone either, until it is healed. */
  #passOnEnds(link: Link): void {
    const { client, server } = link;
    if (client.destroyed && server.destroyed) this.#links.delete(link);
    if (this.#fault.kind === "silence" || this.#fault.kind === "drop") return;
    if (client.destroyed) server.end();
    if (server.destroyed) client.end();
  }
}
