import * as build from "../wire/build.ts";
import { InternalQuery } from "./internal-query.ts";
import { Expect, Show } from "./reply-queue.ts";
import type { Session } from "./session.ts";

/**
 * What a session has on its server that the next server would not have: whether there is anything
 * that can not be moved, and the settings that were made.
 */
const QUESTION = `SELECT pg_catalog.pg_my_temp_schema() OPERATOR(pg_catalog.<>) 0
 OR EXISTS (SELECT FROM pg_catalog.pg_cursors)
 OR EXISTS (SELECT pg_catalog.pg_listening_channels())
 OR EXISTS (SELECT FROM pg_catalog.pg_locks AS l WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory'
  AND l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()),
(SELECT pg_catalog.string_agg(s.name, ',') FROM (
 SELECT name FROM pg_catalog.pg_settings WHERE source OPERATOR(pg_catalog.=) 'session'
 UNION ALL SELECT 'role' WHERE pg_catalog.current_setting('role') OPERATOR(pg_catalog.<>) 'none'
) AS s)`;

/** pgpool itself sets it, to the client's. */
const OWN = "application_name";

/**
 * Finds out whether a session that may have left something on the primary really has, so that it
 * can go on with another one if not. The session must be quiet.
 *
 * @returns whether something is asked; the session is not quiet before the answer has come.
 */
export function lookForLeftovers(session: Session): boolean {
  const { router } = session;
  if (!session.bound && !router.settingsOnPrimary) return false;
  const server = session.servers[router.primary];
  if (server?.link === undefined) return false;
  const query = new InternalQuery("leftovers of the session", ({ error, rows }) => {
    if (error !== undefined || rows.length !== 1) return;
    const [[isLeft, settings]] = rows;
    const names = (settings ?? "").toLowerCase().split(",");
    const isKnown = (name: string) => name === "" || name === OWN || session.journal.has(name);
    if (isLeft !== "f" || !names.every(isKnown)) return;
    session.bound = false;
    router.settingsOnPrimary = false;
    router.settingsUnsure = false;
  });
  session.outgoing.logInternal(server, QUESTION, "while looking what a session has left");
  server.send(build.query(QUESTION), Expect.Internal, Show.Nothing, query);
  return true;
}
