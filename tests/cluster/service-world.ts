import type { LogEntry } from "../../lib/cluster/effects.ts";
import { createClusterService } from "../../lib/cluster/service.ts";
import type { ClusterSettings } from "../../lib/cluster/settings.ts";
import { formatStatus, type StatusFile, type StatusHint } from "../../lib/cluster/status-file.ts";
import {
  answer,
  FakeCommands,
  FakeServers,
  ManualClock,
  primaryFacts,
  settings,
  standbyFacts,
} from "./world.ts";

/** A service before simulated servers: node 0 is the primary, node 1 its standby. */
export function world(change: Partial<ClusterSettings> = {}, hints: readonly StatusHint[] = []) {
  const clock = new ManualClock();
  const servers = new FakeServers();
  servers.answers.set(0, answer(primaryFacts()));
  servers.answers.set(1, answer(standbyFacts(0)));
  const log: LogEntry[] = [];
  const saved: (string | null)[] = [];
  const file: StatusFile = {
    load: () => Promise.resolve({ hints, notes: [] }),
    save(nodes) {
      saved.push(formatStatus(nodes));
      return Promise.resolve([]);
    },
  };
  /** What the external command prints for these replicas. */
  const delays = new Map<string, string>();
  const commands = new FakeCommands();
  const downRequests = new Set<number>();
  const service = createClusterService({
    settings: settings(change),
    logger: (entry) => log.push(entry),
    clock,
    probe: servers,
    runCommand: commands.run,
    runDelayCommand: ({ replicas }) => Promise.resolve(delays.get(replicas.join(" ")) ?? null),
    statusFile: file,
    downRequests: { take: (node) => Promise.resolve(downRequests.delete(node)) },
  });
  const generations: number[] = [];
  service.onSnapshot((snapshot) => generations.push(snapshot.generation));
  return {
    clock,
    servers,
    service,
    saved,
    generations,
    commands,
    delays,
    downRequests,
    log,
    texts: () => log.map((entry) => entry.text),
    statuses: () => service.snapshot().nodes.map((node) => node.status).join(" "),
    complain: (node: number) =>
      service.complain(node, "connect-failed", "", service.snapshot().generation),
  };
}
