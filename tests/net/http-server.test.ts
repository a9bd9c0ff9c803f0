import { afterEach, describe, expect, it } from "bun:test";
import { connect } from "node:net";
import { Logger } from "../../lib/log/log.ts";
import { HttpError, MAX_HEAD, parseRequest } from "../../lib/net/http-request.ts";
import {
  type HttpHandler,
  type HttpServer,
  plainReply,
  serveHttp,
} from "../../lib/net/http-server.ts";
import { openListeners } from "../../lib/net/listen.ts";
import { freePort } from "../support/ports.ts";
import { within } from "../support/wait.ts";

const served: HttpServer[] = [];
const faults: unknown[] = [];

afterEach(() => {
  for (const server of served.splice(0)) server.stop();
  faults.length = 0;
});

async function serve(handler: HttpHandler): Promise<number> {
  const port = await freePort();
  const names = { addresses: "", directories: "" };
  const plan = { tcp: [{ host: "127.0.0.1", port }], unix: [], backlog: 64, names };
  const listeners = await openListeners(plan, new Logger({ sinks: [] }));
  for (const { fd } of listeners) {
    served.push(serveHttp(fd, handler, (error) => faults.push(error)));
  }
  return port;
}

/** Everything a server answers to these pieces, each sent when the one before is out. */
async function exchange(port: number, ...pieces: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let answer = "";
  const socket = connect({ port, host: "127.0.0.1" });
  socket.setEncoding("latin1").on("data", (text) => answer += text)
    .on("close", () => resolve(answer)).on("error", reject);
  for (const piece of pieces) {
    await new Promise<void>((sent) => socket.write(piece, "latin1", () => sent()));
  }
  return await within(promise, { what: "the answer" });
}

function parse(text: string) {
  return parseRequest(Buffer.from(text, "latin1"));
}

describe("the head of a request", () => {
  it("is read with its path and headers", () => {
    const request = parse("GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nACCEPT:  text/plain \r\n\r\n");
    expect(request?.method).toBe("GET");
    expect(request?.path).toBe("/metrics");
    expect(request?.headers.get("accept")).toBe("text/plain");
  });

  it("may name the whole URL, as proxies do", () => {
    expect(parse("GET http://other:9719/readyz HTTP/1.1\r\n\r\n")?.path).toBe("/readyz");
  });

  it("is waited for at every byte", () => {
    const text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (let length = 0; length < text.length; length++) {
      expect(parse(text.slice(0, length))).toBeUndefined();
    }
    expect(parse(text)?.path).toBe("/");
  });

  it.each([
    ["a word", "hello\r\n\r\n", 400],
    ["no version", "GET /\r\n\r\n", 400],
    ["another version", "GET / HTTP/2.0\r\n\r\n", 505],
    ["a header without a colon", "GET / HTTP/1.1\r\nno header\r\n\r\n", 400],
    ["no URL", "GET http://[ HTTP/1.1\r\n\r\n", 400],
    ["too much", `GET /${"a".repeat(MAX_HEAD)} HTTP/1.1\r\n\r\n`, 431],
  ])("is refused when it is %s", (_, text, status) => {
    const thrown = () => parse(text);
    expect(thrown).toThrow(HttpError);
    expect(thrown).toThrow(expect.objectContaining({ status }));
  });
});

describe("the server of small pages", () => {
  it("answers GET, and HEAD without the body", async () => {
    const port = await serve(({ path }) => plainReply(200, path));
    const response = await fetch(`http://127.0.0.1:${port}/a`);
    expect([response.status, await response.text()]).toEqual([200, "/a\n"]);
    const head = await fetch(`http://127.0.0.1:${port}/a`, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe("3");
    expect(await head.text()).toBe("");
  });

  it("takes a request in pieces", async () => {
    const port = await serve(({ path }) => plainReply(200, path));
    expect(await exchange(port, "GET /p", "ieces HTTP/1.1\r\n", "\r\n")).toEndWith("/pieces\n");
  });

  it("refuses other methods, and what is no request", async () => {
    const port = await serve(() => plainReply(200, "no"));
    expect(await exchange(port, "POST / HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1.1 405 .*Allow: GET/s);
    expect(await exchange(port, "\x16\x03\x01\x02\r\n\r\n")).toStartWith("HTTP/1.1 400 ");
    expect(await exchange(port, "x".repeat(MAX_HEAD))).toStartWith("HTTP/1.1 431 ");
  });

  it("tells of a fault of its own, and goes on", async () => {
    const port = await serve(({ path }) => {
      if (path === "/bad") throw new Error("broken");
      return plainReply(200, "good");
    });
    expect(await exchange(port, "GET /bad HTTP/1.1\r\n\r\n")).toStartWith("HTTP/1.1 500 ");
    expect(faults).toEqual([new Error("broken")]);
    expect(await exchange(port, "GET / HTTP/1.1\r\n\r\n")).toEndWith("good\n");
  });

  it("closes connections beyond its limit and serves again when others have gone", async () => {
    const port = await serve(() => plainReply(200, "good"));
    const idle = Array.from({ length: 64 }, () => connect({ port, host: "127.0.0.1" }));
    await Promise.all(
      idle.map((socket) => new Promise((resolve) => socket.once("connect", resolve))),
    );
    expect(await exchange(port, "").catch(() => "")).toBe("");
    for (const socket of idle) socket.destroy();
    const again = async (): Promise<string> =>
      await exchange(port, "GET / HTTP/1.1\r\n\r\n").catch(() => "") || await again();
    expect(await within(again(), { what: "an answer" })).toEndWith("good\n");
  });
});
