import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { PcpClientError } from "../../lib/pcp/client.ts";
import { cStrings, encodeMessage, MAX_REPLY_LENGTH, PcpReader } from "../../lib/pcp/messages.ts";
import { decodeNotice, encodeNotice } from "../../lib/pcp/notices.ts";
import * as replies from "../../lib/pcp/replies.ts";
import * as read from "../../lib/pcp/replies-read.ts";
import type { BusySession } from "../../lib/pcp/statistics.ts";
import type { HealthCheckInfo, NodeInfo, ProcessInfo, WatchdogInfo } from "../../lib/pcp/types.ts";
import { STATISTICS } from "../admin/metrics/statistics.ts";
import { inPieces } from "./support.ts";

const text = fc.string({ unit: "grapheme", maxLength: 40 }).map((all) => all.replaceAll("\0", ""));
const count = fc.nat(0x7fffffff);

const nodeInfo: fc.Arbitrary<Omit<NodeInfo, "nodeId">> = fc.record({
  hostname: text,
  port: fc.nat(65535),
  status: fc.constantFrom("unused", "waiting", "up", "down", "quarantine"),
  backendStatus: fc.constantFrom("up", "down", "unknown"),
  weight: fc.constantFrom(0, 0.5, 1),
  role: fc.constantFrom("main", "replica", "primary", "standby"),
  backendRole: fc.constantFrom("main", "replica", "primary", "standby", "unknown"),
  delayByTime: fc.boolean(),
  replicationDelay: count,
  replicationState: text,
  replicationSyncState: text,
  lastStatusChange: count,
});

const processInfo: fc.Arbitrary<ProcessInfo> = fc.record({
  poolPid: count,
  startTime: text,
  clientConnectionCount: count,
  poolId: count,
  backendId: count,
  database: text,
  username: text,
  backendConnectionTime: text,
  clientConnectionTime: text,
  clientDisconnectionTime: text,
  clientIdleDuration: text,
  majorVersion: count,
  minorVersion: count,
  poolCounter: count,
  backendPid: count,
  isConnected: fc.boolean(),
  status: text,
  isLoadBalanceNode: fc.boolean(),
  clientHost: text,
  clientPort: text,
  statement: text,
});

const healthCheck: fc.Arbitrary<HealthCheckInfo> = fc.record({
  nodeId: count,
  hostname: text,
  port: count,
  status: text,
  role: text,
  lastStatusChange: text,
  totalCount: count,
  successCount: count,
  failCount: count,
  skipCount: count,
  retryCount: count,
  averageRetryCount: fc.constantFrom(0, 0.5, 2.25),
  maxRetryCount: count,
  maxDuration: count,
  minDuration: count,
  averageDuration: fc.constantFrom(0, 3.125, 1000),
  lastHealthCheck: text,
  lastSuccessfulHealthCheck: text,
  lastSkipHealthCheck: text,
  lastFailedHealthCheck: text,
});

const watchdog: fc.Arbitrary<WatchdogInfo> = fc.record({
  nodeCount: count,
  remoteNodeCount: count,
  memberRemoteNodeCount: count,
  nodesRequiredForQuorum: count,
  quorumStatus: fc.constantFrom(1, 0, -1, -2),
  aliveNodeCount: count,
  isEscalated: fc.boolean(),
  leaderNodeName: text,
  leaderHostName: text,
  nodes: fc.array(
    fc.record({
      id: count,
      nodeName: text,
      hostName: text,
      delegateIp: text,
      membership: count,
      membershipText: text,
      wdPort: count,
      pgpoolPort: count,
      state: count,
      stateName: text,
      priority: count,
    }),
    { maxLength: 3 },
  ),
});

/** Reads an answer that comes in pieces, and sees that it is over. */
async function readBack<T>(
  messages: Iterable<Uint8Array>,
  sizes: Iterator<number>,
  decode: (reply: read.Reply) => Promise<T>,
): Promise<T> {
  const reader = new PcpReader(MAX_REPLY_LENGTH);
  const pieces = inPieces(Buffer.concat([...messages]), sizes);
  const value = await decode(async () => {
    for (;;) {
      const message = reader.next();
      if (message !== undefined) return message.body;
      const piece = pieces.shift();
      if (piece === undefined) throw new Error("the answer is not whole");
      reader.feed(piece);
    }
  });
  expect([reader.pending, pieces.length]).toEqual([0, 0]);
  return value;
}

