import { afterEach, describe, expect, it } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import fc from "fast-check";
import { readAnswer } from "../../lib/cluster/ping.ts";
import { createProbe } from "../../lib/cluster/probe.ts";
import { AnswerError, readFacts } from "../../lib/cluster/question.ts";
import { authentication, errorResponse } from "../../lib/wire/build.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that does one thing with each connection; returns where it listens. */
async function serve(handle: (socket: Socket, count: number) => void) {
  let count = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    handle(socket, ++count);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { hostname: "127.0.0.1", port: address.port, connections: () => count };
}

function probe() {
  const identity = {
    user: "check",
    database: "postgres",
    credentials: { kind: "password", password: "" },
    tls: undefined,
  } as const;
  return createProbe({ check: () => identity, health: () => identity });
}

function error(code: string) {
  return errorResponse({ severity: "FATAL", sqlstate: code, message: "message" });
}

describe("a ping", () => {
  it("takes any answer of a living server as one", async () => {
    const asks = await serve((socket) => socket.write(authentication(5, Buffer.alloc(4))));
    expect(await probe().ping(asks, 2000)).toEqual({ kind: "answers" });
    const full = await serve((socket) => socket.write(error("53300")));
    expect((await probe().ping(full, 2000)).kind).toBe("failed");
    const strict = await serve((socket) => socket.write(error("28000")));
    expect((await probe().ping(strict, 2000)).kind).toBe("auth-failed");
  });

  it("tells a server that starts from one that goes", async () => {
    const starts = await serve((socket) => socket.write(error("57P03")));
    expect(await probe().ping(starts, 2000)).toEqual({ kind: "not-ready", message: "message" });
    const goes = await serve((socket) => socket.write(error("57P01")));
    expect(await probe().ping(goes, 2000)).toEqual({ kind: "shutting-down" });
  });

  it("gives up on a silent server when its time is over", async () => {
    const silent = await serve(() => {});
    expect(await probe().ping(silent, 50)).toEqual({ kind: "timeout" });
  });

  it("knows what is not PostgreSQL, hangs up, or is not there", async () => {
    const web = await serve((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(await probe().ping(web, 2000)).toEqual({ kind: "not-postgresql" });
    const rude = await serve((socket) => socket.destroy());
    expect((await probe().ping(rude, 2000)).kind).toBe("lost");
    const nobody = { hostname: "/nonexistent", port: 1 };
    expect((await probe().ping(nobody, 2000)).kind).toBe("refused");
  });

  it("reads the answer wherever it is split", () => {
    const whole = error("57P03");
    for (let length = 0; length < whole.length; length++) {
      expect(readAnswer(whole.subarray(0, length))).toBeNull();
    }
    expect(readAnswer(whole)).toEqual({ kind: "not-ready", message: "message" });
  });

  it("survives any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      readAnswer(Buffer.from(bytes));
    }));
  });
});

describe("a check", () => {
  it("ends within its deadline when the server hangs during the login", async () => {
    const half = await serve((socket) => socket.write(authentication(3)));
    const started = performance.now();
    expect(await probe().facts(0, half, 100)).toEqual({ kind: "timeout" });
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("ends at once when the node is released", async () => {
    const silent = await serve(() => {});
    const asking = probe();
    const started = performance.now();
    const outcome = asking.facts(0, silent, 10_000);
    await asking.release(0);
    expect((await outcome).kind).toBe("lost");
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("does not connect again and again when the session is closed", async () => {
    const half = await serve((socket) => {
      socket.write(authentication(0));
      socket.once("data", () => socket.destroy());
    });
    expect((await probe().facts(0, half, 2000)).kind).toBe("lost");
    expect(half.connections()).toBe(1);
  });
});

describe("readFacts", () => {
  it("reads a primary and a standby", () => {
    expect(readFacts({
      recovery: false,
      version: "180004",
      lsn: "1/0",
      file: "0000000A0000000000000017",
      replicas: [{ name: "server1", state: "streaming", sync: "async", lag: 0.0015 }],
      receiver: null,
    })).toEqual({
      inRecovery: false,
      serverVersion: 180004,
      lsn: 4294967296n,
      timeline: 10,
      replicas: [{
        applicationName: "server1",
        state: "streaming",
        syncState: "async",
        replayLag: 1500,
      }],
      receiver: null,
    });
    const text = '{"recovery":true,"version":"130000","lsn":null,"file":null,"replicas":null,' +
      '"receiver":{"status":null,"host":null,"port":null}}';
    expect(readFacts(text)).toMatchObject({
      inRecovery: true,
      lsn: null,
      timeline: null,
      receiver: { status: "", senderHost: "", senderPort: 0 },
    });
  });

  it("refuses anything else", () => {
    for (const answer of [null, undefined, 1, "{", "[]", { recovery: 1 }, { recovery: true }]) {
      expect(() => readFacts(answer)).toThrow(AnswerError);
    }
  });
});
