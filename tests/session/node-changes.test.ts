import { describe, expect, it } from "bun:test";
import type { ClusterSnapshot, NodeStatus } from "../../lib/cluster/types.ts";
import * as build from "../../lib/wire/build.ts";
import { TransactionStatus } from "../../lib/wire/protocol.ts";
import * as frontend from "../support/frontend.ts";
import {
  BOUND,
  CLUSTER,
  COPY_IN,
  done,
  failed,
  Harness,
  lookupAnswer,
  opened,
  PARSED,
  settled,
  VOLATILE,
} from "./harness.ts";

const { query } = build;
/** What a server's transaction is made to fail with. */
const ABORT = "Q send invalid query from pgpool to abort transaction";
const T = TransactionStatus.InTransaction;
const SHUTDOWN = { severity: "FATAL", sqlstate: "57P01", message: "administrator command" };
const CRASH = { severity: "FATAL", sqlstate: "57P02", message: "crash of another process" };

/** The cluster with these states of its two nodes. */
function cluster(statuses: readonly NodeStatus[], primary: number): ClusterSnapshot {
  const nodes = CLUSTER.nodes.map((node, id) => ({ ...node, status: statuses[id] ?? "up" }));
  const main = nodes.findIndex(({ status }) => status === "up");
  return { ...CLUSTER, nodes, primary, main, generation: 2 };
}

/** The same with a third node. */
function three(statuses: readonly NodeStatus[], primary: number): ClusterSnapshot {
  const two = cluster(statuses, primary);
  const [, standby] = CLUSTER.nodes;
  if (standby === undefined) throw new Error("no standby");
  return { ...two, nodes: [...two.nodes, { ...standby, id: 2, weight: 0 }] };
}

async function inTransaction(): Promise<Harness> {
  const harness = await settled();
  harness.client(query("begin"));
  harness.server(0, done("BEGIN", T));
  harness.server(1, done("BEGIN", T));
  harness.seen();
  return harness;
}

/** What has happened to the primary when it fails: its connection ends, then the verdict comes. */
function losePrimary(harness: Harness, next = 1): void {
  harness.session.serverClosed(0, "gone");
  harness.session.setSnapshot(cluster(["down", "up"], next));
}

