import { describe, expect, it } from "bun:test";
import { connect } from "node:net";
import { connectServer } from "../../lib/net/connect.ts";
import { ConnectError } from "../../lib/net/errors.ts";
import { closeListeners, openListeners } from "../../lib/net/listen.ts";
import type { ByteStream } from "../../lib/net/stream.ts";
import { freePort } from "../support/ports.ts";
import { waitFor } from "../support/wait.ts";
import { memoryLogger, plan, present, readAll, serve } from "./support.ts";

const MEGABYTE = 1024 * 1024;

describe("a connection", () => {
  it("carries bytes both ways and tells where the peer is", async () => {
    const seen: ByteStream[] = [];
    using server = await serve((stream) => {
      seen.push(stream);
      stream.onData = (chunk) => stream.write(chunk);
    });
    const client = await connectServer({ host: "127.0.0.1", port: server.port, timeoutMs: 5000 });
    const got: string[] = [];
    client.onData = (chunk) => void got.push(Buffer.from(chunk).toString());
    client.write(Buffer.from("hello"));
    await waitFor(() => got.join("") === "hello", { what: "the echo" });
    expect(seen[0]?.remoteHost).toBe("127.0.0.1");
    expect(seen[0]?.remotePort).toBeGreaterThan(0);
    expect(seen[0]?.tls).toBeUndefined();
    client.end();
    await waitFor(() => seen[0]?.closed, { what: "the server to notice the end" });
  });

  it("sends what was queued before it closes, even to a slow reader", async () => {
    using server = await serve((stream) => {
      for (let i = 0; i < 64; i++) stream.write(new Uint8Array(MEGABYTE / 4).fill(i));
      stream.end();
    });
    const client = await connectServer({ host: "127.0.0.1", port: server.port, timeoutMs: 5000 });
    client.pause();
    await Bun.sleep(50);
    client.resume();
    const all = await readAll(client);
    expect(all.length).toBe(16 * MEGABYTE);
    expect(all[0]).toBe(0);
    expect(all.at(-1)).toBe(63);
  });

  it("reports how much a reader that does not read leaves in the queue, and when it is gone", async () => {
    let stream: ByteStream | undefined;
    let drains = 0;
    using server = await serve((accepted) => {
      stream = accepted;
      accepted.onDrain = () => void drains++;
    });
    const slow = connect(server.port, "127.0.0.1");
    slow.pause();
    const served = await present(() => stream);
    let written = 0;
    while (served.buffered < MEGABYTE) {
      served.write(new Uint8Array(64 * 1024));
      served.flush();
      written += 64 * 1024;
    }
    expect(drains).toBe(0);
    let read = 0;
    slow.on("data", (chunk) => read += chunk.length);
    slow.resume();
    await waitFor(() => drains === 1, { what: "the drain" });
    await waitFor(() => read === written, { what: "all bytes" });
    expect(served.buffered).toBe(0);
    slow.destroy();
  });

  it("hands over nothing while paused, and all of it in order afterwards", async () => {
    let stream: ByteStream | undefined;
    using server = await serve((accepted) => void (stream = accepted));
    const client = await connectServer({ host: "127.0.0.1", port: server.port, timeoutMs: 5000 });
    const got: string[] = [];
    client.onData = (chunk) => {
      got.push(Buffer.from(chunk).toString());
      client.pause();
    };
    const served = await present(() => stream);
    served.write(Buffer.from("a"));
    await waitFor(() => got.length === 1, { what: "the first chunk" });
    served.write(Buffer.from("b"));
    served.flush();
    served.end();
    await Bun.sleep(30);
    expect(got).toEqual(["a"]);
    let closed = false;
    client.onClose = () => closed = true;
    client.resume();
    await waitFor(() => got.length === 2, { what: "the second chunk" });
    client.resume();
    await waitFor(() => closed, { what: "the close" });
    expect(got).toEqual(["a", "b"]);
  });

  it("keeps what comes before somebody listens, the close included", async () => {
    using server = await serve((stream) => {
      stream.write(Buffer.from("bye"));
      stream.end();
    });
    const client = await connectServer({ host: "127.0.0.1", port: server.port, timeoutMs: 5000 });
    await waitFor(() => client.closed, { what: "the close" });
    expect((await readAll(client)).toString()).toBe("bye");
  });

  it("survives a handler that throws by ending that connection only", async () => {
    const errors: (Error | undefined)[] = [];
    using server = await serve((stream) => {
      stream.onData = () => {
        throw new RangeError("broken handler");
      };
      stream.onClose = (error) => void errors.push(error);
    });
    const client = await connectServer({ host: "127.0.0.1", port: server.port, timeoutMs: 5000 });
    client.write(Buffer.from("x"));
    expect((await readAll(client)).length).toBe(0);
    expect(errors[0]).toBeInstanceOf(RangeError);
  });

  it("does not wait for ever: connecting has a deadline and can be called off", async () => {
    const port = await freePort();
    const refused = connectServer({ host: "127.0.0.1", port, timeoutMs: 2000 });
    expect(await failure(refused)).toBe("refused");
    await using full = await fullListener();
    const target = { host: "127.0.0.1", port: full.port };
    expect(await failure(connectServer({ ...target, timeoutMs: 100 }))).toBe("timeout");
    const controller = new AbortController();
    const aborted = connectServer({ ...target, timeoutMs: 20_000, signal: controller.signal });
    controller.abort();
    expect(await failure(aborted)).toBe("aborted");
    expect(await failure(connectServer({ host: "/nowhere", port, timeoutMs: 2000 }))).toBe(
      "no-socket",
    );
  });
});

async function failure(attempt: Promise<ByteStream>): Promise<string> {
  try {
    (await attempt).destroy();
    return "connected";
  } catch (error) {
    return error instanceof ConnectError ? error.failure : String(error);
  }
}

/** A listener whose queue is full, so that nobody gets an answer any more. */
async function fullListener(): Promise<AsyncDisposable & { port: number }> {
  const port = await freePort();
  const listeners = await openListeners(
    { ...plan({ tcp: [{ host: "127.0.0.1", port }] }), backlog: 0 },
    memoryLogger().logger,
  );
  const waiting = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => {}));
  await waitFor(() => waiting.some((socket) => !socket.connecting), { what: "a full queue" });
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      waiting.forEach((socket) => socket.destroy());
      closeListeners(listeners);
    },
  };
}
