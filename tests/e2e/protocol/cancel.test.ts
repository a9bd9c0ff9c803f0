/** Cancel requests: they reach what they are for, at any worker, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { randomBytes } from "node:crypto";
import * as frontend from "../../support/frontend.ts";
import { cancel, RawClient } from "../../support/raw-client.ts";
import { transcript } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { logInBy } from "../support/logins.ts";
import { valueOf } from "../support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "../support/replicated-pool.ts";

const SLEEP = "SELECT pg_sleep(30)";

let pool: ReplicatedPool;

beforeAll(async () => {
  pool = await startReplicatedPool({ worker_processes: 3 });
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

function address() {
  return { port: pool.pgpool.port };
}

async function running(): Promise<number> {
  let count = 0;
  for (const server of pool.cluster.servers) {
    const [row] = await server.query(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()",
    );
    count += Number(row?.["n"]);
  }
  return count;
}

async function sleeping(count: number): Promise<void> {
  await waitFor(async () => await running() === count, { what: `${count} queries to run` });
}

/** How a query ended: `cancelled`, or its last line before ReadyForQuery. */
async function outcome(client: RawClient, deadlineMs = 10_000): Promise<string> {
  const lines = transcript(await client.readUntil("Z", deadlineMs));
  return lines.some((line) => line.includes("C 57014")) ? "cancelled" : lines.at(-2) ?? "";
}

describe("a cancel request", () => {
  it.each([
    ["simple", [frontend.query(SLEEP)]],
    ["extended", [frontend.parse(SLEEP), frontend.bind(), frontend.execute(), frontend.sync]],
    ["simple, on the primary", [frontend.query(`/*NO LOAD BALANCE*/ ${SLEEP}`)]],
  ])("ends the query that runs (%s)", async (_what, parts) => {
    for (const minor of [0, 2]) {
      using client = await logInBy({ ...address(), minor });
      client.send(...parts);
      await sleeping(1);
      await cancel(address(), client.backendKey());
      expect(await outcome(client)).toBe("cancelled");
      expect(await valueOf(client, "SELECT 'goes on'")).toBe("goes on");
    }
  });

  it("may come through the Unix socket for a session by TCP", async () => {
    using client = await logInBy(address());
    client.send(frontend.query(SLEEP));
    await sleeping(1);
    await cancel({ path: pool.pgpool.socketPath }, client.backendKey());
    expect(await outcome(client)).toBe("cancelled");
  });

  it("to an idle session does no harm to what it does next", async () => {
    using client = await logInBy(address());
    for (let i = 0; i < 20; i++) {
      await cancel(address(), client.backendKey());
      expect(await valueOf(client, `SELECT ${i} FROM pg_sleep(0.01)`)).toBe(String(i));
    }
  });

  it("with a key that is wrong, short, long or of nobody does nothing", async () => {
    using client = await logInBy({ ...address(), minor: 2 });
    client.send(frontend.query("SELECT pg_sleep(1)"));
    await sleeping(1);
    const { pid, key } = client.backendKey();
    const tampered = Buffer.from(key);
    tampered[31] = (tampered[31] ?? 0) ^ 1;
    await cancel(address(), { pid, key: tampered });
    await cancel(address(), { pid: pid + 1, key });
    await cancel(address(), { pid, key: key.subarray(0, 4) });
    await cancel(address(), { pid, key: Buffer.concat([key, key]) });
    await cancel(address(), { pid, key: randomBytes(256) });
    await cancel(address(), { pid: 0, key: Buffer.alloc(4) });
    expect(await outcome(client)).toBe("CommandComplete(SELECT 1)");
  });

  it("with the key of a session that has ended does nothing to the next one", async () => {
    const ended = await logInBy(address());
    const old = ended.backendKey();
    await ended.query("SELECT 1");
    ended.send(frontend.terminate);
    await ended.readToEnd();
    const next = await Promise.all(Array.from({ length: 6 }, () => logInBy(address())));
    for (const client of next) {
      expect(client.backendKey().key.equals(old.key)).toBe(false);
      client.send(frontend.query("SELECT pg_sleep(0.5)"));
    }
    await sleeping(6);
    await cancel(address(), old);
    for (const client of next) expect(await outcome(client)).toBe("CommandComplete(SELECT 1)");
    for (const client of next) client.close();
  });
});

describe("many clients on several workers", () => {
  it("each cancel reaches its own client and no other", async () => {
    const count = 24;
    const clients = await Promise.all(
      Array.from(
        { length: count },
        (_, i) => logInBy({ ...address(), minor: i % 2 === 0 ? 0 : 2 }),
      ),
    );
    for (const [i, client] of clients.entries()) {
      client.send(frontend.query(i % 3 === 0 ? SLEEP : "SELECT pg_sleep(1.5)"));
    }
    await sleeping(count);
    const targets = clients.filter((_, i) => i % 3 === 0);
    await Promise.all(targets.map((client) => cancel(address(), client.backendKey())));
    const outcomes = await Promise.all(clients.map((client) => outcome(client, 20_000)));
    expect(outcomes).toEqual(
      clients.map((_, i) => i % 3 === 0 ? "cancelled" : "CommandComplete(SELECT 1)"),
    );
    for (const client of clients) client.close();
  }, 60_000);

  it("a cancel that comes late never hits the next user of the connection", async () => {
    for (let round = 0; round < 15; round++) {
      const first = await logInBy(address());
      first.send(frontend.query("SELECT pg_sleep(0.02)"));
      const cancelled = cancel(address(), first.backendKey());
      first.send(frontend.terminate);
      await first.readToEnd();
      using second = await logInBy(address());
      second.send(frontend.query(`SELECT ${round} FROM pg_sleep(0.05)`));
      const lines = transcript(await second.readUntil("Z"));
      expect(lines).toContain(`DataRow(${round})`);
      await cancelled;
    }
  }, 60_000);

  it("requests that never say what they want are given up, and hold up nobody", async () => {
    const idle = await Promise.all(Array.from({ length: 30 }, () => RawClient.connect(address())));
    for (const client of idle) {
      client.send(frontend.cancelRequest(1, Buffer.alloc(4)).subarray(0, 9));
    }
    using client = await logInBy(address());
    client.send(frontend.query(SLEEP));
    await sleeping(1);
    await cancel(address(), client.backendKey());
    expect(await outcome(client)).toBe("cancelled");
    for (const each of idle) each.close();
  });
});
