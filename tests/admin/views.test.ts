import { describe, expect, it } from "bun:test";
import { readFileSync } from "node:fs";
import { type AdminContext, NO_QUERY_CACHE } from "../../lib/admin/context.ts";
import { livePgStatus } from "../../lib/admin/live.ts";
import { answerAdmin, isAdminView, UnknownViewError } from "../../lib/admin/views.ts";
import type { PingOutcome } from "../../lib/cluster/facts.ts";
import { NO_HEALTH_CHECKS } from "../../lib/cluster/health-stats.ts";
import type { NodeState } from "../../lib/cluster/types.ts";
import type {
  ServerConnectionInfo,
  SessionInfo,
  WorkerReport,
} from "../../lib/process/messages.ts";
import { NO_COUNTERS } from "./counters.ts";

/** Unix time of a local time of day, as the tables show it. */
function at(clock: string): number {
  return new Date(`2026-11-23T${clock}`).getTime() / 1000;
}

function node(id: number, change: Partial<NodeState> = {}): NodeState {
  return {
    id,
    hostname: "localhost",
    port: 11002 + id,
    status: "up",
    role: id === 0 ? "primary" : "standby",
    weight: 0.5,
    replicationDelay: 0,
    delayByTime: false,
    replicationState: id === 0 ? "" : "streaming",
    replicationSyncState: id === 0 ? "" : "async",
    lastStatusChange: at("13:09:38"),
    serverVersion: 180004,
    ...change,
  };
}

function context(change: Partial<AdminContext> = {}): AdminContext {
  return {
    now: at("13:09:43"),
    snapshot: { generation: 1, primary: 0, main: 0, transition: "none", nodes: [node(0), node(1)] },
    settings: {
      numInitChildren: 4,
      maxPool: 2,
      childLifeTime: 300,
      clientIdleLimit: 0,
      healthCheckPeriod: 10,
    },
    counters: () => NO_COUNTERS,
    healthChecks: () => NO_HEALTH_CHECKS,
    queryCache: () => NO_QUERY_CACHE,
    reports: () => Promise.resolve([]),
    statusItems: () => [],
    pgStatus: () => Promise.resolve("up"),
    pgRole: (id) => Promise.resolve(id === 0 ? "primary" : "standby"),
    ...change,
  };
}

function connection(change: Partial<ServerConnectionInfo> = {}): ServerConnectionInfo {
  return {
    node: 0,
    pid: 543,
    database: "test",
    user: "pgtest",
    createdAt: at("13:09:40"),
    uses: 1,
    releasedAt: at("13:09:43"),
    protocolMinor: 0,
    ...change,
  };
}

function session(change: Partial<SessionInfo> = {}): SessionInfo {
  return {
    sessionId: 1,
    startTime: at("13:09:41"),
    database: "test",
    user: "pgtest",
    clientHost: "127.0.0.1",
    clientPort: "60892",
    applicationName: "psql",
    status: "Idle",
    waitingFor: "",
    loadBalanceNode: 1,
    statement: "select 1",
    statementNode: 1,
    busyFor: 0,
    idleSince: at("13:09:42"),
    servers: [connection({ releasedAt: 0 }), connection({ node: 1, pid: 544, releasedAt: 0 })],
    ...change,
  };
}

function report(change: Partial<WorkerReport> = {}): WorkerReport {
  return {
    worker: 0,
    pid: 469,
    startTime: at("13:09:38"),
    connectionCount: 0,
    sessions: [],
    waitingClients: 0,
    idle: [],
    ...change,
  };
}

const SESSION = { loadBalanceNode: 1 };

