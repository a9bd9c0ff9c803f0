/** Delays that a command of the operator's prints. */
import { describe, expect, it } from "bun:test";
import { runDelayCommand } from "../../lib/cluster/delay-command.ts";
import type { LogEntry } from "../../lib/cluster/effects.ts";
import type { ClusterSettings } from "../../lib/cluster/settings.ts";
import { world } from "./service-world.ts";
import { answer, backend, standbyFacts } from "./world.ts";

const REPLICAS = "localhost:11003 localhost:11004";

/** Three nodes whose delays come from a command. */
async function started(output: string | null, change: Partial<ClusterSettings> = {}) {
  const made = world({
    backends: [backend(0), backend(1), backend(2)],
    replicationDelaySourceCmd: "delays",
    delayThresholdByTime: 1000,
    ...change,
  });
  made.servers.answers.set(2, answer(standbyFacts(0)));
  if (output !== null) made.delays.set(REPLICAS, output);
  await made.service.start();
  await made.clock.advance(0);
  return {
    ...made,
    figures: () =>
      made.service.snapshot().nodes.map(({ replicationDelay, delayByTime }) =>
        `${replicationDelay}${delayByTime ? " us" : ""}`
      ),
  };
}

describe("replication_delay_source_cmd", () => {
  it("is told the replicas, and sets their delays in milliseconds", async () => {
    const { figures, texts } = await started("25 1500.5\n");
    expect(figures()).toEqual(["0", "25000 us", "1500500 us"]);
    expect(texts()).toContain(
      "Replication of node: 2 is behind 1.500500 second(s) from the primary server (node: 0)",
    );
  });

  it("that prints nonsense is warned of, and such a delay counts as none", async () => {
    const { figures, log } = await started("soon -5");
    expect(figures()).toEqual(["0", "0 us", "0 us"]);
    expect(log.filter(({ severity }) => severity === "warning").map(({ detail }) => detail))
      .toEqual([
        '"soon" is no delay in milliseconds (node 1)',
        '"-5" is no delay in milliseconds (node 2)',
      ]);
  });

  it("that prints too few numbers changes nothing", async () => {
    const { figures, log } = await started("25");
    expect(figures()).toEqual(["0", "0 us", "0 us"]);
    expect(log.at(-1)?.detail).toBe("1 delays were printed for 2 nodes");
  });

  it("can say that a node is down, which is then looked at", async () => {
    const { servers } = await started("25 -1");
    expect(servers.pings).toEqual([2]);
  });

  it("keeps the delays while it fails", async () => {
    const { figures, delays, clock } = await started("25 50");
    delays.clear();
    await clock.advance(20_000);
    expect(figures()).toEqual(["0", "25000 us", "50000 us"]);
  });
});

describe("running it", () => {
  const run = async (command: string, deadlineMs = 5000, stop = new AbortController().signal) => {
    const log: LogEntry[] = [];
    const replicas = ["a:1", "b c:2"];
    const options = {
      command,
      replicas,
      deadlineMs,
      stop,
      log: (entry: LogEntry) => log.push(entry),
    };
    const output = await runDelayCommand(options);
    return { output, detail: log[0]?.detail };
  };

  it("gives it one argument for each replica", async () => {
    expect(await run("printf '%s|'")).toEqual({ output: "a:1|b c:2|", detail: undefined });
  });

  it("ends it when it takes too long, and tells of a failure", async () => {
    const started = performance.now();
    expect(await run("sleep 60; echo", 100)).toEqual({
      output: null,
      detail: "It took longer than 0.1 seconds (replication_delay_source_timeout).",
    });
    expect(performance.now() - started).toBeLessThan(5000);
    expect(await run("exit 3;")).toEqual({ output: null, detail: "It exited with status 3." });
    expect((await run("yes;")).output).toBeNull();
  });

  it("ends it when pgpool stops, without a word", async () => {
    const stopping = new AbortController();
    const ran = run("sleep 60; echo", 60_000, stopping.signal);
    stopping.abort();
    expect(await ran).toEqual({ output: null, detail: undefined });
  });
});
