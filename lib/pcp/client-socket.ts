import type { Socket } from "node:net";
import type { ConnectedSocket } from "./client-connect.ts";
import { PcpClientError } from "./client-types.ts";
import { MAX_REPLY_LENGTH, PcpLengthError, type PcpMessage, PcpReader } from "./messages.ts";
import { timerUntil } from "./timer.ts";

/** So much may have come that nobody has read yet, in bytes. */
const MOST_PENDING = 2 * MAX_REPLY_LENGTH;

/** A connection to a PCP port, message by message. */
export class PcpSocket {
  readonly #reader = new PcpReader(MAX_REPLY_LENGTH);
  readonly #socket: Socket;
  /** tls-server-end-point hash of the other end's certificate, on a connection with TLS. */
  readonly channelBinding: Uint8Array | undefined;
  #wake: () => void = () => {};
  #failure: PcpClientError | undefined;

  constructor({ socket, channelBinding }: ConnectedSocket) {
    this.#socket = socket;
    this.channelBinding = channelBinding;
    socket.on("data", (chunk: Uint8Array) => {
      this.#reader.feed(chunk);
      if (this.#reader.pending > MOST_PENDING) socket.pause();
      this.#wake();
    });
    const lost = (cause?: Error) => {
      const options = cause === undefined ? {} : { cause };
      this.fail(
        new PcpClientError(
          "protocol",
          "unable to read data from socket.",
          "ERROR",
          "",
          "",
          options,
        ),
      );
    };
    socket.on("error", lost);
    socket.on("close", () => lost());
  }

  send(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#socket.write(bytes);
  }

  /**
   * The next message.
   *
   * @param deadline a time of `performance.now()`, infinite for none
   * @throws {PcpClientError} the connection is of no use any more
   */
  async receive(deadline: number): Promise<PcpMessage> {
    for (;;) {
      const message = this.#next();
      if (message !== undefined) return message;
      if (this.#failure !== undefined) throw this.#failure;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      this.#socket.resume();
      const timer = timerUntil(
        deadline,
        () => this.fail(new PcpClientError("timeout", "the server did not answer in time")),
      );
      try {
        await promise;
      } finally {
        clearTimeout(timer);
      }
    }
  }

  /** From now on nothing can be sent or received, and this is why. */
  fail(error: PcpClientError): void {
    this.#failure ??= error;
    this.#socket.destroy();
    this.#wake();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Sends what is queued, and closes. */
  async end(bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#socket.destroyed) return;
    this.#socket.once("close", () => resolve());
    this.#socket.end(bytes, () => this.#socket.destroy());
    await promise;
  }

  #next(): PcpMessage | undefined {
    try {
      return this.#reader.next();
    } catch (error) {
      if (!(error instanceof PcpLengthError)) throw error;
      const failure = new PcpClientError("protocol", `invalid PCP packet: ${error.message}`);
      this.fail(failure);
      throw failure;
    }
  }
}
