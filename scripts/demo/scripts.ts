/** The scripts that pgpool runs in the demo: for failovers, and for online recovery. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { plainSql } from "../../lib/extensions/extension.ts";
import { pgpoolRecovery } from "../../lib/extensions/pgpool_recovery/extension.ts";
import { type Account, writeFileAs } from "../../tests/support/account.ts";
import type { Settings } from "../../tests/support/config-file.ts";
import { type PostgresServer, SUPERUSER } from "../../tests/support/postgres.ts";
import { pgpoolBinary, postgresBin, ROOT } from "../../tests/support/programs.ts";
import { writeForPool } from "./files.ts";
import type { Place } from "./place.ts";

/** In the data directory of every server, because each may become the primary. */
const RECOVERY_SCRIPTS = ["recovery_by_server.sql", "recovery_by_server", "pgpool_remote_start"];
const FAILOVER_SCRIPTS = ["failover.sh", "follow_primary.sh"];

/** How the scripts ask pgpool over PCP. */
export interface PcpAccess {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Readable for the account that pgpool runs as. */
  readonly passFile: string;
}

/** Makes online recovery possible from each of the servers; the primary has to run. */
export async function installRecovery(
  servers: readonly PostgresServer[],
  primary: PostgresServer,
  account: Account | null,
): Promise<void> {
  for (const name of RECOVERY_SCRIPTS) {
    const text = readFileSync(join(ROOT, "conf", `${name}.sample`), "utf8")
      .replaceAll("/usr/pgsql-18", dirname(postgresBin(account)))
      .replaceAll(":-repl}", `:-${SUPERUSER}}`);
    for (const { dataDir } of servers) writeFileAs(account, join(dataDir, name), text, 0o700);
  }
  await primary.query(plainSql(pgpoolRecovery, "public"));
}

/** Writes the scripts for failovers beside pgpool.conf, and gives the settings that name them. */
export function installFailover(place: Place, pcp: PcpAccess): Settings {
  const environment = {
    PG_CTL: join(postgresBin(place.account), "pg_ctl"),
    PGPOOL: pgpoolBinary(place.account),
    PCPHOST: pcp.host,
    PCPPORT: String(pcp.port),
    PCPUSER: pcp.user,
    PCPPASSFILE: pcp.passFile,
  };
  const lines = Object.entries(environment).map(([name, value]) =>
    `export ${name}=${shellWord(value)}\n`
  );
  writeForPool(place, join(place.etc, "demo.env"), lines.join(""));
  for (const name of FAILOVER_SCRIPTS) {
    const text = readFileSync(join(import.meta.dir, "etc", name), "utf8");
    writeForPool(place, join(place.etc, name), text, 0o700);
  }
  // Double quotes: pgpool.conf has single ones around the value.
  const command = (name: string) =>
    `"${join(place.etc, name).replace(/[\\"$`]/g, "\\$&").replaceAll("%", "%%")}"`;
  return {
    failover_command: command("failover.sh"),
    follow_primary_command: command("follow_primary.sh"),
    recovery_user: SUPERUSER,
    recovery_1st_stage_command: "recovery_by_server.sql",
    recovery_timeout: 60,
  };
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