describe("a session whose primary fails", () => {
  it("goes on with the next one when it is idle, settings and prepared statements included", async () => {
    const harness = await settled();
    harness.client(query("set work_mem = '1MB'"));
    harness.server(0, done("SET"));
    harness.server(1, done("SET"));
    harness.client(frontend.parse("insert into t values (1)", "s"), frontend.sync);
    harness.server(0, PARSED, build.readyForQuery(TransactionStatus.Idle));
    harness.got(1);
    losePrimary(harness);
    expect(harness.errors()).toEqual([]);
    harness.client(frontend.bind({ statement: "s" }), frontend.execute(), frontend.sync);
    expect(harness.got(1)).toEqual(["P", "B", "E", "S"]);
  });

  it("goes on when it is idle and the server says that it has crashed", async () => {
    const harness = await settled();
    harness.client(query("delete from t"));
    harness.server(0, done("DELETE 0"));
    harness.server(0, build.errorResponse(CRASH));
    losePrimary(harness);
    expect(harness.errors()).toEqual([]);
    harness.client(query("delete from t"));
    expect(harness.got(1)).toEqual(["Q delete from t"]);
  });

  it("goes on when it is idle and the server shuts down", async () => {
    const harness = await settled();
    harness.refuseNode = 0;
    harness.isVerdictDue = true;
    harness.server(0, build.errorResponse(SHUTDOWN));
    harness.client(query("delete from t"));
    expect(harness.session.waitingFor).toBe("check of the primary");
    await opened();
    expect(harness.session.waitingFor).toBe("primary node");
    harness.session.setSnapshot(cluster(["down", "up"], 1));
    expect(harness.got(1)).toEqual(["Q delete from t"]);
    expect(harness.errors()).toEqual([]);
  });

  it("goes on when it is idle and the verdict comes before the check", async () => {
    const harness = await settled();
    harness.server(0, build.errorResponse(SHUTDOWN));
    harness.session.setSnapshot(cluster(["down", "up"], 1));
    harness.client(query("delete from t"));
    expect(harness.got(1)).toEqual(["Q delete from t"]);
    await opened();
    expect(harness.errors()).toEqual([]);
  });

  it("is told when somebody has ended its connection and the server is well", async () => {
    const harness = await settled();
    harness.server(0, build.errorResponse(SHUTDOWN));
    expect(harness.seen()).toEqual([]);
    await opened();
    expect(harness.errors()).toEqual(["57P01"]);
    expect(harness.clientEnded).toBe(true);
  });

  it("gets the answer of pgpool's own command before it is told of its end", async () => {
    const harness = await settled();
    harness.client(query("show pool_nodes"));
    harness.server(0, build.errorResponse(SHUTDOWN));
    harness.commandDone({ tag: "SHOW" });
    expect(harness.seen()).toEqual(["C SHOW", "Z"]);
    await opened();
    expect(harness.errors()).toEqual(["57P01"]);
  });

  it("goes on in a transaction that has only read elsewhere, and begins it again", async () => {
    for (const begin of ["begin", "begin isolation level repeatable read"]) {
      const harness = await settled();
      harness.session.setSnapshot(three(["up", "up", "up"], 0));
      harness.client(query(begin));
      harness.server(0, done("BEGIN", T));
      harness.server(1, done("BEGIN", T));
      harness.client(query("select 1"));
      harness.server(1, done("SELECT 1", T));
      harness.session.serverClosed(0, "gone");
      harness.session.setSnapshot(three(["down", "up", "up"], 2));
      harness.got(1);
      harness.client(query("select 2"));
      expect(harness.got(1)).toEqual(["Q select 2"]);
      harness.server(1, done("SELECT 1", T));
      harness.client(query("insert into t values (1)"));
      await opened();
      expect(harness.got(2)).toEqual([`Q ${begin}`, "Q insert into t values (1)"]);
      harness.server(2, done("BEGIN", T), done("INSERT 0 1", T));
      harness.client(query("commit"));
      expect(harness.got(2)).toEqual(["Q commit"]);
      expect(harness.got(1)).toEqual(["Q commit"]);
      expect(harness.errors()).toEqual([]);
    }
  });

  it("goes on in such a transaction of the extended protocol", async () => {
    const harness = await settled();
    harness.session.setSnapshot(three(["up", "up", "up"], 0));
    harness.client(frontend.parse("begin"), frontend.bind(), frontend.execute(), frontend.sync);
    for (const node of [0, 1]) {
      harness.server(node, PARSED, BOUND, done("BEGIN", T));
    }
    harness.session.serverClosed(0, "gone");
    harness.session.setSnapshot(three(["down", "up", "up"], 2));
    harness.client(query("delete from t"));
    await opened();
    expect(harness.got(2)).toEqual(["Q begin", "Q delete from t"]);
    expect(harness.errors()).toEqual([]);
  });

  it("asks the catalog again when it is lost behind settings that it has to make first", async () => {
    const harness = new Harness();
    harness.client(query("set work_mem = '1MB'"));
    harness.server(0, done("SET"));
    harness.session.serverClosed(0, "gone");
    harness.client(query("select f()"));
    await opened();
    expect(harness.session.waitingFor).toBe("catalog lookup");
    harness.session.serverClosed(0, "gone again");
    await opened();
    harness.got(0);
    harness.server(0, done("SET"), lookupAnswer(VOLATILE));
    expect(harness.got(0)).toEqual(["Q select f()"]);
  });

  it("is told nothing in the middle of a long row", async () => {
    const row = build.dataRow(["x".repeat(100_000)]);
    const harness = await settled();
    harness.client(query("delete from t returning x"));
    harness.server(0, row.subarray(0, row.length - 3));
    losePrimary(harness);
    expect(Buffer.concat(harness.sent).toString().endsWith("x".repeat(99_997))).toBe(true);
    expect(harness.clientEnded).toBe(true);
  });

  it("is told once, and no more, when it is in a transaction there", async () => {
    for (const last of [[], [build.errorResponse(SHUTDOWN)], [build.errorResponse(CRASH)]]) {
      const harness = await inTransaction();
      harness.client(query("delete from t"));
      harness.server(0, done("DELETE 0", T));
      harness.seen();
      harness.server(0, ...last);
      losePrimary(harness);
      expect(harness.errors()).toHaveLength(1);
      expect(harness.clientEnded).toBe(true);
    }
  });

  it("is told when a statement runs, which is not sent again", async () => {
    const harness = await settled();
    harness.client(query("delete from t"));
    losePrimary(harness);
    expect(harness.errors()).toEqual(["08006"]);
    expect(harness.got(1)).toEqual([]);
  });

  it("is told in the middle of a pipeline and of a COPY", async () => {
    const pipeline = await settled();
    pipeline.client(frontend.parse("delete from t"), frontend.bind(), frontend.flush);
    pipeline.server(0, PARSED, BOUND);
    losePrimary(pipeline);
    expect(pipeline.errors()).toEqual(["08006"]);

    const copy = await settled();
    copy.client(query("copy t from stdin"));
    copy.server(0, COPY_IN);
    losePrimary(copy);
    expect(copy.errors()).toEqual(["08006"]);
  });

  it("is told when it has left something there that can not be moved", async () => {
    const left = [
      "create temp table x (id int)",
      "listen x",
      "select pg_advisory_lock(1)",
      "select set_config('work_mem', '1MB', false)",
    ];
    for (const sql of left) {
      const harness = await settled();
      harness.client(query(sql));
      if (harness.session.waitingFor !== "") harness.server(0, lookupAnswer(VOLATILE));
      harness.server(0, done("DONE"));
      losePrimary(harness);
      expect(harness.errors()).toEqual(["08006"]);
    }
  });

  it("asks the next primary when it was looking into the catalog", async () => {
    const harness = await settled();
    harness.client(query("select f(1)"));
    expect(harness.session.waitingFor).toBe("catalog lookup");
    harness.got(1);
    losePrimary(harness);
    expect(harness.errors()).toEqual([]);
    expect(harness.got(1)).toEqual(["Q select f(1)"]);
  });

  it("is not asked to use the old primary by a connection that comes late", async () => {
    const harness = await settled();
    harness.session.serverClosed(0, "gone");
    harness.client(query("delete from t"));
    harness.session.setSnapshot(cluster(["down", "up"], 1));
    expect(harness.got(1)).toEqual(["Q delete from t"]);
    await opened();
    expect(harness.servers[0]?.released).toBe("broken");
    expect(harness.got(0)).toEqual([]);
  });
});

