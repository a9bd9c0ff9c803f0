/** The scripts of conf/ with real servers and PostgreSQL's own programs; only ssh stays here. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SSH } from "../../conf/stubs.ts";
import { onCleanUp } from "../../support/clean-up.ts";
import { freePort } from "../../support/ports.ts";
import { ROOT } from "../../support/programs.ts";
import { tempDir } from "../../support/temp.ts";
import { waitFor } from "../../support/wait.ts";
import { debianPostgres, DebianServer, run } from "./debian-servers.ts";

const programs = debianPostgres();

describe.skipIf(programs === null)("the scripts of conf/", () => {
  if (programs === null) return;
  const dir = tempDir();
  const calls = join(dir, "calls");
  let first: DebianServer;
  let second: DebianServer;

  beforeAll(async () => {
    first = new DebianServer(programs, join(dir, "data0"), await freePort());
    second = new DebianServer(programs, join(dir, "data1"), await freePort());
    for (const server of [first, second]) onCleanUp(() => server.stop());
    mkdirSync(join(dir, "bin"));
    const tell = `#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n`;
    for (const [name, text] of Object.entries({ ssh: SSH, pcp_attach_node: tell })) {
      writeFileSync(join(dir, "bin", name), text);
      chmodSync(join(dir, "bin", name), 0o755);
    }
    writeFileSync(calls, "");
    chmodSync(calls, 0o666);
    // pg_rewind needs the WAL back to the last checkpoint that both have.
    const settings = ["wal_log_hints = on", "wal_keep_size = 128MB"];
    first.start([`unix_socket_directories = '${dir}'`, ...settings]);
    first.sql("CREATE TABLE t (v text); INSERT INTO t VALUES ('first')");
    first.sql("ALTER SYSTEM SET primary_conninfo = 'host=elsewhere'");
  }, 30_000);

  afterAll(() => {
    first?.stop();
    second?.stop();
  });

  const script = (name: string, ...args: readonly (string | number)[]): string => {
    const file = join(ROOT, "conf", `${name}.sample`);
    return run(programs, ["bash", file, ...args.map(String)], {
      PATH: join(dir, "bin"),
      PGHOME: programs.home,
      PGPOOL_BIN: join(dir, "bin"),
      CALLS: calls,
    });
  };

  const waitForStandby = async (of: DebianServer): Promise<void> => {
    const streams = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
    await waitFor(() => of.sql(streams) === "1", { what: "the standby to stream" });
  };

  it("make a standby with pg_basebackup and start it", async () => {
    const source = [first.dataDir, "db1", second.dataDir, first.port, 1, second.port, "127.0.0.1"];
    script("recovery_1st_stage", ...source);
    script("pgpool_remote_start", "db1", second.dataDir);
    await waitForStandby(first);
    expect(second.sql("SELECT pg_is_in_recovery(), v FROM t")).toBe("t|first");
  }, 30_000);

  it("promote the standby", () => {
    const failed = [0, "db0", first.port, first.dataDir];
    const next = [1, "db1", 0, 0, second.port, second.dataDir];
    script("failover.sh", ...failed, ...next, "db0", first.port);
    expect(second.sql("SELECT pg_is_in_recovery()")).toBe("f");
  }, 30_000);

  it("rewind the old primary, which then follows the new one", async () => {
    first.sql("INSERT INTO t VALUES ('lost')");
    second.sql("INSERT INTO t VALUES ('second')");
    const node = [0, "db0", first.port, first.dataDir];
    const primary = [1, "127.0.0.1", 0, 0, second.port, second.dataDir];
    script("follow_primary.sh", ...node, ...primary);
    await waitForStandby(second);
    expect(first.sql("SELECT pg_is_in_recovery(), string_agg(v, ',') FROM t"))
      .toBe("t|first,second");
    expect(readFileSync(calls, "utf8")).toContain("pcp_attach_node -w -h localhost");
  }, 60_000);
});
