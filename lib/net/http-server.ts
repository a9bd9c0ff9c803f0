import { HttpError, type HttpRequest, parseRequest } from "./http-request.ts";
import { serveListener } from "./serve.ts";
import type { ByteStream } from "./stream.ts";

/** Longest time for the head of a request to come, in milliseconds. */
const REQUEST_DEADLINE_MS = 5000;

/** Connections at a time; further ones are closed at once. */
const MOST_CONNECTIONS = 64;

const METHODS = ["GET", "HEAD"];

const REASONS = {
  200: "OK",
  400: "Bad Request",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
} as const;

/** What a request is answered with. */
export interface HttpReply {
  readonly status: keyof typeof REASONS;
  readonly type: string;
  readonly body: string;
}

/** A server that runs until it is stopped, which ends its connections as well. */
export interface HttpServer {
  stop(): void;
}

/** Answers GET; HEAD is the same without the body. */
export type HttpHandler = (request: HttpRequest) => HttpReply;

/**
 * Serves small pages to programs that watch over this one: GET and HEAD, one request a connection.
 * Connections, their time and their bytes are limited. It is what is needed here, and no web
 * server: behind the answer every connection is closed.
 *
 * @param fd a listening socket, which the server closes when it is stopped.
 * @param onFault gets what the handler throws; the peer is told of an internal error.
 */
export function serveHttp(
  fd: number,
  handler: HttpHandler,
  onFault: (error: unknown) => void,
): HttpServer {
  const connections = new Set<ByteStream>();
  const listener = serveListener(fd, "tcp", (stream) => {
    if (connections.size >= MOST_CONNECTIONS) return stream.destroy();
    connections.add(stream);
    serveConnection(stream, handler, onFault, () => connections.delete(stream));
  });
  return {
    stop() {
      listener.stop();
      for (const stream of connections) stream.destroy();
    },
  };
}

function serveConnection(
  stream: ByteStream,
  handler: HttpHandler,
  onFault: (error: unknown) => void,
  onOver: () => void,
): void {
  let received: Uint8Array = new Uint8Array();
  const answer = (reply: HttpReply, method = "GET") => {
    clearTimeout(timer);
    stream.onData = () => {};
    stream.write(Buffer.from(replyText(reply, method)));
    stream.end();
  };
  const timer = setTimeout(
    () => answer(plainReply(408, "no request has come in time")),
    REQUEST_DEADLINE_MS,
  );
  stream.onData = (chunk) => {
    received = Buffer.concat([received, chunk]);
    try {
      const request = parseRequest(received);
      if (request === undefined) return;
      const isKnown = METHODS.includes(request.method);
      answer(isKnown ? handler(request) : plainReply(405, "only GET and HEAD"), request.method);
    } catch (error) {
      if (error instanceof HttpError) return answer(plainReply(error.status, error.message));
      onFault(error);
      answer(plainReply(500, "internal error, see pgpool log"));
    }
  };
  stream.onClose = () => {
    clearTimeout(timer);
    onOver();
  };
}

/** A reply of one line. */
export function plainReply(status: HttpReply["status"], text: string): HttpReply {
  return { status, type: "text/plain; charset=utf-8", body: `${text}\n` };
}

function replyText({ status, type, body }: HttpReply, method: string): string {
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    `Date: ${new Date().toUTCString()}`,
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
    ...(status === 405 ? [`Allow: ${METHODS.join(", ")}`] : []),
    "Connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${method === "HEAD" ? "" : body}`;
}
