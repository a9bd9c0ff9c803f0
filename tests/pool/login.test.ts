import { afterEach, describe, expect, it } from "bun:test";
import { createServer, type Server } from "node:net";
import { ServerUnreachable } from "../../lib/pool/errors.ts";
import { openConnection } from "../../lib/pool/login.ts";
import { authentication, readyForQuery } from "../../lib/wire/build.ts";
import { TransactionStatus } from "../../lib/wire/protocol.ts";
import { freePort } from "../support/ports.ts";
import { within } from "../support/wait.ts";

let server: Server | undefined;

afterEach(() => {
  server?.close();
});

/** Listens, and answers the first that comes with these bytes. */
async function answerWith(bytes: Uint8Array): Promise<number> {
  const port = await freePort();
  server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", () => socket.write(bytes));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen({ host: "127.0.0.1", port }, resolve);
  await promise;
  return port;
}

function logIn(port: number, connectTimeoutMs = 5000) {
  return openConnection(
    {
      node: 0,
      host: "127.0.0.1",
      port,
      connectTimeoutMs,
      loginTimeoutMs: 60_000,
      tls: undefined,
    },
    { database: "d", user: "u", minor: 0, options: [] },
    "",
    { kind: "none" },
    () => Promise.resolve({ kind: "none" }),
  );
}

describe("a login", () => {
  it("has its time when connecting has no limit of its own (connect_timeout = 0)", async () => {
    const trust = Buffer.concat([authentication(0), readyForQuery(TransactionStatus.Idle)]);
    const { connection } = await logIn(await answerWith(trust), 0);
    expect(connection.closed).toBe(false);
    connection.close();
  });
});

describe("a login at what is no PostgreSQL server", () => {
  it.each([
    ["half a gigabyte", Buffer.from([0x52, 0x20, 0, 0, 0, 0, 0])],
    ["less than nothing", Buffer.from([0x52, 0xff, 0, 0, 0, 0, 0])],
  ])("fails at once, and does not wait for %s to come", async (_, bytes) => {
    const attempt = logIn(await answerWith(bytes));
    const error = await within(attempt.catch((thrown: unknown) => thrown), {
      what: "the login to fail",
      deadlineMs: 5000,
    });
    expect(error).toBeInstanceOf(ServerUnreachable);
  });
});