describe("SHOW POOL_NODES", () => {
  it("shows what the recorded table shows", async () => {
    const counted = context({ counters: (id) => ({ ...NO_COUNTERS, select: id === 0 ? 2 : 0 }) });
    const { columns, rows } = await answerAdmin("pool_nodes", SESSION, counted);
    expect(columns.join(" ")).toBe(
      "node_id hostname port status pg_status lb_weight role pg_role select_cnt " +
        "load_balance_node replication_delay replication_state replication_sync_state " +
        "last_status_change",
    );
    expect(rows.map((row) => row.join("|"))).toEqual([
      "0|localhost|11002|up|up|0.500000|primary|primary|2|false|0|||2026-11-23 13:09:38",
      "1|localhost|11003|up|up|0.500000|standby|standby|0|true|0|streaming|async|" +
      "2026-11-23 13:09:38",
    ]);
  });

  it("asks a server that is not up for no role", async () => {
    const dead = context({
      pgStatus: (id) => Promise.resolve(id === 1 ? "down" : "up"),
      pgRole: (id) => id === 1 ? Promise.reject(new Error("asked")) : Promise.resolve("primary"),
    });
    const { rows } = await answerAdmin("pool_nodes", SESSION, dead);
    expect([rows[1]?.[4], rows[1]?.[7]]).toEqual(["down", "unknown"]);
  });

  it("shows what came of asking a server that is dead", async () => {
    const before = context();
    let nodes = [node(0), node(1)];
    const { rows } = await answerAdmin("pool_nodes", SESSION, {
      ...before,
      pgStatus: (id) => {
        if (id === 0) return Promise.resolve("up");
        nodes = [node(0), node(1, { status: "down" })];
        return Promise.resolve("down");
      },
      get snapshot() {
        return { ...before.snapshot, nodes };
      },
    });
    expect(rows.map((row) => row[3])).toEqual(["up", "down"]);
  });

  it("tells of a node in use at whose server nobody listens, of no other", async () => {
    const told: number[] = [];
    const statuses: string[] = [];
    const outcomes: readonly PingOutcome[] = [
      { kind: "answers" },
      { kind: "refused", code: "ECONNREFUSED" },
      { kind: "unreachable", code: "EHOSTUNREACH" },
      { kind: "timeout" },
      { kind: "not-ready", message: "the database system is starting up" },
    ];
    for (const [id, outcome] of outcomes.entries()) {
      const checks = { ping: () => Promise.resolve(outcome) };
      const tell = (id: number) => Promise.resolve(void told.push(id));
      statuses.push(await livePgStatus(checks, node(id), 10, 1000, tell));
      await livePgStatus(checks, node(10 + id, { status: "down" }), 10, 1000, tell);
      await livePgStatus(checks, node(20 + id), 0, 1000, tell);
    }
    expect(told).toEqual([1, 2]);
    expect(statuses).toEqual(["up", "down", "down", "down", "down"]);
  });

  it("shows a delay in time with its unit", async () => {
    const delayed = (replicationDelay: number) =>
      context({
        snapshot: {
          transition: "none",
          generation: 1,
          primary: 0,
          main: 0,
          nodes: [node(0), node(1, { delayByTime: true, replicationDelay })],
        },
      });
    const short = await answerAdmin("pool_nodes", SESSION, delayed(1_999_999));
    const long = await answerAdmin("pool_nodes", SESSION, delayed(2_000_000));
    expect([short.rows[1]?.[10], long.rows[1]?.[10]]).toEqual([
      "1.999999 second",
      "2.000000 seconds",
    ]);
  });

  it("shows pgpool's own role where no primary is searched", async () => {
    const raw = context({
      snapshot: {
        transition: "none",
        generation: 1,
        primary: 0,
        main: 0,
        nodes: [node(0, { role: "main" }), node(1, { role: "replica", replicationDelay: 9 })],
      },
      pgRole: () => Promise.reject(new Error("asked")),
    });
    const { rows } = await answerAdmin("pool_nodes", SESSION, raw);
    expect(rows.map((row) => [row[6], row[7], row[10]])).toEqual([
      ["main", "main", "0"],
      ["replica", "replica", "0"],
    ]);
  });
});

describe("SHOW POOL_PROCESSES", () => {
  it("has a row for every client slot, with the sessions first", async () => {
    const busy = context({
      reports: () =>
        Promise.resolve([
          report({ connectionCount: 1, sessions: [session()] }),
          report({ worker: 1, pid: 470, idle: [connection()], connectionCount: 1 }),
        ]),
    });
    const { rows } = await answerAdmin("pool_processes", SESSION, busy);
    expect(rows.map((row) => row.join("|"))).toEqual([
      "469|2026-11-23 13:09:38|1|test|pgtest|2026-11-23 13:09:40|1|Idle",
      "469|2026-11-23 13:09:38|1|||||Wait for connection",
      "470|2026-11-23 13:09:38 (5:00 before process restarting)|1|||||Wait for connection",
      "470|2026-11-23 13:09:38|1|||||Wait for connection",
    ]);
  });

  it("shows every client even when one worker serves them all", async () => {
    const crowded = context({
      reports: () =>
        Promise.resolve([
          report({ sessions: [1, 2, 3, 4].map((sessionId) => session({ sessionId })) }),
          report({ worker: 1, pid: 470 }),
        ]),
    });
    const { rows } = await answerAdmin("pool_processes", SESSION, crowded);
    expect(rows.map((row) => row[0])).toEqual(["469", "469", "469", "469"]);
  });
});

