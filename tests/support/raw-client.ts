import { createHash } from "node:crypto";
import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import * as frontend from "./frontend.ts";
import { ScramExchange } from "./scram.ts";
import { type BackendMessage, errorFields, transcript } from "./transcript.ts";
import { waitFor } from "./wait.ts";

export interface RawConnectOptions {
  /** TCP: host (default 127.0.0.1) and port. */
  readonly host?: string;
  readonly port?: number;
  /** A Unix socket instead. */
  readonly path?: string;
  /** request: SSLRequest first; direct: TLS at once with ALPN `postgresql`. */
  readonly tls?: "request" | "direct";
  /** Certificates and so on; the server's is only checked when `rejectUnauthorized` is set. */
  readonly tlsOptions?: ConnectionOptions;
}

export interface LoginOptions {
  readonly user: string;
  readonly database?: string;
  readonly password?: string;
  /** Minor version of protocol 3. */
  readonly minor?: number;
  /** More startup parameters (options, application_name, _pq_.…). */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** How long a message may take to come, unless told otherwise. */
const DEADLINE_MS = 10_000;

/** The server closed the connection where a message was expected. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
}

/** The server refused SSLRequest. */
export class TlsRefused extends Error {
  override readonly name = "TlsRefused";
}

/**
 * A client that speaks the protocol byte by byte: what a test sends is what goes out, and every
 * message that comes back can be looked at.
 */
export class RawClient implements Disposable {
  /** Everything sent by the server so far, in order, also what has been read. */
  readonly received: BackendMessage[] = [];
  readonly socket: Socket;
  #pending: Buffer = Buffer.alloc(0);
  #next = 0;
  #closed = false;
  #error: Error | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("close", () => this.#closed = true);
    socket.on("error", (error: Error) => this.#error = error);
  }

  static async connect(options: RawConnectOptions): Promise<RawClient> {
    const { host = "127.0.0.1", port = 5432, path, tls, tlsOptions = {} } = options;
    const socket = path === undefined ? connectSocket({ host, port }) : connectSocket({ path });
    socket.setNoDelay(true);
    await opened(socket, "connect");
    if (tls === undefined) return new RawClient(socket);
    if (tls === "request") {
      socket.write(frontend.sslRequest);
      const answer = await firstByte(socket);
      if (answer !== "S") {
        socket.destroy();
        throw new TlsRefused(`the server answered ${JSON.stringify(answer)} to SSLRequest`);
      }
    }
    const secure = connectTls({
      socket,
      rejectUnauthorized: false,
      ALPNProtocols: ["postgresql"],
      ...tlsOptions,
    });
    await opened(secure, "secureConnect");
    return new RawClient(secure);
  }