describe("a session whose standby fails", () => {
  it("goes on in a transaction that has read there", async () => {
    const harness = await inTransaction();
    harness.client(query("select 1"));
    harness.server(1, done("SELECT 1", T));
    harness.session.serverClosed(1, "gone");
    harness.session.setSnapshot(cluster(["up", "down"], 0));
    harness.got(0);
    harness.client(query("select 1"));
    expect(harness.got(0)).toEqual(["Q select 1"]);
    expect(harness.errors()).toEqual([]);
  });

  it("is told when its transaction has failed there", async () => {
    const harness = await inTransaction();
    harness.client(query("select 1"));
    harness.server(
      1,
      build.errorResponse({ severity: "ERROR", sqlstate: "22012", message: "no" }),
      build.readyForQuery(TransactionStatus.Failed),
    );
    harness.sent.splice(0);
    harness.session.setSnapshot(cluster(["up", "down"], 0));
    expect(harness.errors()).toEqual(["57P01"]);
  });

  it("is told when it reads from a portal there", async () => {
    const harness = await inTransaction();
    harness.client(frontend.parse("select 1"), frontend.bind({ portal: "p" }), frontend.sync);
    harness.server(1, PARSED, BOUND, build.readyForQuery(T));
    harness.session.setSnapshot(cluster(["up", "down"], 0));
    expect(harness.errors()).toEqual(["57P01"]);
  });

  it("goes on in a transaction that has read there by an unnamed portal", async () => {
    const harness = await inTransaction();
    harness.client(frontend.parse("select 1"), frontend.bind(), frontend.execute(), frontend.sync);
    harness.server(1, PARSED, BOUND, build.commandComplete("SELECT 1"), build.readyForQuery(T));
    harness.session.setSnapshot(cluster(["up", "down"], 0));
    expect(harness.errors()).toEqual([]);
    harness.got(0);
    harness.client(frontend.execute(), frontend.sync);
    expect(harness.got(0)).toEqual(["E", "S"]);
  });

  it("prepares again what was prepared there", async () => {
    const harness = await settled();
    harness.client(frontend.parse("select 1", "s"), frontend.sync);
    harness.server(1, PARSED, build.readyForQuery(TransactionStatus.Idle));
    harness.session.setSnapshot(cluster(["up", "down"], 0));
    harness.got(0);
    harness.client(frontend.bind({ statement: "s" }), frontend.execute(), frontend.sync);
    expect(harness.got(0)).toEqual(["P", "B", "E", "S"]);
  });
});

