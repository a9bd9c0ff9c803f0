import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { TestCluster } from "./cluster.ts";
import { waitFor } from "./wait.ts";

describe("a test cluster", () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
  }, 60_000);

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
  });

  it("streams what is written on the primary to the standby", async () => {
    await cluster.query("CREATE TABLE t AS SELECT 42 AS answer");
    await cluster.waitForReplay();
    expect(await cluster.server(1).query("SELECT answer FROM t")).toEqual([{ answer: 42 }]);
    expect(await cluster.server(1).isStandby()).toBe(true);
  });

  it("gives the rows of the last of several statements", async () => {
    expect(await cluster.query("SELECT 1 AS a; SELECT 2 AS b")).toEqual([{ b: 2 }]);
  });

  it("takes a standby by online backup from a running primary", async () => {
    const standby = await cluster.addStandby();
    expect(await standby.query("SELECT answer FROM t")).toEqual([{ answer: 42 }]);
  }, 60_000);

  it("hangs, goes on, dies and comes back at command", async () => {
    const standby = cluster.server(1);
    standby.pause();
    const answer = standby.query("SELECT 1 AS one");
    standby.resume();
    expect(await answer).toEqual([{ one: 1 }]);

    await standby.kill();
    expect(standby.running).toBe(false);
    await standby.start();
    await cluster.waitForStreaming();
  }, 60_000);

  it("promotes a standby", async () => {
    const standby = cluster.server(2);
    await standby.promote();
    await standby.query("CREATE TABLE written_after_promotion ()");
    await waitFor(async () => !await standby.isStandby(), { what: "promotion" });
  }, 60_000);
});
