import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { give } from "../../support/account.ts";
import type { TestCluster } from "../../support/cluster.ts";
import { postgresBin } from "../../support/programs.ts";

/** The failed node is %d, the old primary %P, and %R the data directory to promote. */
const PROMOTE = `#!/bin/sh
[ "$1" = "$2" ] || exit 0
exec "$4" -D "$3" -w -t 20 promote
`;

/**
 * A standby that runs is told of the new primary in %R. The old primary would need pg_rewind, and
 * is left as it is.
 */
const FOLLOW = `#!/bin/sh
[ -f "$1/standby.signal" ] || exit 0
port=$(sed -n 's/^port *= *//p' "$2/cluster.conf")
sed -i "s/port=[0-9]*/port=$port/" "$1/postgresql.auto.conf"
exec "$3" -D "$1" reload
`;

/** A failover_command that promotes the new main node when the primary has failed. */
export function promotingCommand(cluster: TestCluster): string {
  return `${writeScript(cluster, "promote.sh", PROMOTE)} %d %P %R ${pgCtl(cluster)}`;
}

/** A follow_primary_command that makes standbys stream from the new primary. */
export function followingCommand(cluster: TestCluster): string {
  return `${writeScript(cluster, "follow.sh", FOLLOW)} %D %R ${pgCtl(cluster)}`;
}

/** Writes an executable script beside the data directories of a cluster; gives its path. */
export function writeScript(cluster: TestCluster, name: string, text: string): string {
  const file = join(cluster.dir, name);
  writeFileSync(file, text, { mode: 0o755 });
  give(file, cluster.account);
  return file;
}

function pgCtl(cluster: TestCluster): string {
  return join(postgresBin(cluster.account), "pg_ctl");
}
