import { expect, it } from "bun:test";
import type { SessionInfo, WorkerReport } from "../../../lib/process/messages.ts";
import { busySessions } from "../../../lib/process/statistics/busy-sessions.ts";

function session(change: Partial<SessionInfo>): SessionInfo {
  return {
    sessionId: 1,
    startTime: 1,
    database: "d",
    user: "u",
    clientHost: "127.0.0.1",
    clientPort: "5000",
    applicationName: "a",
    status: "Execute command",
    waitingFor: "",
    loadBalanceNode: 1,
    statement: "select 1",
    statementNode: 1,
    busyFor: 0,
    idleSince: 1,
    servers: [],
    ...change,
  };
}

function report(pid: number, ...sessions: SessionInfo[]): WorkerReport {
  const counts = { startTime: 1, connectionCount: 1, waitingClients: 0 };
  return { worker: pid, pid, ...counts, sessions, idle: [] };
}

it("tells of the sessions of all workers that have been busy for longest", () => {
  const reports = [
    report(1, session({ busyFor: 2000 }), session({ busyFor: 500 })),
    report(2, session({ busyFor: 60_000 })),
  ];
  const told = busySessions(reports, 2).map(({ poolPid, seconds }) => [poolPid, seconds]);
  expect(told).toEqual([[2, 60], [1, 2]]);
});

it("tells what each is doing, and the server process that does it", () => {
  const connection = { database: "d", user: "u", createdAt: 1, uses: 1, releasedAt: 0 };
  const servers = [0, 1].map((node) => ({
    ...connection,
    node,
    pid: 100 + node,
    protocolMinor: 0,
  }));
  const states = busySessions([
    report(
      1,
      session({ busyFor: 3, servers }),
      session({ busyFor: 2, waitingFor: "server connection", statementNode: -1, servers }),
      session({ busyFor: 1, status: "Idle in transaction", statementNode: 0, servers }),
    ),
  ], 10).map(({ state, waitingFor, backendPid }) => [state, waitingFor, backendPid]);
  expect(states).toEqual([
    ["active", "", 101],
    ["waiting", "server connection", 0],
    ["idleInTransaction", "", 100],
  ]);
});
