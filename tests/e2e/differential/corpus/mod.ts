/**
 * Everything that is compared. Left out, because the answer depends on the node or the moment and
 * not on how the pool treats the statement:
 *
 * - addresses, ports, process ids (inet_server_port(), pg_backend_pid(), SHOW port, SHOW ALL);
 * - what a standby says of itself (pg_is_in_recovery(), SHOW in_hot_standby, pg_stat_*);
 * - transaction ids, WAL positions, ctid, xmin, object ids as values, and times.
 */
import type { Topic } from "../script.ts";
import { catalogs } from "./catalogs.ts";
import { copies } from "./copies.ts";
import { extendedBasics } from "./extended-basics.ts";
import { extendedMixtures } from "./extended-mixtures.ts";
import { extendedPipelines } from "./extended-pipelines.ts";
import { extendedStatements } from "./extended-statements.ts";
import { logins } from "./logins.ts";
import { queries } from "./queries.ts";
import { routines } from "./routines.ts";
import { schema } from "./schema.ts";
import { sessions } from "./sessions.ts";
import { transactions } from "./transactions.ts";
import { writes } from "./writes.ts";

export const CORPUS: readonly Topic[] = [
  queries,
  schema,
  writes,
  transactions,
  sessions,
  routines,
  copies,
  catalogs,
  logins,
  extendedBasics,
  extendedPipelines,
  extendedStatements,
  extendedMixtures,
];
