/** The functions of pgpool_recovery on a real server. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { plainSql } from "../../../lib/extensions/extension.ts";
import { pgpoolRecovery } from "../../../lib/extensions/pgpool_recovery/extension.ts";
import { give } from "../../support/account.ts";
import { TestCluster } from "../../support/cluster.ts";
import { waitFor } from "../../support/wait.ts";

let cluster: TestCluster;
let dataDir: string;

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
  dataDir = cluster.primary.dataDir;
  await cluster.query("CREATE SCHEMA recovery");
  for (let times = 0; times < 2; times++) {
    await cluster.query(plainSql(pgpoolRecovery, "recovery"));
  }
  await cluster.query(`
    CREATE USER nobody_much;
    CREATE USER helper IN ROLE pg_execute_server_program, pg_read_all_settings;
    GRANT USAGE ON SCHEMA recovery TO PUBLIC`);
}, 60_000);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** Puts a script into the data directory. */
function script(name: string, text: string): void {
  const file = join(dataDir, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  give(file, cluster.account);
}

interface Outcome {
  readonly value: unknown;
  readonly notices: readonly string[];
  readonly error: { readonly message: string; readonly detail: string } | null;
}

/** Calls a function and gives all that comes of it. @param before a statement of the same session */
async function call(text: string, user = "postgres", before = "SELECT 1"): Promise<Outcome> {
  const notices: string[] = [];
  const { host, port } = cluster.primary;
  const sql = postgres({
    ...{ host, port, user, database: "postgres", max: 1 },
    onnotice: ({ message }) => notices.push(message ?? ""),
  });
  try {
    await sql.unsafe(before);
    const [row] = await sql.unsafe(`SELECT recovery.${text} AS value`);
    return { value: row?.["value"], notices, error: null };
  } catch (error) {
    if (!(error instanceof postgres.PostgresError)) throw error;
    const { message, detail = "" } = error;
    return { value: undefined, notices, error: { message, detail } };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

describe("pgpool_recovery()", () => {
  it("gives a script of the data directory what it is told, three to seven words", async () => {
    script("show", `printf '[%s]' "$@"`);
    const words = ["'db 1'", "'/da''ta'", "'5432'", "1", "'5433'", "'$(exit 3)'"];
    const shown = ["db 1", "/da'ta", "5432", "1", "5433", "$(exit 3)"];
    for (let count = 2; count <= 6; count++) {
      const args = words.slice(0, count).join(", ");
      const wanted = [dataDir, ...shown.slice(0, count)].map((word) => `[${word}]`).join("");
      expect(await call(`pgpool_recovery('show', ${args})`))
        .toEqual({ value: true, notices: [wanted], error: null });
    }
  });

  it("tells what a script wrote that failed", async () => {
    script("fail", `printf 'b\\\\s\\ttab \\303\\244\\n\\\\.\\n'; echo 'no space' >&2; exit 3`);
    expect((await call("pgpool_recovery('fail', 'h', '/d')")).error).toEqual({
      message: "pgpool_recovery failed",
      detail: 'Script "fail" exited with status 3.\nb\\s\ttab ä\n\\.\nno space',
    });
    script("binary", `printf 'a\\377\\000b'; exit 1`);
    expect((await call("pgpool_recovery('binary', 'h', '/d')")).error?.detail)
      .toBe('Script "binary" exited with status 1.\na\\377\\000b');
    script("flood", `yes | head -c 1000000; exit 1`);
    expect((await call("pgpool_recovery('flood', 'h', '/d')")).error?.detail.length)
      .toBeLessThan(8100);
    expect((await call("pgpool_recovery('missing', 'h', '/d')")).error?.detail)
      .toContain('Script "missing" exited with status 127.');
  });

  it("runs a script of statements in its own session", async () => {
    script("copy", `printf '[%s]' "$@"`);
    const statements = `
      SELECT pg_backup_start('test', true);
      DO $$ BEGIN
        PERFORM pgpool_recovery_run('pgpool_recovery', 'copy', ARRAY[
          current_setting('pgpool.argument_1'), current_setting('pgpool.argument_3')]);
      END $$;
      SELECT pg_backup_stop(false)`;
    writeFileSync(join(dataDir, "stage.sql"), statements);
    expect(await call("pgpool_recovery('stage.sql', 'h', '/d''1')"))
      .toEqual({ value: true, notices: [`[${dataDir}][/d'1]`], error: null });
    script("copy", "echo no space; exit 2");
    expect((await call("pgpool_recovery('stage.sql', 'h', '/d')")).error).toEqual({
      message: "pgpool_recovery failed",
      detail: 'Script "stage.sql" failed: pgpool_recovery failed\n' +
        'Script "copy" exited with status 2.\nno space',
    });
  });

  it("runs nothing outside of the data directory", async () => {
    for (const name of ["../evil", "/bin/true", "a/b", "..", ""]) {
      expect((await call(`pgpool_recovery('${name}', 'h', '/d')`)).error?.detail)
        .toBe(`A script has to lie in the data directory itself: "${name}".`);
    }
  });

  it("is for superusers and for those who may run programs on the server", async () => {
    script("show", `printf '[%s]' "$@"`);
    expect((await call("pgpool_recovery('show', 'h', '/d')", "nobody_much")).error?.message)
      .toBe("must be superuser to use pgpool_recovery function");
    expect((await call("pgpool_recovery('show', 'h', '/d')", "helper")).notices)
      .toEqual([`[${dataDir}][h][/d]`]);
  });

  it("does not wait for what a script leaves in the background", async () => {
    script("leave", `sleep 60 & echo $! > "$1/left"`);
    expect((await call("pgpool_recovery('leave', 'h', '/d')")).value).toBe(true);
    process.kill(Number(readFileSync(join(dataDir, "left"), "utf8")));
  });

  it("ends a script that takes longer than pgpool.script_timeout", async () => {
    script("hang", "echo begun; sleep 60");
    const outcome = await call(
      "pgpool_recovery('hang', 'h', '/d')",
      "postgres",
      "SET pgpool.script_timeout = 1",
    );
    expect(outcome.error?.detail).toBe('Script "hang" did not end within 1 seconds.\nbegun');
  });
});

describe("pgpool_remote_start()", () => {
  it("runs the script of its name with host and directory", async () => {
    script("pgpool_remote_start", `printf '[%s]' "$@"; [ "$1" != bad ]`);
    expect(await call("pgpool_remote_start('db1', '/data 1')"))
      .toEqual({ value: true, notices: ["[db1][/data 1]"], error: null });
    expect((await call("pgpool_remote_start('bad', '/d')")).error).toEqual({
      message: "pgpool_remote_start failed",
      detail: 'Script "pgpool_remote_start" exited with status 1.\n[bad][/d]',
    });
    expect((await call("pgpool_remote_start('db1', '/d')", "nobody_much")).error?.message)
      .toBe("must be superuser to use pgpool_remote_start function");
  });
});

describe("pgpool_pgctl()", () => {
  it("runs the pg_ctl that is configured", async () => {
    script("control", `printf '[%s]' "$@" > '${dataDir}/called'`);
    expect((await call("pgpool_pgctl('stop', 'fast')")).error?.message)
      .toBe("pgpool.pg_ctl is not set");
    const set = `SET pgpool.pg_ctl = '${dataDir}/control'`;
    expect((await call("pgpool_pgctl('stop', 'fast')", "postgres", set)).value).toBe(true);
    const called = join(dataDir, "called");
    const text = () => existsSync(called) ? readFileSync(called, "utf8") : "";
    await waitFor(() => text() === `[stop][-D][${dataDir}][-m][fast]`, { what: "pg_ctl's call" });
    await call("pgpool_pgctl('reload', '')", "postgres", set);
    await waitFor(() => text() === `[reload][-D][${dataDir}]`, { what: "pg_ctl's second call" });
    expect((await call("pgpool_pgctl('stop', 'fast')", "nobody_much", set)).error?.message)
      .toBe("must be superuser to use pgpool_pgctl function");
  });
});

describe("pgpool_switch_xlog()", () => {
  it("waits until the segment is in the archive", async () => {
    const archive = join(cluster.dir, "archive");
    await cluster.query(`COPY (SELECT 1) TO PROGRAM 'mkdir ${archive}'`);
    await cluster.query("CREATE TABLE written (id int)");
    const [{ segment } = {}] = await cluster.query(
      "SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS segment",
    );
    const result = call(`pgpool_switch_xlog('${archive}')`);
    const path = join(archive, String(segment));
    const done = await Promise.race([result.then(() => true), Bun.sleep(300).then(() => false)]);
    expect(done).toBe(false);
    writeFileSync(path, "half");
    writeFileSync(path, Buffer.alloc(1024 * 1024));
    expect((await result).value).toBe(path);
  });
});