describe("a session that could not reach its standby", () => {
  it("reads there again when the standby has returned", async () => {
    const harness = new Harness();
    harness.refuseNode = 1;
    harness.client(query("select 1"));
    harness.server(0, lookupAnswer());
    await opened();
    harness.server(0, done("SELECT 1"));
    harness.refuseNode = -1;
    harness.session.router.rebalance();
    expect(harness.session.router.loadBalanceNode).toBe(0);
    harness.session.setSnapshot(cluster(["up", "down"], 0));
    const nodes = CLUSTER.nodes.map((node) => ({ ...node, lastStatusChange: 1 }));
    harness.session.setSnapshot({ ...CLUSTER, nodes, generation: 3 });
    harness.session.router.rebalance();
    expect(harness.session.router.loadBalanceNode).toBe(1);
  });
});

describe("a session without a primary", () => {
  const WITHOUT = cluster(["down", "up"], -1);

  it("keeps writes until there is one, and sends them only there", async () => {
    for (
      const sql of [
        "insert into t values (1)",
        "begin",
        "select nextval('s')",
        "select 1; delete from t",
      ]
    ) {
      const harness = await settled();
      harness.session.setSnapshot(WITHOUT);
      harness.client(query(sql));
      if (harness.got(1).length > 0) harness.server(1, lookupAnswer(VOLATILE));
      expect(harness.session.waitingFor).toBe("primary node");
      harness.got(1);
      harness.session.setSnapshot(cluster(["down", "up"], 1));
      expect(harness.got(1)).toEqual([`Q ${sql}`]);
    }
  });

  it("is served reads", async () => {
    const harness = await settled();
    harness.session.setSnapshot(WITHOUT);
    harness.client(query("select 2"));
    expect(harness.got(1)).toEqual(["Q select 2"]);
    harness.server(1, done("SELECT 1"));
    harness.client(query("begin read only"));
    expect(harness.got(1)).toEqual(["Q begin read only"]);
  });

  it("refuses writes and goes on when it has waited for too long", async () => {
    const harness = await settled();
    harness.session.setSnapshot(WITHOUT);
    harness.client(query("delete from t"), query("select 2"));
    harness.mayWait = false;
    harness.session.holding.tick(30);
    expect(harness.seen()).toEqual(["E", "Z"]);
    expect(harness.got(1)).toEqual(["Q select 2"]);
  });

  it("refuses a write of the extended protocol up to Sync", async () => {
    const harness = await settled();
    harness.session.setSnapshot(WITHOUT);
    harness.mayWait = false;
    harness.client(
      frontend.parse("delete from t"),
      frontend.bind(),
      frontend.execute(),
      frontend.sync,
    );
    expect(harness.seen()).toEqual(["E", "Z"]);
    expect(harness.got(1)).toEqual([]);
  });

  it("begins transactions on another node then, and refuses to write in them", async () => {
    const harness = await settled();
    harness.session.setSnapshot(WITHOUT);
    harness.mayWait = false;
    harness.client(query("begin"));
    harness.server(1, done("BEGIN", T));
    harness.seen();
    harness.got(1);
    harness.client(query("delete from t"));
    expect(harness.errors()).toEqual(["25006"]);
    expect(harness.got(1)).toEqual([ABORT]);
  });

  it("commits nothing of a transaction that a write was refused in, also when all is well", async () => {
    const insert = "insert into t values (1)";
    const refused = [
      [query(insert)],
      [frontend.parse(insert), frontend.bind(), frontend.execute(), frontend.sync],
    ];
    for (const messages of refused) {
      const harness = await inTransaction();
      harness.session.setSnapshot(WITHOUT);
      harness.mayWait = false;
      harness.got(1);
      harness.client(...messages);
      const ready = harness.sent.at(-1);
      expect(ready?.at(-1)).toBe(TransactionStatus.Failed);
      expect(harness.errors()).toEqual(["25006"]);
      expect(harness.got(1)).toEqual([ABORT]);
      harness.server(1, failed("42601", TransactionStatus.Failed));
      harness.session.setSnapshot(cluster(["down", "up"], 1));
      harness.client(query(insert));
      harness.client(query("commit"));
      expect(harness.errors()).toEqual(["25P02"]);
      expect(harness.got(1)).toEqual(["Q commit"]);
      harness.server(1, done("ROLLBACK"));
      expect(harness.session.router.inTransaction).toBe(false);
    }
  });

  it("answers a cancel request while it waits", async () => {
    const harness = await settled();
    harness.session.setSnapshot(WITHOUT);
    harness.client(query("delete from t"));
    expect(harness.session.holding.cancel()).toBe(true);
    expect(harness.errors()).toEqual(["57014"]);
    expect(harness.session.holding.cancel()).toBe(false);
  });
});

