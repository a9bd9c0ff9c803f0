import type { NodeFacts, ReceiverFact, ReplicaFact } from "./facts.ts";
import { parseLsn } from "./lsn.ts";

/** The server's answer has another form than was asked for. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
}

/**
 * One row, one column: all that a check wants to know, as JSON. Runs on PostgreSQL 13 to 18 as any
 * user; what the user may not see comes as NULL (needs pg_monitor).
 */
export const FACTS_QUESTION = `SELECT pg_catalog.json_build_object(
  'recovery', pg_catalog.pg_is_in_recovery(),
  'version', pg_catalog.current_setting('server_version_num'),
  'lsn', CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
    ELSE pg_catalog.pg_current_wal_lsn() END,
  'file', CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL
    ELSE pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) END,
  'replicas', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', r.application_name, 'state', r.state, 'sync', r.sync_state,
      'lag', EXTRACT(epoch FROM r.replay_lag)))
    FROM pg_catalog.pg_stat_replication AS r),
  'receiver', (SELECT pg_catalog.json_build_object(
      'status', w.status, 'host', w.sender_host, 'port', w.sender_port)
    FROM pg_catalog.pg_stat_wal_receiver AS w LIMIT 1)
) AS answer`;

/**
 * Reads the answer to `FACTS_QUESTION`.
 * @throws AnswerError, LsnError when it is not one
 */
export function readFacts(answer: unknown): NodeFacts {
  const row = asObject(typeof answer === "string" ? parseJson(answer) : answer);
  if (typeof row.recovery !== "boolean") throw new AnswerError("the answer has no role");
  const version = Number(row.version);
  if (!Number.isInteger(version)) throw new AnswerError("the answer has no version");
  const replicas = Array.isArray(row.replicas) ? row.replicas : [];
  return {
    inRecovery: row.recovery,
    serverVersion: version,
    lsn: typeof row.lsn === "string" ? parseLsn(row.lsn) : null,
    timeline: typeof row.file === "string" ? timelineOf(row.file) : null,
    replicas: replicas.map(readReplica),
    receiver: row.receiver === null || row.receiver === undefined
      ? null
      : readReceiver(row.receiver),
  };
}

/** The timeline a write-ahead log file belongs to: the first 8 hexadecimal digits of its name. */
function timelineOf(walFile: string): number {
  const timeline = Number.parseInt(walFile.slice(0, 8), 16);
  if (Number.isNaN(timeline)) throw new AnswerError("the answer has no timeline");
  return timeline;
}

function readReplica(value: unknown): ReplicaFact {
  const row = asObject(value);
  return {
    applicationName: asText(row.name),
    state: asText(row.state),
    syncState: asText(row.sync),
    replayLag: typeof row.lag === "number" ? Math.round(row.lag * 1e6) : null,
  };
}

function readReceiver(value: unknown): ReceiverFact {
  const row = asObject(value);
  return {
    status: asText(row.status),
    senderHost: asText(row.host),
    senderPort: typeof row.port === "number" ? row.port : 0,
  };
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new AnswerError("not a JSON object");
  return { ...value };
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AnswerError("not JSON", { cause });
  }
}
