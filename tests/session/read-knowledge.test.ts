import { describe, expect, it } from "bun:test";
import { SharedKnowledge } from "../../lib/session/read-knowledge.ts";
import * as build from "../../lib/wire/build.ts";
import { CLUSTER, done, failed, Harness, lookupAnswer, opened, VOLATILE } from "./harness.ts";

const { query } = build;

/** What the catalog says of the relation at a place of the question. */
function table(position: string): (string | null)[] {
  return ["r", position, "public", "r", "p", "f", "f"];
}

function twoSessions(): [Harness, Harness] {
  const shared = new SharedKnowledge(100, 0, () => 0);
  return [new Harness({}, CLUSTER, shared), new Harness({}, CLUSTER, shared)];
}

function ask(harness: Harness, text: string): void {
  harness.client(query(text));
  expect(harness.got(0)).toHaveLength(1);
  expect(harness.session.waitingFor).toBe("catalog lookup");
}

describe("what sessions of a worker learn from the catalog at the same time", () => {
  it("leaves a read that two sessions ask about at once to standbys", async () => {
    const [one, other] = twoSessions();
    ask(one, "select * from a");
    ask(other, "select * from a");
    one.server(0, lookupAnswer(table("0")));
    other.server(0, lookupAnswer(table("0")));
    await opened();
    expect(one.got(1)).toEqual(["Q select * from a"]);
    expect(other.got(1)).toEqual(["Q select * from a"]);
  });

  it("takes each answer for what was asked, whatever another session has learned since", async () => {
    const [one, other] = twoSessions();
    ask(one, "select * from a");
    ask(other, "select * from a, b");
    one.server(0, lookupAnswer(table("0")));
    other.server(0, lookupAnswer(table("0"), table("1")));
    await opened();
    expect(other.got(1)).toEqual(["Q select * from a, b"]);
  });

  it("does not take one function for another", async () => {
    const [one, other] = twoSessions();
    ask(one, "select f()");
    ask(other, "select f(), g()");
    one.server(0, lookupAnswer(["f", "0", null, null, null, "f", "f"]));
    other.server(
      0,
      lookupAnswer(["f", "0", null, null, null, "f", "f"], ["f", "1", ...VOLATILE.slice(2)]),
    );
    await opened();
    expect(other.got(0)).toEqual(["Q select f(), g()"]);
    other.server(0, done("SELECT 1"));
    ask(other, "select g()");
    other.server(0, lookupAnswer());
    expect(other.got(0)).toEqual(["Q select g()"]);
  });

  it("asks again after a question that failed, and sends that one read to the primary", async () => {
    const [one] = twoSessions();
    ask(one, "select * from a");
    one.server(0, failed("57014"));
    await opened();
    expect(one.got(0)).toEqual(["Q select * from a"]);
    one.server(0, done("SELECT 0"));
    ask(one, "select * from a");
    one.server(0, lookupAnswer(table("0")));
    await opened();
    expect(one.got(1)).toEqual(["Q select * from a"]);
  });
});
