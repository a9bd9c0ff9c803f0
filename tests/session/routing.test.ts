import { describe, expect, it } from "bun:test";
import * as build from "../../lib/wire/build.ts";
import { TransactionStatus } from "../../lib/wire/protocol.ts";
import { CLUSTER, done, failed, Harness, lookupAnswer, opened, settled } from "./harness.ts";

const { dataRow, query, rowDescription } = build;
const T = TransactionStatus.InTransaction;

describe("a session in streaming replication mode", () => {
  it("asks the catalog once, then sends a read to the standby", async () => {
    const harness = new Harness();
    harness.client(query("select 1"));
    expect(harness.got(0)).toHaveLength(1);
    expect(harness.session.waitingFor).toBe("catalog lookup");
    harness.server(0, lookupAnswer());
    await opened();
    expect(harness.got(1)).toEqual(["Q select 1"]);
    harness.server(1, done("SELECT 1"));
    expect(harness.seen()).toEqual(["C SELECT 1", "Z"]);
    harness.client(query("select 2"));
    expect(harness.got(0)).toEqual([]);
    expect(harness.got(1)).toEqual(["Q select 2"]);
  });

  it("sends a write to the primary", async () => {
    const harness = await settled();
    harness.client(query("insert into t values (1)"));
    expect(harness.got(0)).toEqual(["Q insert into t values (1)"]);
    expect(harness.got(1)).toEqual([]);
  });

  it("begins a transaction on both nodes and shows one answer", async () => {
    const harness = await settled();
    harness.client(query("begin"));
    expect(harness.got(0)).toEqual(["Q begin"]);
    expect(harness.got(1)).toEqual(["Q begin"]);
    harness.server(1, done("BEGIN", T));
    expect(harness.seen()).toEqual([]);
    harness.server(0, done("BEGIN", T));
    expect(harness.seen()).toEqual(["C BEGIN", "Z"]);
  });

  it("reads on the standby in a transaction until something is written", async () => {
    const harness = await settled();
    harness.client(query("begin"));
    harness.server(0, done("BEGIN", T));
    harness.server(1, done("BEGIN", T));
    harness.got(0);
    harness.got(1);
    harness.client(query("select 1"));
    expect(harness.got(1)).toEqual(["Q select 1"]);
    harness.server(1, done("SELECT 1", T));
    harness.client(query("delete from t"));
    expect(harness.got(0)).toEqual(["Q delete from t"]);
    harness.server(0, done("DELETE 0", T));
    harness.client(query("select 1"));
    expect(harness.got(0)).toEqual(["Q select 1"]);
    harness.server(0, done("SELECT 1", T));
    harness.client(query("commit"));
    expect(harness.got(0)).toEqual(["Q commit"]);
    expect(harness.got(1)).toEqual(["Q commit"]);
  });

  it("rolls the primary back when the transaction has failed on the standby", async () => {
    const harness = await settled();
    harness.client(query("begin"));
    harness.server(0, done("BEGIN", T));
    harness.server(1, done("BEGIN", T));
    harness.client(query("select 1"));
    harness.server(1, failed("22012", TransactionStatus.Failed));
    harness.got(0);
    harness.got(1);
    harness.seen();
    harness.client(query("commit"));
    expect(harness.got(1)).toEqual(["Q commit"]);
    expect(harness.got(0)).toEqual(["Q ROLLBACK"]);
    harness.server(0, done("ROLLBACK"));
    harness.server(1, done("ROLLBACK"));
    expect(harness.seen()).toEqual(["C ROLLBACK", "Z"]);
  });

  it("keeps the order of answers when a pipeline changes its node", async () => {
    const harness = await settled();
    harness.client(query("select 1"), query("delete from t"), query("select 2"));
    expect(harness.got(1)).toEqual(["Q select 1"]);
    expect(harness.got(0)).toEqual([]);
    expect(harness.session.waitingFor).toBe("answers of another node");
    harness.server(1, done("SELECT 1"));
    expect(harness.got(0)).toEqual(["Q delete from t"]);
    harness.server(0, done("DELETE 1"));
    expect(harness.got(1)).toEqual(["Q select 2"]);
    harness.server(1, done("SELECT 1"));
    expect(harness.seen()).toEqual(["C SELECT 1", "Z", "C DELETE 1", "Z", "C SELECT 1", "Z"]);
  });

  it("reads on the primary when the standby can not be reached", async () => {
    const harness = new Harness();
    harness.refuseNode = 1;
    harness.client(query("select 1"));
    harness.server(0, lookupAnswer());
    harness.got(0);
    await opened();
    expect(harness.got(0)).toEqual(["Q select 1"]);
    expect(harness.clientEnded).toBe(false);
  });

  it("sends a read with a leading comment to the primary", async () => {
    const harness = await settled();
    harness.client(query("/*NO LOAD BALANCE*/ select 1"));
    expect(harness.got(0)).toEqual(["Q /*NO LOAD BALANCE*/ select 1"]);
  });

  it("terminates a server process on the node it belongs to", async () => {
    const harness = await settled();
    harness.locatedOn = 1;
    harness.client(query("select pg_terminate_backend(4711)"));
    expect(harness.session.waitingFor).toBe("search for a server process");
    await opened();
    await opened();
    expect(harness.got(1)).toEqual(["Q select pg_terminate_backend(4711)"]);
    expect(harness.got(0)).toEqual([]);
  });

  it("hands SET to both nodes", async () => {
    const harness = await settled();
    harness.client(query("set work_mem = '1MB'"));
    expect(harness.got(0)).toEqual(["Q set work_mem = '1MB'"]);
    expect(harness.got(1)).toEqual(["Q set work_mem = '1MB'"]);
  });

  it("brings a standby that is opened later to the session's settings", async () => {
    const harness = new Harness();
    harness.session.router.loadBalanceNode = 0;
    harness.client(query("set work_mem = '1MB'"));
    harness.server(0, done("SET"));
    harness.session.router.loadBalanceNode = 1;
    harness.client(query("select 1"));
    harness.server(0, lookupAnswer());
    await opened();
    expect(harness.got(1)).toEqual(["Q set work_mem = '1MB'", "Q select 1"]);
    harness.seen();
    harness.server(1, done("SET"), done("SELECT 1"));
    expect(harness.seen()).toEqual(["C SELECT 1", "Z"]);
  });

  it("goes on untouched when a standby it does not use is lost", async () => {
    const harness = await settled();
    harness.client(query("delete from t"));
    harness.session.serverClosed(1, "gone");
    harness.server(0, done("DELETE 1"));
    expect(harness.clientEnded).toBe(false);
    expect(harness.seen()).toEqual(["C DELETE 1", "Z"]);
    expect(harness.complaints).toEqual(["1 connection-lost"]);
    harness.client(query("select 1"));
    await opened();
    expect(harness.got(1)).toEqual(["Q select 1"]);
  });

  it("tells the client also when the server is lost in the middle of a row", async () => {
    const harness = await settled();
    harness.client(query("select 1"));
    const row = dataRow(["a text that does not come in one piece"]);
    harness.server(1, rowDescription([{ name: "a" }]), row, row.subarray(0, 3));
    harness.server(1, row.subarray(3, 20));
    expect(harness.seen()).toEqual(["T", "D"]);
    harness.server(1, row.subarray(20), row.subarray(0, 9));
    expect(harness.seen()).toEqual(["D"]);
    harness.session.serverClosed(1, "gone");
    expect(harness.errors()).toHaveLength(1);
    expect(harness.clientEnded).toBe(true);
  });

  it("tells the client when the server that works for it is lost", async () => {
    const harness = await settled();
    harness.client(query("select 1"));
    harness.session.serverClosed(1, "gone");
    expect(harness.seen()).toEqual(["E"]);
    expect(harness.clientEnded).toBe(true);
    expect(harness.complaints).toEqual(["1 connection-lost"]);
  });

  it("goes on with another primary when nothing was left on the old one", async () => {
    const harness = await settled();
    const nodes = CLUSTER.nodes.map((node) => ({ ...node, weight: 0.5 }));
    harness.session.setSnapshot({ ...CLUSTER, nodes, generation: 2, primary: 1 });
    expect(harness.clientEnded).toBe(false);
    harness.client(query("delete from t"));
    expect(harness.got(1)).toEqual(["Q delete from t"]);
  });

  it("ends a session in a transaction when another node becomes primary", async () => {
    const harness = await settled();
    harness.client(query("begin"));
    harness.server(0, done("BEGIN", T));
    harness.client(query("delete from t"));
    harness.server(0, done("DELETE 0", T));
    harness.seen();
    harness.session.setSnapshot({ ...CLUSTER, generation: 2, primary: 1 });
    expect(harness.seen()).toEqual(["E"]);
    expect(harness.clientEnded).toBe(true);
  });
});
