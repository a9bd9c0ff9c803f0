/** The queue of requests: what is done, in which order, and what commands are told. */
import { describe, expect, it } from "bun:test";
import { RequestError, type RequestRefusal } from "../../lib/cluster/requests.ts";
import type { ClusterSettings } from "../../lib/cluster/settings.ts";
import { world } from "./service-world.ts";
import { answer, backend, primaryFacts, REFUSED, standbyFacts, turns } from "./world.ts";

const THREE = [backend(0), backend(1), backend(2)];

/** Three nodes, of which 0 is the primary, and commands; everything has settled. */
async function started(change: Partial<ClusterSettings> = {}) {
  const made = world({
    backends: THREE,
    failoverCommand: "failover",
    searchPrimaryNodeTimeout: 60,
    ...change,
  });
  made.servers.answers.set(2, answer(standbyFacts(0)));
  await made.service.start();
  await made.clock.advance(0);
  made.log.length = 0;
  const { servers, service } = made;
  return {
    ...made,
    fail: async (node: number) => {
      servers.answers.set(node, REFUSED);
      made.complain(node);
      await turns();
    },
    promote: (node: number, timeline = 2) =>
      servers.answers.set(node, answer(primaryFacts({ timeline }))),
    transition: () => service.snapshot().transition,
    primary: () => service.snapshot().primary,
  };
}

/** What a request is refused with, null when it is done. */
async function refusalOf(request: Promise<void>): Promise<RequestRefusal | null> {
  try {
    await request;
    return null;
  } catch (error) {
    if (error instanceof RequestError) return error.refusal;
    throw error;
  }
}

describe("a failover of the primary", () => {
  it("runs failover_command, finds the new primary, and says so in Pgpool-II's words", async () => {
    const { fail, promote, commands, clock, texts, transition, primary, statuses } =
      await started();
    await fail(0);
    expect([transition(), primary(), statuses()]).toEqual([
      "failover",
      -1,
      "down waiting waiting",
    ]);
    promote(1);
    await clock.advance(30_000);
    expect([transition(), primary()]).toEqual(["failover", -1]);
    await commands.end();
    expect([transition(), primary()]).toEqual(["none", 1]);
    expect(commands.calls).toEqual(["failover_command 0 -> 1 (primary 0)"]);
    expect(texts().filter((text) => !text.startsWith("find_primary_node: "))).toEqual([
      "backend node 0 is reported: connect-failed",
      "backend node 0 at localhost(11002) does not answer",
      "=== Starting degeneration. shutdown host localhost(11002) ===",
      "find_primary_node_repeatedly: waiting for finding a primary node",
      "failover: set new primary node: 1",
      "failover: set new main node: 1",
      "=== Failover done. shutdown host localhost(11002) ===",
    ]);
  });

  it("ends without a primary when the search takes too long, and finds a late one", async () => {
    const { fail, commands, clock, texts, transition, promote, primary } = await started();
    await fail(0);
    await commands.end();
    await clock.advance(59_000);
    expect(transition()).toBe("failover");
    await clock.advance(2000);
    expect(transition()).toBe("none");
    expect(texts()).toContain("failover: set new primary node: -1");
    promote(2);
    await clock.advance(5000);
    expect(primary()).toBe(2);
  });

  it("that loses the promoted node too promotes the next one", async () => {
    const { fail, promote, commands, primary, statuses, transition } = await started();
    await fail(0);
    await fail(1);
    expect(statuses()).toBe("down waiting waiting");
    await commands.end();
    expect([statuses(), transition()]).toEqual(["down down waiting", "failover"]);
    promote(2);
    await commands.end();
    expect([primary(), transition()]).toEqual([2, "none"]);
    expect(commands.calls).toEqual([
      "failover_command 0 -> 1 (primary 0)",
      "failover_command 1 -> 2 (primary 1)",
    ]);
  });

  it("goes on with other requests while the primary is searched", async () => {
    const { fail, commands, statuses, service } = await started();
    await fail(0);
    await commands.end();
    const detached = service.detach(2);
    await turns();
    expect(statuses()).toBe("down waiting down");
    await commands.end();
    expect(commands.calls.at(-1)).toBe("failover_command 2 -> 1 (primary 0)");
    await service.stop();
    expect(await refusalOf(detached)).toEqual({ kind: "stopping" });
  });

  it("is not disturbed by the old primary, which comes back in the middle", async () => {
    const { fail, promote, commands, servers, clock, primary, statuses } = await started({
      autoFailback: true,
    });
    await fail(0);
    servers.answers.set(0, answer(primaryFacts()));
    await clock.advance(20_000);
    promote(1);
    await commands.end();
    await clock.advance(20_000);
    expect([primary(), statuses()]).toEqual([1, "down waiting waiting"]);
  });

  it("is called off for a node that answers again before its turn", async () => {
    const { fail, complain, commands, servers, statuses } = await started();
    await fail(2);
    await fail(1);
    servers.answers.set(1, answer(standbyFacts(0)));
    complain(1);
    await turns();
    await commands.end();
    expect([statuses(), commands.calls.length]).toEqual(["waiting waiting down", 1]);
  });

  it("reminds the operator of a command that does not end", async () => {
    const { fail, clock, log } = await started();
    await fail(0);
    await clock.advance(121_000);
    expect(log.filter(({ text }) => text.startsWith("failover_command has been"))).toEqual([
      expect.objectContaining({ text: "failover_command has been running for 60 seconds" }),
      expect.objectContaining({ text: "failover_command has been running for 120 seconds" }),
    ]);
  });
});

