/**
 * Debian's Pgpool-II 4.3 (in C) at the other end: its commands against our server, our library
 * against its server. What differs between 4.3 and 4.7 is said where it is left out.
 */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { md5Hex } from "../../../lib/auth/md5.ts";
import { connectPcp, type PcpConnection } from "../../../mod.ts";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { hasPgpool2, Pgpool2, pgpool2Program } from "../../support/pgpool2.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { waitFor, within } from "../../support/wait.ts";
import { logIn, valueOf } from "../support/nodes.ts";

const PCP = `admin:${md5Hex("secret")}\n`;

let cluster: TestCluster;
let ours: Pgpool;
let theirs: Pgpool2;
let client: RawClient;
let toOurs: PcpConnection;
let toTheirs: PcpConnection;

describe.skipIf(!hasPgpool2())("with Debian's Pgpool-II", () => {
  beforeAll(async () => {
    cluster = await TestCluster.start();
    [ours, theirs] = await Promise.all([
      startPgpool({
        cluster,
        pcp: PCP,
        config: {
          num_init_children: 2,
          max_pool: 2,
          worker_processes: 1,
          health_check_period: 30,
        },
      }),
      Pgpool2.start(cluster, PCP),
    ]);
    ours.write("pcppass", "*:*:*:secret\n");
    client = await logIn(ours);
    await valueOf(client, "SELECT 1");
    const login = { host: "127.0.0.1", user: "admin", password: "secret" };
    toOurs = await connectPcp({ ...login, port: ours.pcpPort });
    toTheirs = await connectPcp({ ...login, port: theirs.pcpPort });
    await waitFor(
      async () => (await toOurs.nodeInfo("all")).every(({ status }) => status === "up"),
      {
        what: "the nodes to be up",
      },
    );
    await waitFor(async () => (await toOurs.healthCheckStats(1)).totalCount > 0, {
      what: "a health check",
    });
  }, 90_000);

  afterAll(async () => {
    client?.close();
    await Promise.all([toOurs?.close(), toTheirs?.close()]);
    await ours?.[Symbol.asyncDispose]();
    await theirs?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  describe("its commands against our server", () => {
    it("count and list nodes, processes and parameters", async () => {
      expect(await command("pcp_node_count")).toEqual([0, "2\n"]);
      expect(await command("pcp_proc_count")).toEqual([0, `${await toOurs.processIds()} \n`]);
      const status = (await toOurs.poolStatus()).map(({ name, value, description }) =>
        `name : ${name}\nvalue: ${value.slice(0, 511)}\ndesc : ${description.slice(0, 79)}\n\n`
      );
      expect(await command("pcp_pool_status")).toEqual([0, status.join("")]);
    });

    it("tell of a node what SHOW POOL_NODES tells", async () => {
      const [status, line] = await command("pcp_node_info", "1");
      expect(status).toBe(0);
      const [node] = await toOurs.nodeInfo(1);
      // 4.3 does not know the field that tells whether the delay is a time: all behind is shifted.
      expect(line.split(" ").slice(0, 8)).toEqual(
        [node?.hostname, node?.port, 2, "0.500000", "up", "up", "standby", "standby"].map(String),
      );
    });

    it("tell of clients and their server processes", async () => {
      const [, text] = await command("pcp_proc_info");
      const [primary = "", standby = ""] = text.trimEnd().split("\n");
      const [first, second] = await toOurs.processInfo("all");
      // 4.3 ends with the status: load balance node, client and statement came later.
      const line = (row: typeof first) =>
        row === undefined ? "" : [
          ...[row.database, row.username, row.startTime, row.clientConnectionCount],
          ...[row.majorVersion, row.minorVersion, row.backendConnectionTime],
          ...[row.clientConnectionTime, row.clientIdleDuration, row.clientDisconnectionTime],
          ...[row.poolCounter, row.backendPid, row.isConnected ? 1 : 0, row.poolPid, row.backendId],
          row.status,
        ].join(" ");
      const withoutIdle = (text: string) => text.replace(/ \d+ {2}(?=\d)/, " idle  ");
      expect(withoutIdle(primary)).toBe(withoutIdle(line(first)));
      expect(withoutIdle(standby)).toBe(withoutIdle(line(second)));
    });

    it("tell of health checks", async () => {
      const stats = await toOurs.healthCheckStats(0);
      const [, line] = await command("pcp_health_check_stats", "0");
      expect(line).toBe(
        `${
          [
            ...[stats.nodeId, stats.hostname, stats.port, stats.status, stats.role],
            ...[stats.lastStatusChange, stats.totalCount, stats.successCount, stats.failCount],
            ...[stats.skipCount, stats.retryCount, stats.averageRetryCount.toFixed(6)],
            ...[stats.maxRetryCount, stats.maxDuration, stats.minDuration],
            ...[stats.averageDuration.toFixed(6), stats.lastHealthCheck],
            ...[stats.lastSuccessfulHealthCheck, stats.lastSkipHealthCheck],
            stats.lastFailedHealthCheck,
          ].join(" ")
        }\n`,
      );
    });

    it("take nodes out, bring them back and reload", async () => {
      const done = (name: string): [number, string] => [0, `${name} -- Command Successful\n`];
      expect(await command("pcp_detach_node", "1")).toEqual(done("pcp_detach_node"));
      expect(await toOurs.nodeInfo(1)).toMatchObject([{ status: "down" }]);
      expect(await command("pcp_attach_node", "1")).toEqual(done("pcp_attach_node"));
      await waitFor(async () => (await toOurs.nodeInfo(1))[0]?.status !== "down", {
        what: "the node to be back",
      });
      expect(await command("pcp_reload_config")).toEqual(done("pcp_reload_config"));
    });

    it("print our errors as they print their own", async () => {
      const failures = [
        ["pcp_node_info", "7"],
        ["pcp_detach_node", "9"],
        ["pcp_promote_node", "0"],
        ["pcp_promote_node", "5"],
        ["pcp_watchdog_info"],
      ] as const;
      const texts = [];
      for (const [name, ...args] of failures) texts.push((await command(name, ...args))[1]);
      expect(texts).toEqual([
        "ERROR:  informing node info failed\nDETAIL:  invalid node ID : 7\n\n",
        "ERROR:  invalid degenerate backend request, node id : 9 status: [0] is not valid for " +
        "failover\n\n",
        "FATAL:  invalid promote request\nDETAIL:  specified node is already primary node, " +
        "can't promote node id 0\n\n",
        "ERROR:  could not process promote request\nDETAIL:  node id 5 is not valid\n\n",
        "ERROR:  PCP: informing watchdog info failed\nDETAIL:  watchdog is not enabled\n\n",
      ]);
      expect(await command("pcp_node_count", "-U", "nobody")).toEqual([
        1,
        'FATAL:  authentication failed for user "nobody"\n' +
        "DETAIL:  username and/or password does not match\n\n",
      ]);
    });

    it("work over the Unix socket, and see nothing that 4.7's protocol does not have", async () => {
      const [status, trace] = await command("pcp_node_count", "-h", ours.dir, "-d");
      expect([status, trace.split("\n")]).toEqual([0, [
        'DEBUG: recv: tos="m", len=8',
        'DEBUG: recv: tos="r", len=21',
        'DEBUG: send: tos="L", len=4',
        'DEBUG: recv: tos="l", len=22',
        "2",
        'DEBUG: send: tos="X", len=4',
        "",
      ]]);
    });
  });

  describe("our library against its server", () => {
    it("reads nodes, processes and parameters", async () => {
      expect(await toTheirs.nodeCount()).toBe(2);
      const told = (await toTheirs.nodeInfo("all")).map((node) => [
        ...[node.nodeId, node.port, node.weight, node.role, node.backendStatus, node.backendRole],
        ...[node.delayByTime, node.replicationState],
      ]);
      expect(told).toEqual([
        [0, cluster.primary.port, 0.5, "primary", "up", "primary", false, ""],
        [1, cluster.server(1).port, 0.5, "standby", "up", "standby", false, "streaming"],
      ]);
      const pids = await toTheirs.processIds();
      expect(pids).toHaveLength(3);
      const rows = await toTheirs.processInfo("all");
      expect(rows).toHaveLength(3 * 2 * 2);
      expect(new Set(rows.map(({ poolPid }) => poolPid))).toEqual(new Set(pids));
      expect((await toTheirs.processInfo(pids[0] ?? 0)).map(({ status }) => status))
        .toEqual(Array(4).fill("Wait for connection"));
      const items = new Map((await toTheirs.poolStatus()).map(({ name, value }) => [name, value]));
      expect(items.get("backend_port1")).toBe(String(cluster.server(1).port));
      expect(await toTheirs.healthCheckStats(1)).toMatchObject({ nodeId: 1, role: "standby" });
    });

    it("tells its refusals apart", async () => {
      const failure = (asked: Promise<unknown>) =>
        asked.then(() => "done", ({ kind, message, detail }) => [kind, message, detail]);
      expect(await failure(toTheirs.nodeInfo(7)))
        .toEqual(["unknown", "informing node info failed", "invalid node ID : 7"]);
      expect(await failure(toTheirs.watchdogInfo("all")))
        .toEqual(["refused", "PCP: informing watchdog info failed", "watchdog is not enabled"]);
      const login = { host: theirs.dir, port: theirs.pcpPort, user: "admin" };
      expect(await failure(connectPcp({ ...login, password: "wrong" }))).toEqual([
        "authentication",
        'authentication failed for user "admin"',
        "username and/or password does not match",
      ]);
      expect(
        await failure(connectPcp({ ...login, host: "127.0.0.1", password: "", tls: "require" })),
      )
        .toEqual(["connect", "the server does not offer TLS", ""]);
      const socket = await connectPcp({ ...login, password: "secret" });
      // 4.3 has no such request and hangs up; the caller hears why.
      expect(await failure(socket.rotateLog()))
        .toEqual(["refused", "PCP processing request", 'unknown PCP packet type "V"']);
      await socket.close();
    });

    // A Pgpool-II that changes a node waits for all PCP connections to be closed.
    it("acts on nodes, with a connection for each request", async () => {
      await toTheirs.close();
      await withTheirs((pcp) => pcp.detachNode(1));
      const isDown = async () => (await withTheirs((pcp) => pcp.nodeInfo(1)))[0]?.status === "down";
      await waitFor(isDown, { what: "the node to be down" });
      await withTheirs((pcp) => pcp.attachNode(1));
      await waitFor(async () => !await isDown(), { what: "the node to be back" });
      await withTheirs((pcp) => pcp.reloadConfig());
    });
  });
});

async function withTheirs<T>(ask: (pcp: PcpConnection) => Promise<T>): Promise<T> {
  const { pcpPort: port } = theirs;
  const pcp = await connectPcp({ host: "127.0.0.1", port, user: "admin", password: "secret" });
  try {
    return await ask(pcp);
  } finally {
    await pcp.close();
  }
}

/** Runs one of its commands against our server; gives status and all that it printed. */
async function command(name: string, ...args: string[]): Promise<[status: number, text: string]> {
  const { path, env } = pgpool2Program(name);
  const options = ["-h", "127.0.0.1", "-p", String(ours.pcpPort), "-U", "admin", "-w", ...args];
  const child = spawn(path, options, {
    env: { ...process.env, ...env, PCPPASSFILE: join(ours.dir, "pcppass"), LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => text += chunk);
  child.stderr.on("data", (chunk) => text += chunk);
  const { promise, resolve } = Promise.withResolvers<number>();
  child.on("close", (status) => resolve(status ?? -1));
  try {
    return [await within(promise, { what: `${name} to end` }), text];
  } finally {
    child.kill("SIGKILL");
  }
}