/** One answer in one piece. */
async function readOne<T>(
  strings: readonly string[],
  decode: (reply: read.Reply) => Promise<T>,
): Promise<T> {
  return await decode(async () => cStrings(strings));
}

const sizes = fc.infiniteStream(fc.nat(60));

describe("PCP replies", () => {
  it("are the bytes of a captured server", () => {
    expect(replies.nodeCountReply(2).toString("latin1")).toBe("l\0\0\0\x16CommandComplete\x002\0");
    expect(replies.processListReply([20, 21]).toString("latin1"))
      .toBe("n\0\0\0\x1cCommandComplete\x002\x0020\x0021\0");
    expect(replies.completeReply("c").toString("latin1")).toBe("c\0\0\0\x14CommandComplete\0");
    expect(replies.authenticatedReply().toString("latin1"))
      .toBe("r\0\0\0\x15AuthenticationOK\0");
    expect(Buffer.concat([...replies.nodeInfoReply([NODE])]).toString("latin1")).toBe(
      "i\0\0\0\x10ArraySize\x001\0" +
        "i\0\0\0_NodeInfo\x00127.0.0.1\x0039963\x002\x000\x00up\x001073741823.500000\x003\0" +
        "standby\x000\x000\x00streaming\x00async\x001795616416\0i\0\0\0\x14CommandComplete\0",
    );
  });

  it("have a binary number of rows for the pool status, and a decimal one elsewhere", () => {
    const [first] = replies.poolStatusReply([{ name: "a", value: "b", description: "c" }]);
    expect(first?.toString("latin1")).toBe("b\0\0\0\x12ArraySize\0\0\0\0\x01");
    const [other] = replies.processInfoReply([]);
    expect(other?.toString("latin1")).toBe("p\0\0\0\x10ArraySize\x000\0");
  });

  it("on nodes say what was said, wherever they are split", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(nodeInfo, { maxLength: 4 }), sizes, async (nodes, pieces) => {
        const numbered = nodes.map((node, index) => ({ nodeId: 3 + index, ...node }));
        const found = await readBack(
          replies.nodeInfoReply(numbered),
          pieces,
          (reply) => read.readNodes(reply, 3),
        );
        expect(found).toEqual(numbered);
      }),
    );
  });

  it("on processes say what was said, wherever they are split", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(processInfo, { maxLength: 4 }), sizes, async (rows, pieces) => {
        const found = await readBack(replies.processInfoReply(rows), pieces, read.readProcesses);
        expect(found).toEqual(rows);
      }),
    );
  });

  it("on parameters, health checks and the watchdog say what was said", async () => {
    const items = fc.array(fc.record({ name: text, value: text, description: text }));
    await fc.assert(
      fc.asyncProperty(items, healthCheck, watchdog, sizes, async (rows, health, info, pieces) => {
        expect(await readBack(replies.poolStatusReply(rows), pieces, read.readPoolStatus))
          .toEqual(rows);
        expect(await readBack([replies.healthCheckReply(health)], pieces, read.readHealthCheck))
          .toEqual(health);
        expect(await readBack([replies.watchdogReply(info)], pieces, read.readWatchdog))
          .toEqual(info);
      }),
    );
  });

  it("on a switchover say what was said", async () => {
    const number = fc.nat();
    const report = fc.record({
      node: number,
      oldPrimary: number,
      drain: number,
      replay: number,
      promotion: number,
      pause: number,
      total: number,
      isFenced: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(report, sizes, async (told, pieces) => {
        expect(await readBack([replies.switchoverReply(told)], pieces, read.readSwitchover))
          .toEqual(told);
      }),
    );
  });

  it("on the activity of a pool say what was said, in words of any kind", async () => {
    await fc.assert(
      fc.asyncProperty(text, sizes, async (statement, pieces) => {
        const activity = { statistics: STATISTICS, sessions: [{ ...BUSY, statement }] };
        expect(await readBack([replies.activityReply(activity)], pieces, read.readActivity))
          .toEqual(activity);
      }),
      { numRuns: 20 },
    );
  });

  it("of older servers are read as well", async () => {
    const rows = [
      ["ArraySize", "1"],
      ["NodeInfo", "h", "1", "2", "0", "up", "1.000000", "3", "standby", "7", "s", "async", "99"],
      ["CommandComplete"],
    ];
    const [node] = await read.readNodes(async () => cStrings(rows.shift() ?? []), 5);
    expect(node).toMatchObject({ nodeId: 5, delayByTime: false, replicationDelay: 7 });
    expect(node?.lastStatusChange).toBe(99);
  });

  it("that make no sense are errors, not guesses", async () => {
    const cases: readonly (readonly [string[], (reply: read.Reply) => Promise<unknown>])[] = [
      [["CommandComplete", "two"], read.readNodeCount],
      [["CommandComplete"], read.readNodeCount],
      [["CommandComplete", "{}"], read.readWatchdog],
      [["CommandComplete", "{"], read.readWatchdog],
      [["CommandComplete", "{"], read.readActivity],
      [["CommandComplete", '{"statistics":{},"sessions":[]}'], read.readActivity],
      [["CommandComplete", brokenActivity()], read.readActivity],
      [["CommandComplete", "0", "h"], read.readHealthCheck],
      [["NodeInfo"], (reply) => read.readNodes(reply, 0)],
      [["failed"], read.readComplete],
    ];
    for (const [strings, decode] of cases) {
      const failure = await readOne(strings, decode).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(PcpClientError);
      expect(failure).toMatchObject({ kind: "protocol" });
    }
  });
});

