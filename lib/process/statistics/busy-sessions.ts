import type { BusySession } from "../../pcp/statistics.ts";
import type { SessionInfo, WorkerReport } from "../messages.ts";

/** Of what workers told of their sessions, those that have been busy for longest. */
export function busySessions(reports: readonly WorkerReport[], most: number): BusySession[] {
  return reports.flatMap(({ pid, sessions }) => sessions.map((each) => busySession(pid, each)))
    .sort((one, other) => other.seconds - one.seconds)
    .slice(0, most);
}

function busySession(poolPid: number, session: SessionInfo): BusySession {
  const { status, waitingFor, statementNode: node, servers, busyFor } = session;
  const { database, user, applicationName, clientHost, clientPort, statement } = session;
  return {
    poolPid,
    database,
    user,
    applicationName,
    clientHost,
    clientPort,
    state: status === "Idle in transaction"
      ? "idleInTransaction"
      : waitingFor === ""
      ? "active"
      : "waiting",
    waitingFor,
    seconds: busyFor / 1000,
    statement,
    node,
    backendPid: servers.find((server) => server.node === node)?.pid ?? 0,
  };
}
