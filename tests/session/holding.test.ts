import { describe, expect, it } from "bun:test";
import * as build from "../../lib/wire/build.ts";
import { TransactionStatus } from "../../lib/wire/protocol.ts";
import * as frontend from "../support/frontend.ts";
import {
  BOUND,
  CLUSTER,
  COPY_IN,
  done,
  type Harness,
  lookupAnswer,
  PARSED,
  settled,
  VOLATILE,
} from "./harness.ts";

const { query } = build;
const T = TransactionStatus.InTransaction;
const READY = build.readyForQuery(TransactionStatus.Idle);

async function closed(): Promise<Harness> {
  const harness = await settled();
  harness.gate.closed = true;
  return harness;
}

function open(harness: Harness): void {
  harness.gate.closed = false;
  harness.session.resume("end of a pause");
}

describe("a session at a closed gate", () => {
  it("keeps a new statement, and sends it once when the gate opens", async () => {
    const harness = await closed();
    harness.client(query("delete from t"));
    expect(harness.got(0)).toEqual([]);
    expect(harness.session.waitingFor).toBe("end of a pause");
    expect(harness.session.quiet).toBe(true);
    open(harness);
    expect(harness.got(0)).toEqual(["Q delete from t"]);
    harness.server(0, done("DELETE 1"));
    expect(harness.seen()).toEqual(["C DELETE 1", "Z"]);
  });

  it("keeps it when another node has become the primary, and sends it there", async () => {
    const harness = await closed();
    harness.client(query("delete from t"));
    harness.session.setSnapshot({ ...CLUSTER, generation: 2, primary: 1 });
    expect(harness.got(1)).toEqual([]);
    open(harness);
    expect(harness.got(0)).toEqual([]);
    expect(harness.got(1)).toEqual(["Q delete from t"]);
  });

  it("goes on with its transaction to the end, then waits", async () => {
    const harness = await settled();
    harness.client(query("begin"));
    harness.server(0, done("BEGIN", T));
    harness.server(1, done("BEGIN", T));
    harness.gate.closed = true;
    harness.client(query("delete from t"));
    harness.server(0, done("DELETE 1", T));
    expect(harness.settledTimes).toBe(0);
    harness.got(0);
    harness.client(query("commit"), query("begin"));
    expect(harness.got(0)).toEqual(["Q commit"]);
    harness.server(0, done("COMMIT"));
    harness.server(1, done("COMMIT"));
    expect(harness.settledTimes).toBeGreaterThan(0);
    expect(harness.got(0)).toEqual([]);
    expect(harness.session.waitingFor).toBe("end of a pause");
  });

  it("waits in a transaction that a text of several statements has begun until that is known", async () => {
    const harness = await settled();
    harness.client(query("begin; delete from t"));
    harness.gate.closed = true;
    harness.client(query("commit"));
    harness.got(0);
    harness.server(0, done("DELETE 1", T));
    expect(harness.got(0)).toEqual(["Q commit"]);
  });

  it("goes on with its pipeline up to Sync, then waits", async () => {
    const harness = await settled();
    harness.client(frontend.parse("delete from t"), frontend.bind());
    harness.gate.closed = true;
    harness.client(frontend.execute(), frontend.sync, frontend.parse("select 1"), frontend.sync);
    expect(harness.got(0)).toEqual(["P", "B", "E", "S"]);
    harness.server(0, PARSED, BOUND, build.commandComplete("DELETE 1"), READY);
    expect(harness.session.waitingFor).toBe("end of a pause");
    open(harness);
    expect(harness.got(1)).toEqual(["P", "S"]);
  });

  it("goes on with a COPY", async () => {
    const harness = await settled();
    harness.client(query("copy t from stdin"));
    harness.server(0, COPY_IN);
    harness.gate.closed = true;
    harness.got(0);
    harness.client(frontend.copyData("1\n"), frontend.copyDone, query("select 1"));
    expect(harness.got(0)).toEqual(["d", "c"]);
    harness.server(0, done("COPY 1"));
    expect(harness.session.waitingFor).toBe("end of a pause");
  });

  it("is served pgpool's own commands", async () => {
    const harness = await closed();
    harness.client(query("show pool_nodes"));
    expect(harness.commands).toHaveLength(1);
  });

  it("reads no further than a little beyond what waits", async () => {
    const harness = await closed();
    harness.client(query("select 1"), query(`select '${"x".repeat(70_000)}'`));
    expect(harness.paused).toBe(true);
    open(harness);
    expect(harness.paused).toBe(false);
  });

  it("answers a cancel request for what waits, and takes the next", async () => {
    const harness = await closed();
    harness.client(
      frontend.parse("delete from t"),
      frontend.bind(),
      frontend.sync,
      query("select 1"),
    );
    expect(harness.session.holding.cancel()).toBe(true);
    expect(harness.seen()).toEqual(["E", "Z"]);
    expect(harness.session.waitingFor).toBe("end of a pause");
    open(harness);
    expect(harness.got(1)).toEqual(["Q select 1"]);
    expect(harness.got(0)).toEqual([]);
  });

  it("ends when its client leaves, and by Terminate", async () => {
    const gone = await closed();
    gone.client(query("delete from t"));
    gone.session.clientClosed();
    open(gone);
    expect(gone.got(0)).toEqual([]);
    const told = await closed();
    told.client(frontend.terminate);
    expect(told.clientEnded).toBe(true);
  });

  describe("that may have left something on the primary", () => {
    /** A session that has called a function of the user's and is looked at now. */
    async function lookedAt(sql = "select f(1)"): Promise<Harness> {
      const harness = await settled();
      harness.client(query(sql));
      if (harness.session.waitingFor !== "") harness.server(0, lookupAnswer(VOLATILE));
      harness.server(0, done("SELECT 1"));
      harness.got(0);
      harness.gate.closed = true;
      harness.session.holding.settle();
      expect(harness.got(0)).toHaveLength(1);
      expect(harness.settledTimes).toBe(0);
      return harness;
    }

    const answer = (isLeft: string, settings: string | null) =>
      Buffer.concat([
        build.rowDescription([{ name: "left" }, { name: "settings" }]),
        build.dataRow([isLeft, settings]),
        done("SELECT 1"),
      ]);
    const change = (harness: Harness) =>
      harness.session.setSnapshot({ ...CLUSTER, generation: 2, primary: 1 });

    it("goes on with another one when it has not", async () => {
      const harness = await lookedAt();
      harness.server(0, answer("f", "application_name"));
      expect(harness.settledTimes).toBe(1);
      change(harness);
      expect(harness.errors()).toEqual([]);
    });

    it("ends when it has, or has a setting that only the primary knows", async () => {
      for (const [isLeft, settings] of [["t", null], ["f", "work_mem"], ["f", "role"]] as const) {
        const harness = await lookedAt("select set_config('work_mem', '1MB', false)");
        harness.server(0, answer(isLeft, settings));
        expect(harness.settledTimes).toBe(1);
        change(harness);
        expect(harness.errors()).toEqual(["57P01"]);
      }
    });
  });

  it("loses and repeats nothing, wherever the gate closes and opens in a client's bytes", async () => {
    const statements = ["delete from t", "begin", "delete from u", "commit", "select 1; select 2"];
    const bytes = Buffer.concat(statements.map((sql) => query(sql)));
    const afterwards: Readonly<Record<string, number>> = { begin: T, "delete from u": T };
    for (let shut = 0; shut < bytes.length; shut += 3) {
      for (let reopen = shut; reopen < bytes.length; reopen += 7) {
        const harness = await settled();
        const ran: string[] = [];
        const answer = () => {
          for (;;) {
            const sent = harness.got(0).map((line) => line.slice(2));
            const followed = harness.got(1).map((line) => line.slice(2));
            if (sent.length + followed.length === 0) return;
            for (const sql of sent) {
              ran.push(sql);
              harness.server(0, done(sql, afterwards[sql] ?? TransactionStatus.Idle));
            }
            for (const sql of followed) {
              harness.server(1, done(sql, afterwards[sql] ?? TransactionStatus.Idle));
            }
          }
        };
        for (let at = 0; at < bytes.length; at++) {
          if (at === shut) harness.gate.closed = true;
          if (at === reopen) open(harness);
          harness.session.clientData(bytes.subarray(at, at + 1));
          answer();
        }
        expect(ran).toEqual(statements);
        expect(harness.seen().filter((line) => line.startsWith("C"))).toHaveLength(5);
      }
    }
  });
});
