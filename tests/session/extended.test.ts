import { describe, expect, it } from "bun:test";
import * as build from "../../lib/wire/build.ts";
import { Backend, TransactionStatus } from "../../lib/wire/protocol.ts";
import * as frontend from "../support/frontend.ts";
import { BOUND, done, Harness, lookupAnswer, PARSED } from "./harness.ts";

const READY = build.readyForQuery(TransactionStatus.Idle);
const ERROR = build.errorResponse({ severity: "ERROR", sqlstate: "42601", message: "no" });
const complete = (tag: string) => build.commandComplete(tag);
const opened = () => new Promise<void>((resolve) => queueMicrotask(() => resolve()));

async function settled(): Promise<Harness> {
  const harness = new Harness();
  harness.client(build.query("select 1"));
  harness.server(0, lookupAnswer());
  await opened();
  harness.server(1, done("SELECT 1"));
  harness.got(0);
  harness.got(1);
  harness.seen();
  return harness;
}

describe("the extended protocol", () => {
  it("prepares and runs a read on the standby", async () => {
    const harness = await settled();
    harness.client(
      frontend.parse("select 1"),
      frontend.bind(),
      frontend.execute(),
      frontend.sync,
    );
    expect(harness.got(1)).toEqual(["P", "B", "E", "S"]);
    expect(harness.got(0)).toEqual([]);
    harness.server(1, PARSED, BOUND, complete("SELECT 1"), READY);
    expect(harness.seen()).toEqual(["1", "2", "C SELECT 1", "Z"]);
  });

  it("prepares a statement again where it has to move", async () => {
    const harness = await settled();
    harness.client(frontend.parse("select 1", "s"), frontend.sync);
    harness.server(1, PARSED, READY);
    harness.client(build.query("begin"));
    harness.server(0, done("BEGIN", TransactionStatus.InTransaction));
    harness.server(1, done("BEGIN", TransactionStatus.InTransaction));
    harness.client(build.query("delete from t"));
    harness.server(0, done("DELETE 1", TransactionStatus.InTransaction));
    harness.got(0);
    harness.seen();
    harness.client(frontend.bind({ statement: "s" }), frontend.execute(), frontend.sync);
    expect(harness.got(0)).toEqual(["P", "B", "E", "S"]);
    harness.server(0, PARSED, BOUND, complete("SELECT 1"), READY);
    expect(harness.seen()).toEqual(["2", "C SELECT 1", "Z"]);
  });

  it("drops the rest of a failed pipeline up to Sync", async () => {
    const harness = await settled();
    harness.client(frontend.parse("select 1"), frontend.bind());
    harness.server(1, ERROR);
    expect(harness.seen()).toEqual(["E"]);
    harness.got(1);
    harness.client(frontend.execute(), frontend.parse("delete from t"), frontend.sync);
    expect(harness.got(0)).toEqual([]);
    expect(harness.got(1)).toEqual(["S"]);
    harness.server(1, READY);
    expect(harness.seen()).toEqual(["Z"]);
    harness.client(build.query("select 2"));
    expect(harness.got(1)).toEqual(["Q select 2"]);
  });

  it("does not run a write behind a read that failed on another node", async () => {
    const harness = await settled();
    harness.client(
      frontend.parse("select 1"),
      frontend.bind(),
      frontend.execute(),
      frontend.parse("delete from t"),
      frontend.bind(),
      frontend.execute(),
      frontend.sync,
    );
    expect(harness.got(1)).toEqual(["P", "B", "E", "H"]);
    expect(harness.got(0)).toEqual([]);
    harness.server(1, PARSED, BOUND, ERROR);
    expect(harness.got(0)).toEqual([]);
    expect(harness.got(1)).toEqual(["S"]);
    harness.server(1, READY);
    expect(harness.seen()).toEqual(["1", "2", "E", "Z"]);
  });

  it("sends Sync to every node of a pipeline and shows one ReadyForQuery", async () => {
    const harness = await settled();
    harness.client(
      frontend.parse("select 1"),
      frontend.bind(),
      frontend.execute(),
      frontend.parse("delete from t"),
      frontend.bind(),
      frontend.execute(),
      frontend.sync,
    );
    harness.server(1, PARSED, BOUND, complete("SELECT 1"));
    expect(harness.got(0)).toEqual(["P", "B", "E", "H"]);
    harness.server(0, PARSED, BOUND, complete("DELETE 0"));
    expect(harness.got(0)).toEqual(["S"]);
    expect(harness.got(1).at(-1)).toBe("S");
    harness.server(1, READY);
    harness.server(0, READY);
    expect(harness.seen()).toEqual(["1", "2", "C SELECT 1", "1", "2", "C DELETE 0", "Z"]);
    expect(harness.session.visibleCount).toBe(0);
  });

  it("knows that a server ignores Sync while it copies data in", async () => {
    const harness = await settled();
    harness.client(
      frontend.parse("copy t from stdin"),
      frontend.bind(),
      frontend.execute(),
      frontend.sync,
    );
    const copyIn = build.message(Backend.CopyInResponse, Buffer.of(0, 0, 0));
    harness.server(0, PARSED, BOUND, copyIn);
    harness.client(frontend.copyData("1\n"), frontend.copyDone, frontend.sync);
    harness.server(0, complete("COPY 1"), READY);
    expect(harness.seen()).toEqual(["1", "2", "G", "C COPY 1", "Z"]);
    expect(harness.session.visibleCount).toBe(0);
  });

  it("answers the same wherever the servers' bytes are cut", async () => {
    const reply = Buffer.concat([PARSED, BOUND, complete("SELECT 1"), READY]);
    for (let cut = 1; cut < reply.length; cut++) {
      const harness = await settled();
      harness.client(
        frontend.parse("select 1"),
        frontend.bind(),
        frontend.execute(),
        frontend.sync,
      );
      harness.server(1, reply.subarray(0, cut));
      harness.server(1, reply.subarray(cut));
      expect(harness.seen()).toEqual(["1", "2", "C SELECT 1", "Z"]);
    }
  });
});
