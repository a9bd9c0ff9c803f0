/** Longest head of a request, in bytes. */
export const MAX_HEAD = 8192;

/** A request whose body, if it has one, is not looked at. */
export interface HttpRequest {
  readonly method: string;
  /** Path without the query, as `/metrics`. */
  readonly path: string;
  /** By name in lower case; of equal names the last. */
  readonly headers: ReadonlyMap<string, string>;
}

/** What a peer has sent is no request that can be answered; the status is what it is told. */
export class HttpError extends Error {
  override readonly name = "HttpError";

  constructor(readonly status: 400 | 431 | 505, message: string) {
    super(message);
  }
}

/**
 * Reads the head of a request from all bytes that have come.
 *
 * @returns undefined while its end has not come.
 * @throws {HttpError}
 */
export function parseRequest(bytes: Uint8Array): HttpRequest | undefined {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, MAX_HEAD));
  // Empty lines before a request are allowed (RFC 9112, 2.2), bare line feeds as well.
  const head = /^(?:\r?\n)*(.*?)\r?\n\r?\n/s.exec(text)?.[1];
  if (head === undefined) {
    if (bytes.length >= MAX_HEAD) throw new HttpError(431, "the request is too long");
    return undefined;
  }
  const [first = "", ...lines] = head.split(/\r?\n/);
  const [, method = "", target = "", version = ""] =
    /^([A-Z]+) (\S+) HTTP\/(\d\.\d)$/.exec(first) ?? [];
  if (method === "") throw new HttpError(400, "this is no HTTP request");
  if (version !== "1.1" && version !== "1.0") throw new HttpError(505, "only HTTP/1.1 is spoken");
  return { method, path: pathOf(target), headers: new Map(lines.map(header)) };
}

function header(line: string): [string, string] {
  const [, name, value = ""] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
  if (name === undefined) throw new HttpError(400, "a header of the request makes no sense");
  return [name.toLowerCase(), value];
}

/** Path of a target in origin form or, as proxies send it, in absolute form. */
function pathOf(target: string): string {
  const url = URL.parse(target, "http://localhost");
  if (url === null) throw new HttpError(400, "the target of the request makes no sense");
  return url.pathname;
}