describe("a session that can not connect to its primary", () => {
  async function disconnected(): Promise<Harness> {
    const harness = await settled();
    harness.refuseNode = 0;
    harness.isVerdictDue = true;
    harness.session.serverClosed(0, "gone");
    harness.client(query("delete from t"));
    await opened();
    return harness;
  }

  it("waits for the verdict and goes on with the next primary", async () => {
    const harness = await disconnected();
    expect(harness.session.waitingFor).toBe("primary node");
    expect(harness.errors()).toEqual([]);
    harness.session.setSnapshot(cluster(["down", "up"], 1));
    expect(harness.got(1)).toEqual(["Q delete from t"]);
  });

  it("tries again, and goes on when it was nothing", async () => {
    const harness = await disconnected();
    harness.refuseNode = -1;
    harness.session.holding.tick(30);
    await opened();
    expect(harness.got(0)).toEqual(["Q delete from t"]);
  });

  it("is told why when that lasts too long", async () => {
    const harness = await disconnected();
    harness.session.holding.tick(2);
    await opened();
    harness.session.holding.tick(2);
    expect(harness.errors()).toEqual(["08006"]);
  });

  it("is told at once when nobody is going to look into it", async () => {
    const harness = await settled();
    harness.refuseNode = 0;
    harness.session.serverClosed(0, "gone");
    harness.client(query("delete from t"));
    await opened();
    expect(harness.errors()).toEqual(["08006"]);
  });
});
