import { copyFileSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Sql } from "postgres";
import { type Account, give } from "./account.ts";

/** Directories whose content a copy starts without (PostgreSQL documentation, low level backup). */
const EMPTIED = new Set([
  "pg_dynshmem",
  "pg_notify",
  "pg_replslot",
  "pg_serial",
  "pg_snapshots",
  "pg_stat_tmp",
  "pg_subtrans",
  "pg_wal",
]);

const SKIPPED =
  /^(postmaster\.(pid|opts)|standby\.signal|recovery\.signal|backup_label|pgsql_tmp.*|pg_internal\.init.*)$/;

/**
 * Copies the data directory of a running server by the low level backup functions. `sql` has to be
 * a client with one connection. Tablespaces are not supported.
 */
export async function onlineBackup(
  sql: Sql,
  from: string,
  to: string,
  account: Account | null,
): Promise<void> {
  await sql`SELECT pg_backup_start('copy', true)`;
  copyTree(from, to);
  for (const dir of ["archive_status", "summaries"]) {
    mkdirSync(join(to, "pg_wal", dir), { recursive: true, mode: 0o700 });
  }
  const [end] = await sql<{ labelfile: string }[]>`SELECT labelfile FROM pg_backup_stop(false)`;
  writeFileSync(join(to, "backup_label"), end?.labelfile ?? "", { mode: 0o600 });
  give(to, account);
}

function copyTree(from: string, to: string): void {
  mkdirSync(to, { mode: 0o700 });
  for (const name of readdirSync(from)) {
    const source = join(from, name);
    const target = join(to, name);
    const info = lstatSync(source, { throwIfNoEntry: false });
    if (info === undefined || SKIPPED.test(name)) continue;
    if (info.isDirectory()) {
      if (EMPTIED.has(name)) mkdirSync(target, { mode: 0o700 });
      else copyTree(source, target);
    } else if (info.isFile()) {
      copyUnlessGone(source, target);
    }
  }
}

/** Files may be removed while a running server's directory is copied; WAL replay knows that. */
function copyUnlessGone(source: string, target: string): void {
  try {
    copyFileSync(source, target);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
