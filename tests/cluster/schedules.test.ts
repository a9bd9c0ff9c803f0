/**
 * Random faults, scripts and wishes against simulated servers. A failure prints the seed of its
 * schedule, which is the same again with `runSchedule(seed)`.
 */
import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { RequestError } from "../../lib/cluster/requests.ts";
import { isUsable } from "../../lib/cluster/types.ts";
import { Dice, LATENCY, Simulation } from "./simulation.ts";
import { backend, healthCheck, settings } from "./world.ts";

const SIZE = 3;
const STEPS = 25;

async function runSchedule(seed: number): Promise<void> {
  const dice = new Dice(seed);
  const backends = Array.from({ length: SIZE }, (_, id) => backend(id));
  const simulation = new Simulation(
    SIZE,
    seed + 1,
    settings({
      backends,
      srCheckPeriod: 5,
      healthChecks: new Map(backends.map(({ id }) => [id, healthCheck({ period: 5 })])),
      searchPrimaryNodeTimeout: 30,
      autoFailback: dice.chance(50),
      autoFailbackInterval: 5,
      detachFalsePrimary: dice.chance(50),
      failoverCommand: dice.chance(80) ? "failover" : "",
      failbackCommand: dice.chance(20) ? "failback" : "",
      followPrimaryCommand: dice.chance(60) ? "follow" : "",
      failoverCommandTimeout: 20,
    }),
  );
  const { service, clock, servers } = simulation;
  let highest = 0;
  /** Whoever asks for a server by hand may well ask for a primary of the past. */
  let isOverridden = false;
  let open = 0;
  const faults: string[] = [];

  service.onSnapshot(({ primary }) => {
    const server = servers[primary];
    if (server === undefined) return;
    // What was a primary when it was asked may have ceased to be one while its answer came.
    if (server.wasPrimaryAt < clock.now() - LATENCY) faults.push(`node ${primary} is no primary`);
    if (!isOverridden && server.timeline < highest) faults.push(`node ${primary} is of the past`);
    highest = Math.max(highest, server.timeline);
  });

  const wish = (wished: Promise<void>) => {
    open++;
    wished.catch((error: unknown) => expect(error).toBeInstanceOf(RequestError))
      .finally(() => open--);
  };

  const act = () => {
    const id = dice.below(SIZE);
    const server = simulation.server(id);
    switch (dice.below(10)) {
      case 0:
      case 1:
        server.isAlive = false;
        return;
      case 2:
        server.isAlive = true;
        return;
      case 3:
        server.isHanging = !server.isHanging;
        return;
      case 4:
        simulation.promote(id);
        return;
      case 5:
        isOverridden ||= server.isPrimary;
        return wish(service.attach(id));
      case 6:
        return wish(service.detach(id));
      case 7:
        isOverridden ||= server.isPrimary && service.snapshot().primary === -1;
        return wish(service.promote(id, { switchover: dice.chance(50) }));
      default:
        for (const node of service.snapshot().nodes) {
          const { isAlive, isHanging } = simulation.server(node.id);
          if (isUsable(node) && (!isAlive || isHanging)) {
            service.complain(node.id, "connect-failed", "", service.snapshot().generation);
          }
        }
    }
  };

  const started = service.start();
  await clock.advance(LATENCY);
  for (let step = 0; step < STEPS; step++) {
    act();
    await clock.advance(dice.below(12_000));
  }
  for (const server of servers) Object.assign(server, { isAlive: true, isHanging: false });
  await clock.advance(200_000);
  await started;
  expect(faults).toEqual([]);
  expect({ open, running: simulation.running, ...service.snapshot() })
    .toMatchObject({ open: 0, running: 0, transition: "none" });
  await service.stop();
}

describe("random schedules of faults", () => {
  it("end every request, and never make a server the primary that is none", async () => {
    const numRuns = Number(process.env["SCHEDULES"] ?? 300);
    await fc.assert(fc.asyncProperty(fc.integer(), runSchedule), { numRuns, endOnFailure: true });
  }, 600_000);
});
