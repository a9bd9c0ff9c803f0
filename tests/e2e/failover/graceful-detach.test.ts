/** Detaching a node when all clients have left. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { TestCluster } from "../../support/cluster.ts";
import type { Settings } from "../../support/config-file.ts";
import * as frontend from "../../support/frontend.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { RawClient } from "../../support/raw-client.ts";
import { errorFields } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { logIn, rowsOf, valueOf } from "../support/nodes.ts";
import { PCP_CONF, pcpFailure, withPcp } from "../support/pcp.ts";

let cluster: TestCluster;
let pgpool: Pgpool;

beforeAll(async () => {
  cluster = await TestCluster.start();
}, 60_000);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  await pgpool?.[Symbol.asyncDispose]();
});

async function start(config: Settings): Promise<void> {
  pgpool = await startPgpool({
    cluster,
    pcp: PCP_CONF,
    config: { worker_processes: 2, ...config },
  });
}

/** A client that has asked to be let in and has to wait. */
async function newcomer(): Promise<RawClient> {
  const client = await RawClient.connect({ port: pgpool.port });
  client.send(frontend.startup({ user: "postgres", database: "postgres" }));
  return client;
}

async function statusOf(node: number): Promise<string> {
  return await withPcp(pgpool, async (pcp) => (await pcp.nodeInfo(node))[0]?.status ?? "");
}

describe("a graceful detach", () => {
  it("waits until the clients have left, and lets new ones in then", async () => {
    await start({});
    const present = await logIn(pgpool);
    await rowsOf(present, "BEGIN");
    const detached = withPcp(pgpool, (pcp) => pcp.detachNode(1, { gracefully: true }));
    await pgpool.waitForLog(/new clients wait/);
    using late = await newcomer();
    expect(await valueOf(present, "SELECT 1")).toBe("1");
    expect(await valueOf(present, "SELECT 2")).toBe("2");
    expect(late.received).toEqual([]);
    expect(await statusOf(1)).not.toBe("down");
    present.close();
    await detached;
    expect(await statusOf(1)).toBe("down");
    expect((await late.readUntil("Z")).map(({ type }) => type)).not.toContain("E");
  });

  it("does nothing when they stay longer than recovery_timeout, and says so", async () => {
    await start({ recovery_timeout: 1 });
    using present = await logIn(pgpool);
    const error = await pcpFailure(pgpool, (pcp) => pcp.detachNode(1, { gracefully: true }));
    expect(error.detail).toBe("clients did not leave within 1 seconds");
    expect(await statusOf(1)).not.toBe("down");
    using next = await logIn(pgpool);
    expect(await valueOf(next, "SELECT 1")).toBe("1");
    expect(await valueOf(present, "SELECT 1")).toBe("1");
  });

  it("ends clients that do nothing with client_idle_limit_in_recovery", async () => {
    await start({ client_idle_limit_in_recovery: 1 });
    using idle = await logIn(pgpool);
    await withPcp(pgpool, (pcp) => pcp.detachNode(1, { gracefully: true }));
    const [error] = (await idle.readToEnd()).slice(-1);
    expect(error && errorFields(error).C).toBe("57P05");
    expect(await statusOf(1)).toBe("down");
  });

  it("tells clients who wait for too long, and does not hold up a stop", async () => {
    await start({ failover_wait_timeout: 1 });
    const present = await logIn(pgpool);
    const detached = withPcp(pgpool, (pcp) => pcp.detachNode(1, { gracefully: true }))
      .catch((error: unknown) => error);
    await pgpool.waitForLog(/new clients wait/);
    using late = await newcomer();
    const [error] = await late.readToEnd();
    expect(error && errorFields(error).C).toBe("57P03");
    using waiting = await newcomer();
    const stopped = pgpool.stop("smart");
    await waitFor(() => waiting.closed, { what: "the client that waits to be sent away" });
    present.close();
    expect(await stopped).toBe(0);
    expect(await detached).toBeInstanceOf(Error);
  });
});