describe("a failover of a standby", () => {
  it("leaves the primary and is over when its command is", async () => {
    const { fail, commands, transition, primary, statuses, service } = await started();
    await fail(2);
    expect([transition(), primary(), statuses()]).toEqual(["failover", 0, "waiting waiting down"]);
    await commands.end();
    expect(transition()).toBe("none");
    expect(commands.calls).toEqual(["failover_command 2 -> 0 (primary 0)"]);
    expect(service.changeCounts()).toMatchObject({ failover: 1, failback: 0 });
  });
});

describe("follow_primary_command", () => {
  const follow = { followPrimaryCommand: "follow" };

  it("runs for each node in turn, which its script attaches meanwhile", async () => {
    const { fail, promote, commands, service, servers, statuses, texts } = await started(follow);
    await fail(0);
    promote(1);
    await commands.end();
    expect(statuses()).toBe("down waiting down");
    expect(texts()).toContain("starting follow degeneration. shutdown host localhost(11004)");
    expect(texts()).toContain("failover: 1 follow backends have been degenerated");
    servers.answers.set(0, answer(standbyFacts(1)));
    expect(await refusalOf(service.attach(0))).toBeNull();
    await commands.end();
    await commands.end();
    expect(statuses()).toBe("waiting waiting down");
    expect(commands.calls).toEqual([
      "failover_command 0 -> 1 (primary 0)",
      "follow_primary_command 0 -> 1 (primary 0)",
      "follow_primary_command 2 -> 1 (primary 0)",
    ]);
    const follows = texts().filter((text) => text.includes("ollow primary command"));
    expect(follows).toEqual([
      "=== Starting follow primary command for node 0 ===",
      "=== Follow primary command for node 0 ended ===",
      "=== Starting follow primary command for node 2 ===",
      "=== Follow primary command for node 2 ended ===",
    ]);
  });

  it("is stopped when the new primary is lost as well", async () => {
    const { fail, promote, commands, service, servers, primary } = await started(follow);
    await fail(0);
    promote(1);
    await commands.end();
    servers.answers.set(2, answer(standbyFacts(1)));
    await service.attach(2);
    expect(commands.running.map(({ name }) => name)).toEqual(["follow_primary_command"]);
    await fail(1);
    expect(commands.running.map(({ name }) => name)).toEqual(["failover_command"]);
    promote(2, 3);
    await commands.end();
    expect(primary()).toBe(2);
    expect(commands.calls.slice(-2)).toEqual([
      "failover_command 1 -> 2 (primary 1)",
      "follow_primary_command 0 -> 2 (primary 1)",
    ]);
  });

  it("does not run when a standby fails, or the same primary is back", async () => {
    const { fail, commands, service, promote, primary } = await started(follow);
    await fail(2);
    await commands.end();
    await fail(0);
    await commands.end();
    promote(0, 1);
    const attached = service.attach(0);
    await turns();
    await attached;
    expect(primary()).toBe(0);
    expect(commands.calls.filter((call) => call.startsWith("follow"))).toEqual([]);
  });
});