  /** Connects and authenticates; the messages up to ReadyForQuery are in `received`. */
  static async login(options: RawConnectOptions & LoginOptions): Promise<RawClient> {
    const client = await RawClient.connect(options);
    try {
      await client.login(options);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends the parts as one write. */
  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** The next message; throws ConnectionClosed when there will be none, DeadlineError when late. */
  async read(deadlineMs = DEADLINE_MS): Promise<BackendMessage> {
    await waitFor(() => this.#next < this.received.length || this.#closed, {
      what: "a message from the server",
      deadlineMs,
      everyMs: 1,
    });
    const message = this.received[this.#next];
    if (message === undefined) {
      throw new ConnectionClosed("the server has closed the connection", { cause: this.#error });
    }
    this.#next++;
    return message;
  }

  /** Messages up to and including the next one of one of these types (`readUntil("Z")`). */
  async readUntil(types: string, deadlineMs = DEADLINE_MS): Promise<BackendMessage[]> {
    const messages: BackendMessage[] = [];
    for (;;) {
      const message = await this.read(deadlineMs);
      messages.push(message);
      if (types.includes(message.type)) return messages;
    }
  }

  /** All that comes until the server closes the connection. */
  async readToEnd(deadlineMs = DEADLINE_MS): Promise<BackendMessage[]> {
    await waitFor(() => this.#closed, { what: "the server to close", deadlineMs });
    const rest = this.received.slice(this.#next);
    this.#next = this.received.length;
    return rest;
  }

  /** Messages received that no read has taken. */
  unread(): BackendMessage[] {
    return this.received.slice(this.#next);
  }

  /** Sends, reads up to ReadyForQuery, and gives it as text. */
  async exchange(...parts: readonly Uint8Array[]): Promise<string[]> {
    this.send(...parts);
    return transcript(await this.readUntil("Z"));
  }

  /** A simple query's replies as text. */
  async query(sql: string): Promise<string[]> {
    return await this.exchange(frontend.query(sql));
  }

  /** Sends the startup packet and answers every authentication request up to ReadyForQuery. */
  async login({ user, database = user, password = "", minor = 0, parameters = {} }: LoginOptions) {
    this.send(frontend.startup({ user, database, ...parameters }, minor));
    const messages: BackendMessage[] = [];
    let scram: ScramExchange | undefined;
    for (;;) {
      const message = await this.read();
      messages.push(message);
      if (message.type === "Z") return messages;
      if (message.type === "E") {
        const { C: code, M: text } = errorFields(message);
        throw new LoginRefused(code ?? "", text ?? "");
      }
      if (message.type !== "R") continue;
      const data = message.body.subarray(4);
      const code = message.body.readInt32BE(0);
      if (code === 3) this.send(frontend.password(password));
      if (code === 5) this.send(frontend.password(md5Answer(user, password, data)));
      if (code === 10) {
        scram = new ScramExchange(password);
        this.send(frontend.saslInitialResponse("SCRAM-SHA-256", scram.first));
      }
      if (code === 11 && scram) this.send(frontend.saslResponse(scram.final(data.toString())));
      if (code === 12 && !scram?.verify(data.toString())) {
        throw new LoginRefused("", "the server's SCRAM signature is wrong");
      }
    }
  }

  /** pid and key of BackendKeyData, for a CancelRequest. */
  backendKey(): { pid: number; key: Buffer } {
    const message = this.received.find(({ type }) => type === "K");
    if (message === undefined) throw new Error("the server has sent no BackendKeyData");
    return { pid: message.body.readInt32BE(0), key: message.body.subarray(4) };
  }

  /** Stops reading from the socket, so that the server's writes pile up. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Drops the connection without a goodbye. */
  close(): void {
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 5) {
      const end = 1 + this.#pending.readInt32BE(1);
      if (end < 5) {
        this.socket.destroy(new RangeError(`a message of length ${end - 1}`));
        return;
      }
      if (this.#pending.length < end) return;
      const type = String.fromCharCode(this.#pending.readUInt8(0));
      this.received.push({ type, body: this.#pending.subarray(5, end) });
      this.#pending = this.#pending.subarray(end);
    }
  }
}

/** The server said no during authentication. */
export class LoginRefused extends Error {
  override readonly name = "LoginRefused";

  constructor(readonly sqlState: string, text: string) {
    super(text);
  }
}

/** Sends a CancelRequest over a connection of its own and waits until the server closes that. */
export async function cancel(
  options: RawConnectOptions,
  { pid, key }: { pid: number; key: Uint8Array },
): Promise<void> {
  const client = await RawClient.connect(options);
  client.send(frontend.cancelRequest(pid, key));
  await client.readToEnd();
}

/** PostgreSQL documentation, AuthenticationMD5Password. */
function md5Answer(user: string, password: string, salt: Uint8Array): string {
  const inner = createHash("md5").update(password + user).digest("hex");
  return `md5${createHash("md5").update(inner).update(salt).digest("hex")}`;
}

async function opened(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once(event, resolve);
  socket.once("error", reject);
  socket.once("close", () => reject(new ConnectionClosed("closed while connecting")));
  await promise;
  socket.removeListener("error", reject);
}

async function firstByte(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once("data", (chunk: Buffer) => resolve(chunk.toString("latin1", 0, 1)));
  socket.once("close", () => resolve(""));
  return await promise;
}