describe("PCP errors and notices", () => {
  it("have the fields in the order of Pgpool-II, the empty ones left out", () => {
    const notice = { severity: "ERROR", sqlState: "XX000", message: "no", detail: "", hint: "" };
    expect(encodeNotice("E", notice).toString("latin1"))
      .toBe("E\0\0\0\x1fSERROR\0CXX000\0Mno\0Fpcp\0L0\0\0");
    expect(encodeNotice("N", { ...notice, detail: "why", hint: "do" }).toString("latin1"))
      .toBe("N\0\0\0\x28SERROR\0CXX000\0Mno\0Dwhy\0Hdo\0Fpcp\0L0\0\0");
  });

  it("are read back, and their texts cut at 255 bytes between characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 400 }), (long) => {
        const message = long.replaceAll("\0", "");
        const bytes = encodeNotice("E", {
          severity: "ERROR",
          sqlState: "",
          message,
          detail: "",
          hint: "",
        });
        const found = decodeNotice(bytes.subarray(5));
        expect(message.startsWith(found.message)).toBe(true);
        expect(Buffer.byteLength(found.message)).toBeLessThanOrEqual(255);
        if (Buffer.byteLength(message) <= 255) expect(found.message).toBe(message);
      }),
    );
  });
});

describe("a message of unknown type", () => {
  it("keeps its letter", () => {
    const reader = new PcpReader(MAX_REPLY_LENGTH);
    reader.feed(encodeMessage("?"));
    expect(reader.next()?.type).toBe("?");
  });
});

const BUSY: BusySession = {
  poolPid: 1,
  database: "d",
  user: "u",
  applicationName: "a",
  clientHost: "127.0.0.1",
  clientPort: "5000",
  state: "active",
  waitingFor: "",
  seconds: 1.5,
  statement: "select 1",
  node: 0,
  backendPid: 2,
};

/** The figures of a pool, one of whose nodes lacks its number. */
function brokenActivity(): string {
  const [{ id: _, ...node } = { id: 0 }] = STATISTICS.nodes;
  return JSON.stringify({ statistics: { ...STATISTICS, nodes: [node] }, sessions: [] });
}

const NODE: NodeInfo = {
  nodeId: 1,
  hostname: "127.0.0.1",
  port: 39963,
  status: "up",
  backendStatus: "up",
  weight: 0.5,
  role: "standby",
  backendRole: "standby",
  delayByTime: false,
  replicationDelay: 0,
  replicationState: "streaming",
  replicationSyncState: "async",
  lastStatusChange: 1795616416,
};
