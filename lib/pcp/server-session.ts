import { type LoginOptions, PcpLogin } from "./login.ts";
import { MAX_REQUEST_LENGTH, PcpLengthError, PcpReader } from "./messages.ts";
import { decodeRequest, type LoginRequest, type PcpRequest, type WorkRequest } from "./requests.ts";
import { PcpError } from "./service.ts";

/** What the server has to do next for a client. */
export type ServerStep =
  /** Send these bytes. */
  | { readonly kind: "answer"; readonly bytes: Uint8Array }
  /** Send these bytes: the client is logged in as that user. */
  | { readonly kind: "accepted"; readonly user: string; readonly bytes: Uint8Array }
  /** Do what is asked for, and answer. */
  | { readonly kind: "work"; readonly request: WorkRequest }
  /** Tell the error; when it is fatal, close the connection. */
  | { readonly kind: "failed"; readonly error: PcpError }
  /** The client did not get in: tell the error and close the connection. */
  | {
    readonly kind: "refused";
    readonly user: string;
    readonly error: PcpError;
    readonly wrongPassword: boolean;
    readonly logDetail: string;
  }
  /** The client takes its leave: close the connection. */
  | { readonly kind: "over" };

/** The server's side of one PCP connection, without I/O. */
export class PcpServerSession {
  readonly #reader = new PcpReader(MAX_REQUEST_LENGTH);
  readonly #login: PcpLogin;
  #user: string | undefined;

  constructor(options: LoginOptions) {
    this.#login = new PcpLogin(options);
  }

  /** Who is logged in, undefined before that. */
  get user(): string | undefined {
    return this.#user;
  }

  /** Bytes that have come and are not done with. */
  get pending(): number {
    return this.#reader.pending;
  }

  feed(chunk: Uint8Array): void {
    this.#reader.feed(chunk);
  }

  /** What to do next, undefined when the client has to say more first. */
  next(): ServerStep | undefined {
    for (;;) {
      const read = this.#read();
      if (read === undefined || read instanceof PcpError) {
        return read && { kind: "failed", error: read };
      }
      const step = this.#hear(read);
      if (step !== undefined) return step;
    }
  }

  #read(): PcpRequest | PcpError | undefined {
    try {
      const message = this.#reader.next();
      if (message === undefined) return undefined;
      // What is unknown or malformed is not looked at before the login.
      if (this.#user === undefined && !LOGIN_TYPES.has(message.type)) return NOT_AUTHORIZED;
      return decodeRequest(message);
    } catch (error) {
      if (error instanceof PcpError) return error;
      if (error instanceof PcpLengthError) return invalidPacket(error);
      throw error;
    }
  }

  #hear(request: PcpRequest): ServerStep | undefined {
    switch (request.kind) {
      case "salt":
      case "authenticate":
      case "sasl":
        return this.#logIn(request);
      case "stop-recovery":
        return undefined;
      case "disconnect":
        return { kind: "over" };
      default:
        return { kind: "work", request };
    }
  }

  #logIn(request: LoginRequest): ServerStep {
    const step = this.#login.receive(request);
    if (step.kind === "accepted") this.#user = step.user;
    return step;
  }
}

const LOGIN_TYPES: ReadonlySet<string> = new Set(["M", "R", "S", "X"]);

const NOT_AUTHORIZED = new PcpError("authentication failed for new PCP connection", {
  severity: "fatal",
  detail: "connection not authorized",
});

function invalidPacket(cause: PcpLengthError): PcpError {
  return new PcpError("invalid PCP packet", { severity: "fatal", detail: cause.message, cause });
}
