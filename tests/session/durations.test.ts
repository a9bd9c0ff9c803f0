import { describe, expect, it } from "bun:test";
import * as build from "../../lib/wire/build.ts";
import { Frontend, TransactionStatus } from "../../lib/wire/protocol.ts";
import * as frontend from "../support/frontend.ts";
import { BOUND, done, Harness, lookupAnswer, PARSED } from "./harness.ts";

const FLUSH = build.message(Frontend.Flush);
const READY = build.readyForQuery(TransactionStatus.Idle);
const COMPLETE = build.commandComplete("SELECT 1");

/** A session that knows what the catalog says, at time 1000. */
function session(): Harness {
  const harness = new Harness();
  harness.client(frontend.query("insert into t values (1)"));
  harness.server(0, done("INSERT 0 1"));
  harness.took.length = 0;
  harness.now = 1000;
  return harness;
}

describe("how long a node takes", () => {
  it("is counted from sending a query until the node is ready", () => {
    const harness = session();
    harness.client(frontend.query("insert into t values (1)"));
    harness.now += 30;
    harness.server(0, build.commandComplete("INSERT 0 1"));
    expect(harness.took).toEqual([]);
    harness.now += 12;
    harness.server(0, READY);
    expect(harness.took).toEqual([[0, 42]]);
  });

  it("does not count the time between statements", () => {
    const harness = session();
    for (const pause of [500, 0, 10_000]) {
      harness.client(frontend.query("insert into t values (1)"));
      harness.now += 5;
      harness.server(0, done("INSERT 0 1"));
      harness.now += pause;
    }
    expect(harness.took).toEqual([[0, 5], [0, 5], [0, 5]]);
  });

  it("counts each Sync of a pipeline from when the node was done with the one before", () => {
    const harness = session();
    const one = [
      frontend.parse("insert into t values (1)"),
      frontend.bind(),
      frontend.execute(),
      frontend.sync,
    ];
    harness.client(...one, ...one);
    harness.now += 10;
    harness.server(0, PARSED, BOUND, COMPLETE, READY);
    harness.now += 20;
    harness.server(0, PARSED, BOUND, COMPLETE, READY);
    expect(harness.took).toEqual([[0, 10], [0, 20]]);
  });

  it("leaves out the time that a client takes before its Sync", () => {
    const harness = session();
    harness.client(frontend.parse("insert into t values (1)"), FLUSH);
    harness.now += 3;
    harness.server(0, PARSED);
    harness.now += 60_000;
    harness.client(frontend.bind(), frontend.execute(), frontend.sync);
    harness.now += 4;
    harness.server(0, BOUND, COMPLETE, READY);
    expect(harness.took).toEqual([[0, 7]]);
  });

  it("is told while it goes on, and so is a wait of pgpool's own", () => {
    const harness = session();
    harness.client(frontend.query("insert into t values (1)"));
    harness.now += 30;
    expect(harness.now - harness.session.busySince).toBe(30);
    harness.server(0, done("INSERT 0 1"));
    harness.now += 1000;
    harness.client(frontend.query("select * from t"));
    harness.now += 7;
    expect(harness.session.waitingFor).toBe("catalog lookup");
    expect(harness.now - harness.session.busySince).toBe(7);
  });

  it("is not counted for questions of pgpool's own, nor for what only follows", () => {
    const harness = new Harness();
    harness.client(frontend.query("select * from t"));
    harness.now += 9;
    harness.server(0, lookupAnswer());
    expect(harness.took).toEqual([]);
  });

  it("is not counted twice for BEGIN on two nodes", async () => {
    const harness = session();
    harness.client(frontend.query("select 1"));
    await Promise.resolve();
    harness.server(0, lookupAnswer());
    await Promise.resolve();
    harness.server(1, done("SELECT 1"));
    harness.took.length = 0;
    harness.client(frontend.query("begin"));
    harness.now += 2;
    harness.server(0, done("BEGIN", TransactionStatus.InTransaction));
    harness.server(1, done("BEGIN", TransactionStatus.InTransaction));
    expect(harness.took).toEqual([[0, 2]]);
  });
});
