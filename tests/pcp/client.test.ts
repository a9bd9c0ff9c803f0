/** The PCP client, with a server that is broken, hostile, or gone. */
import { afterEach, describe, expect, it } from "bun:test";
import fc from "fast-check";
import { createServer, type Server, type Socket } from "node:net";
import { buildVerifier } from "../../lib/auth/scram.ts";
import { connectPcp, PcpClientError, type PcpConnectOptions } from "../../lib/pcp/client.ts";
import { cStrings, encodeMessage, PcpReader } from "../../lib/pcp/messages.ts";
import { encodeNotice } from "../../lib/pcp/notices.ts";
import * as replies from "../../lib/pcp/replies.ts";
import { ScramServer } from "../../lib/auth/scram.ts";
import { decodeRequest, type PcpRequest } from "../../lib/pcp/requests.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that answers each request with these bytes; undefined: it hangs up. */
async function serve(
  answer: (request: PcpRequest, socket: Socket) => Uint8Array | undefined,
): Promise<PcpConnectOptions> {
  const server = createServer((socket) => {
    const reader = new PcpReader(1024);
    socket.on("error", () => {});
    socket.on("data", (chunk: Uint8Array) => {
      reader.feed(chunk);
      for (let next = reader.next(); next !== undefined; next = reader.next()) {
        const bytes = answer(decodeRequest(next), socket);
        if (bytes === undefined) socket.destroy();
        else socket.write(bytes);
      }
    });
  });
  servers.push(server);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", () => resolve());
  await promise;
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    ...{ host: "127.0.0.1", port, user: "admin", password: "secret", tls: "disable" },
    ...{ connectTimeout: 2000, requestTimeout: 500 },
  };
}

/** Lets everybody in, and answers what comes after that. */
function after(
  answer: (request: PcpRequest) => Uint8Array | undefined,
): (request: PcpRequest) => Uint8Array | undefined {
  return (request) => {
    switch (request.kind) {
      case "salt":
        return replies.saltReply(Buffer.alloc(4), []);
      case "authenticate":
        return replies.authenticatedReply();
      default:
        return answer(request);
    }
  };
}

async function failure(asked: Promise<unknown>): Promise<PcpClientError> {
  const error = await asked.then(() => undefined, (thrown: unknown) => thrown);
  if (error instanceof PcpClientError) return error;
  throw error ?? new Error("it did not fail");
}

describe("the PCP client", () => {
  it("passes notices on and finds the answer behind them", async () => {
    const notice = {
      severity: "NOTICE",
      sqlState: "00000",
      message: "on it",
      detail: "",
      hint: "",
    };
    const options = await serve(
      after(() => Buffer.concat([encodeNotice("N", notice), replies.nodeCountReply(3)])),
    );
    const told: string[] = [];
    const pool = await connectPcp({ ...options, onNotice: ({ message }) => told.push(message) });
    expect(await pool.nodeCount()).toBe(3);
    expect(told).toEqual(["on it"]);
  });

  it("says when the server goes away in the middle", async () => {
    const options = await serve(after(() => undefined));
    const pool = await connectPcp(options);
    expect(await failure(pool.nodeCount())).toMatchObject({
      kind: "protocol",
      message: "unable to read data from socket.",
    });
    expect((await failure(pool.nodeCount())).kind).toBe("protocol");
    await pool.close();
  });

  it("does not take the complaint of another protocol for a wrong password", async () => {
    const message = "invalid length of startup packet";
    const notice = { severity: "FATAL", sqlState: "08P01", message, detail: "", hint: "" };
    const options = await serve(() => encodeNotice("E", notice));
    expect(await failure(connectPcp(options))).toMatchObject({ kind: "protocol", message });
  });

  it("waits for an answer as long as it may, and asks nothing more after that", async () => {
    const pool = await connectPcp(await serve(after(() => new Uint8Array())));
    expect((await failure(pool.nodeCount())).kind).toBe("timeout");
    expect((await failure(pool.processIds())).kind).toBe("timeout");
  });

  it("takes no answer to another request for its own", async () => {
    const pool = await connectPcp(await serve(after(() => replies.completeReply("z"))));
    expect(await failure(pool.nodeCount())).toMatchObject({
      kind: "protocol",
      message: 'invalid PCP packet type ="z"',
    });
    expect((await failure(pool.reloadConfig())).kind).toBe("protocol");
  });

  it("gives up on a message without end", async () => {
    const pool = await connectPcp(
      await serve(after(() => Buffer.from("l\x7f\xff\xff\xff", "latin1"))),
    );
    expect(await failure(pool.nodeCount())).toMatchObject({
      kind: "protocol",
      message: expect.stringMatching(/^invalid PCP packet: incorrect packet length/),
    });
  });

  it("gives up on rows without end, in bounded memory", async () => {
    const rows = Buffer.concat(
      Array.from(
        { length: 1000 },
        () =>
          encodeMessage(
            "p",
            cStrings(["ProcessInfo", ...Array<string>(17).fill("1".repeat(1000))]),
          ),
      ),
    );
    const options = await serve((request, socket) => {
      const first = after(() => encodeMessage("p", cStrings(["ArraySize", "1"])))(request);
      if (request.kind === "process-info") {
        const more = () => void socket.write(rows);
        socket.on("drain", more);
        if (first !== undefined) socket.write(first);
        more();
        return new Uint8Array();
      }
      return first;
    });
    const pool = await connectPcp({ ...options, requestTimeout: 15_000 });
    expect(await failure(pool.processInfo("all"))).toMatchObject({
      kind: "protocol",
      message: "the answer is too long",
    });
  }, 20_000);

  it("does not believe a server that can not show that it knows the verifier", async () => {
    const verifier = buildVerifier("secret", Buffer.alloc(16, 1));
    const scram = new ScramServer({
      ...{ user: "admin", alwaysVerifier: true, random: (size) => Buffer.alloc(size, 7) },
      verifier,
    });
    const options = await serve((request) => {
      if (request.kind === "salt") return replies.saltReply(Buffer.alloc(4), scram.mechanisms);
      if (request.kind !== "sasl") return undefined;
      if (request.mechanism !== "") {
        return replies.saslReply(scram.first(request.data, request.mechanism));
      }
      const signature = Buffer.alloc(32).toString("base64");
      return Buffer.concat([
        replies.saslReply(Buffer.from(`v=${signature}`)),
        replies.authenticatedReply(),
      ]);
    });
    expect(await failure(connectPcp(options))).toMatchObject({ kind: "authentication" });
  });

  it("knows no mechanism but SCRAM", async () => {
    const options = await serve(() => replies.saltReply(Buffer.alloc(4), ["PLAIN"]));
    expect((await failure(connectPcp(options))).kind).toBe("authentication");
  });

  it("fails in one of its ways, whatever bytes it is sent", async () => {
    let bytes: Uint8Array = new Uint8Array();
    const options = await serve((_request, socket) => {
      socket.end(bytes);
      return new Uint8Array();
    });
    const valid = fc.constantFrom(
      ...[
        replies.nodeCountReply(1),
        replies.completeReply("b"),
        encodeMessage("m"),
        encodeMessage("E"),
      ],
    );
    const noise = fc.oneof(fc.uint8Array({ maxLength: 100 }), valid);
    await fc.assert(
      fc.asyncProperty(fc.array(noise, { maxLength: 3 }), async (parts) => {
        bytes = Buffer.concat(parts);
        expect(["protocol", "authentication"]).toContain((await failure(connectPcp(options))).kind);
      }),
      { numRuns: 50 },
    );
  });
});
