import type { SharedFigures } from "../statistics/figures.ts";
import type { Clients } from "./clients.ts";

const STATES = ["active", "idle", "idleInTransaction", "waiting"] as const;

/** Tells everybody what this worker's sessions and server connections do; called once a second. */
export function tellState(clients: Clients, figures: SharedFigures): void {
  const sessions = { active: 0, idle: 0, idleInTransaction: 0, waiting: 0 };
  for (const client of clients.all) sessions[client.state]++;
  for (const state of STATES) figures.setWorker(state, sessions[state]);

  const nodes = clients.snapshot().nodes.map(() => ({ used: 0, idle: 0 }));
  for (const { node, releasedAt } of clients.pool.connections) {
    const connections = nodes[node];
    if (connections !== undefined) connections[releasedAt === 0 ? "used" : "idle"]++;
  }
  for (const [node, { used, idle }] of nodes.entries()) {
    figures.setNode(node, "used", used);
    figures.setNode(node, "idle", idle);
  }
  figures.setWorker("held", clients.lobby.waiting);
  figures.setWorker("toldAt", clients.now());
}