describe("SHOW POOL_POOLS", () => {
  it("has a row for every slot, pool entry and backend, with 21 columns", async () => {
    const { columns, rows } = await answerAdmin(
      "pool_pools",
      SESSION,
      context({
        reports: () => Promise.resolve([report({ sessions: [session()], idle: [connection()] })]),
      }),
    );
    expect(columns.length).toBe(21);
    expect(rows.length).toBe(4 * 2 * 2);
    expect(rows.every((row) => row.length === 21)).toBe(true);
    expect(rows[1]?.join("|")).toBe(
      "469|2026-11-23 13:09:38|0|0|1|test|pgtest|2026-11-23 13:09:40|2026-11-23 13:09:41||1|3|0|" +
        "1|544|1|Idle|1|127.0.0.1|60892|select 1",
    );
    expect(rows[0]?.at(-1)).toBe("");
    expect(rows[4]?.join("|")).toBe(
      "469|2026-11-23 13:09:38 (5:00 before process restarting)|0|0|0|test|pgtest|" +
        "2026-11-23 13:09:40||2026-11-23 13:09:43|0|3|0|1|543|0|Wait for connection|0|||",
    );
  });

  it("tells when an idle client will be disconnected", async () => {
    const limited = context({
      settings: { ...context().settings, clientIdleLimit: 61 },
      reports: () => Promise.resolve([report({ sessions: [session()] })]),
    });
    const { rows } = await answerAdmin("pool_pools", SESSION, limited);
    expect(rows[0]?.[10]).toBe("1 (1:00 before client disconnected)");
  });

  it("cuts a statement between characters", async () => {
    const statement = `${"x".repeat(1022)}ä`;
    const long = context({
      reports: () => Promise.resolve([report({ sessions: [session({ statement })] })]),
    });
    const { rows } = await answerAdmin("pool_pools", SESSION, long);
    expect(rows[1]?.at(-1)).toBe("x".repeat(1022));
  });
});

describe("the other views", () => {
  it("answer with the columns and zeros that were recorded", async () => {
    const golden = readFileSync(new URL("./golden.txt", import.meta.url), "utf8").split("\n");
    for (const view of ["pool_cache", "pool_health_check_stats", "pool_backend_stats"]) {
      const { columns, rows } = await answerAdmin(view, SESSION, context());
      const start = golden.indexOf(`show ${view}`);
      expect(columns.join(" ")).toBe(golden[start + 1] ?? "");
      expect(rows[0]?.join("|")).toBe(golden[start + 2] ?? "");
    }
  });

  it("show the version", async () => {
    const { columns, rows } = await answerAdmin("pool_version", SESSION, context());
    expect([columns, rows]).toEqual([["pool_version"], [["4.7.2 (tasukiboshi)"]]]);
  });

  it("cut descriptions of parameters behind a word, within 79 characters", async () => {
    const items = [
      { name: "port", value: "9999", description: "word ".repeat(16).trim() },
      { name: "wd_port", value: "9000", description: "word ".repeat(20) },
    ];
    const { rows } = await answerAdmin(
      "pool_status",
      SESSION,
      context({ statusItems: () => items }),
    );
    expect(rows).toEqual([
      ["port", "9999", "word ".repeat(16).trim()],
      ["wd_port", "9000", `${"word ".repeat(15).trim()}...`],
    ]);
  });

  it("do not claim names that servers answer", async () => {
    expect([isAdminView("pool_nodes"), isAdminView("pool_foo")]).toEqual([true, false]);
    const answer = answerAdmin("pool_foo", SESSION, context());
    await expect(answer).rejects.toBeInstanceOf(UnknownViewError);
  });
});
