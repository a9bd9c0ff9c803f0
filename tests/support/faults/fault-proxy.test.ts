import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { connect, type Socket } from "node:net";
import { type EchoServer, startEchoServer } from "./echo-server.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { waitFor } from "../wait.ts";

let echo: EchoServer;
let proxy: FaultProxy;

beforeEach(async () => {
  echo = await startEchoServer();
  proxy = await FaultProxy.start(echo.port);
});

afterEach(async () => {
  await proxy.close();
  echo.close();
});

/** A client of the proxy, and what it has seen. */
interface Client {
  readonly socket: Socket;
  received: string;
  ended: boolean;
  failure: string;
}

function client(): Client {
  const socket = connect({ host: proxy.host, port: proxy.port });
  const seen: Client = { socket, received: "", ended: false, failure: "" };
  socket.on("data", (chunk: Buffer) => seen.received += chunk.toString("latin1"));
  socket.on("end", () => seen.ended = true);
  socket.on("error", (error: Error & { code?: string }) => seen.failure = error.code ?? "unknown");
  socket.on("close", () => seen.ended = true);
  return seen;
}

async function echoed(text: string): Promise<Client> {
  const one = client();
  one.socket.write(text);
  await waitFor(() => one.received === text, { what: `the echo of ${text}` });
  return one;
}

/** Long enough for an answer that is not held back. */
const A_WHILE_MS = 100;

describe("a fault proxy", () => {
  it("passes everything on where nothing is wrong", async () => {
    const one = await echoed("hello");
    one.socket.end();
    await waitFor(() => one.ended, { what: "the end" });
  });

  it("refuse: resets what is there and refuses what comes, until it is healed", async () => {
    const one = await echoed("a");
    await proxy.set({ kind: "refuse" });
    await waitFor(() => one.ended, { what: "the reset" });
    const two = client();
    await waitFor(() => two.failure === "ECONNREFUSED", { what: "the refusal" });
    await proxy.heal();
    await echoed("b");
  });

  it("drop: connecting gets no answer, and what is there freezes and thaws", async () => {
    const one = await echoed("a");
    await proxy.set({ kind: "drop" });
    one.socket.write("b");
    const two = client();
    let isConnected = false;
    two.socket.on("connect", () => isConnected = true);
    await Bun.sleep(A_WHILE_MS);
    expect({ ...one, socket: null }).toEqual({
      socket: null,
      received: "a",
      ended: false,
      failure: "",
    });
    expect([isConnected, two.failure]).toEqual([false, ""]);
    two.socket.destroy();
    await proxy.heal();
    await waitFor(() => one.received === "ab", { what: "what was held" });
    await echoed("c");
  });

  it("silence: connecting works, then nothing comes", async () => {
    await proxy.set({ kind: "silence" });
    const one = client();
    let isConnected = false;
    one.socket.on("connect", () => isConnected = true);
    one.socket.write("a");
    await waitFor(() => isConnected, { what: "the connection" });
    await Bun.sleep(A_WHILE_MS);
    expect(one.received).toBe("");
    await proxy.heal();
    await waitFor(() => one.received === "a", { what: "what was held" });
  });

  it("delay: everything comes later", async () => {
    await proxy.set({ kind: "delay", ms: A_WHILE_MS });
    const start = performance.now();
    await echoed("a");
    expect(performance.now() - start).toBeGreaterThan(A_WHILE_MS);
  });

  it("half-close: the client sees the end and may still send", async () => {
    const one = await echoed("a");
    await proxy.set({ kind: "half-close" });
    await waitFor(() => one.ended, { what: "the end" });
    expect([one.received, one.failure]).toEqual(["a", ""]);
  });

  it("garbage: answers are as long as they were, and wrong", async () => {
    await proxy.set({ kind: "garbage" });
    const one = client();
    const text = "x".repeat(64);
    one.socket.write(text);
    await waitFor(() => one.received.length === text.length, { what: "an answer" });
    expect(one.received).not.toBe(text);
  });

  it("cut: ends in the middle of an answer", async () => {
    const one = await echoed("a");
    await proxy.set({ kind: "cut", afterBytes: 3 });
    one.socket.write("bcdefgh");
    await waitFor(() => one.ended, { what: "the cut" });
    expect(one.received).toBe("abcd");
  });

  it("throttle: answers trickle", async () => {
    await proxy.set({ kind: "throttle", bytesPerSecond: 1000 });
    const start = performance.now();
    await echoed("x".repeat(200));
    expect(performance.now() - start).toBeGreaterThan(100);
  });
});