describe("a promotion", () => {
  it("with switchover has failover_command promote the node that was asked for", async () => {
    const { service, promote, commands, primary, statuses, transition } = await started({
      followPrimaryCommand: "follow",
    });
    const done = service.promote(2, { switchover: true });
    await turns();
    expect([transition(), statuses()]).toEqual(["failover", "down waiting waiting"]);
    promote(2);
    await commands.end();
    expect(await refusalOf(done)).toBeNull();
    expect([primary(), statuses()]).toEqual([2, "down down waiting"]);
    expect(commands.calls).toEqual([
      "failover_command 0 -> 2 (primary 0)",
      "follow_primary_command 0 -> 2 (primary 0)",
    ]);
  });

  it("with switchover that promotes another node is told so", async () => {
    const { service, promote, commands } = await started();
    const done = service.promote(2, { switchover: true });
    await turns();
    promote(1);
    await commands.end();
    expect(await refusalOf(done)).toEqual({ kind: "not-promoted", primary: 1 });
  });

  it("without switchover follows a server that has been promoted by somebody else", async () => {
    const { service, promote, commands, primary, statuses, texts } = await started();
    promote(1);
    expect(await refusalOf(service.promote(1, { switchover: false }))).toBeNull();
    expect([primary(), statuses()]).toEqual([1, "down waiting waiting"]);
    expect(commands.calls).toEqual([]);
    expect(texts()).toContain("starting promotion. promote host localhost(11003)");
    expect(texts()).toContain("=== Promotion done. promoted host localhost(11003) ===");
  });

  it("without switchover believes nobody who still is a standby", async () => {
    const { service, clock, primary, statuses, texts } = await started();
    const done = refusalOf(service.promote(1, { switchover: false }));
    await clock.advance(12_000);
    expect(await done).toEqual({ kind: "not-promoted", primary: 0 });
    expect(texts().at(-1)).toBe(
      "promotion failed. host localhost(11003) has not become the primary",
    );
    expect(texts().join()).not.toMatch(/set new primary/);
    expect([primary(), statuses()]).toEqual([0, "waiting waiting waiting"]);
  });

  it("never gives up a primary for one of the past, but takes that when there is no other", async () => {
    const { service, fail, promote, commands, clock, primary } = await started();
    promote(2, 2);
    await fail(0);
    promote(1, 3);
    await commands.end();
    expect(primary()).toBe(1);
    const early = refusalOf(service.promote(2, { switchover: false }));
    await clock.advance(12_000);
    expect([await early, primary()]).toEqual([{ kind: "not-promoted", primary: 1 }, 1]);
    await fail(1);
    await commands.end();
    await clock.advance(61_000);
    expect(primary()).toBe(-1);
    expect(await refusalOf(service.promote(2, { switchover: false }))).toBeNull();
    expect(primary()).toBe(2);
  });

  it("is refused where it makes no sense", async () => {
    const { service } = await started({ failoverCommand: "" });
    const refused = (node: number, switchover: boolean) =>
      refusalOf(service.promote(node, { switchover }));
    expect(await refused(0, true)).toEqual({ kind: "already-primary" });
    expect(await refused(7, true)).toEqual({ kind: "unknown-node" });
    expect(await refused(1, true)).toEqual({ kind: "no-failover-command" });
    await service.detach(1);
    expect(await refused(1, false)).toEqual({ kind: "not-valid-for-promotion", status: "down" });
    const raw = world({ mode: "raw" });
    await raw.service.start();
    expect(await refusalOf(raw.service.promote(1, { switchover: false })))
      .toEqual({ kind: "not-streaming-mode" });
  });

  it("is refused while another one is under way", async () => {
    const { service } = await started();
    const first = refusalOf(service.promote(1, { switchover: true }));
    expect(await refusalOf(service.promote(2, { switchover: true })))
      .toEqual({ kind: "in-progress", transition: "failover" });
    await service.stop();
    expect(await first).toEqual({ kind: "stopping" });
  });
});

describe("attaching and detaching", () => {
  it("run failback_command and failover_command, and end when they have", async () => {
    const { service, commands, texts, transition } = await started({ failbackCommand: "failback" });
    const detached = service.detach(1);
    await turns();
    await commands.end();
    expect(await refusalOf(detached)).toBeNull();
    const attached = service.attach(1);
    await turns();
    expect(transition()).toBe("failback");
    await commands.end();
    expect(await refusalOf(attached)).toBeNull();
    expect(commands.calls).toEqual([
      "failover_command 1 -> 0 (primary 0)",
      "failback_command 1 -> 0 (primary 0)",
    ]);
    expect(texts()).toContain(
      `received failback request for node_id: 1 from pid [${process.pid}]`,
    );
    expect(service.changeCounts()).toEqual({
      failover: 1,
      failback: 1,
      promotion: 0,
      quarantine: 0,
    });
  });

  it("that are asked for twice are done once, and both are told", async () => {
    const { service, commands } = await started();
    const both = [service.detach(1), service.detach(2), service.detach(2)];
    await turns();
    await commands.end();
    await commands.end();
    await Promise.all(both);
    expect(commands.calls.length).toBe(2);
  });

  it("are refused for nodes whose status does not fit", async () => {
    const { service } = await started({
      failoverCommand: "",
      backends: [...THREE.slice(0, 2), backend(2, { allowToFailover: false })],
    });
    expect(await refusalOf(service.attach(1)))
      .toEqual({ kind: "not-valid-for-failback", status: "waiting" });
    expect(await refusalOf(service.detach(2))).toEqual({ kind: "failover-disallowed" });
    await service.detach(1);
    expect(await refusalOf(service.detach(1)))
      .toEqual({ kind: "not-valid-for-failover", status: "down" });
    await service.stop();
    expect(await refusalOf(service.attach(1))).toEqual({ kind: "stopping" });
  });
});
