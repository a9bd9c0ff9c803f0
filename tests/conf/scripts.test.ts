import { describe, expect, it } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/programs.ts";
import { tempDir } from "../support/temp.ts";
import { Stubs } from "./stubs.ts";

const CONF = join(ROOT, "conf");
const isScript = (name: string) => readFileSync(join(CONF, name), "utf8").startsWith("#!");
const SCRIPTS = readdirSync(CONF).filter((name) => name.endsWith(".sample") && isScript(name));

/** Arguments of failover_command: the primary, node 0, has failed, node 1 is to be promoted. */
function failover(changes: Readonly<Record<number, string>> = {}): string[] {
  const args = [
    "0",
    "db0",
    "5432",
    "/data0",
    "1",
    "db1",
    "0",
    "0",
    "5433",
    "/data1",
    "db0",
    "5432",
  ];
  return args.map((arg, index) => changes[index] ?? arg);
}

describe("the scripts in conf", () => {
  it("are those that Pgpool-II ships, and one that needs none of PostgreSQL's clients", () => {
    expect(SCRIPTS.toSorted()).toEqual([
      "aws_eip_if_cmd.sh.sample",
      "aws_rtb_if_cmd.sh.sample",
      "escalation.sh.sample",
      "failover.sh.sample",
      "follow_primary.sh.sample",
      "pgpool_remote_start.sample",
      "recovery_1st_stage.sample",
      "recovery_by_server.sample",
      "replication_mode_recovery_1st_stage.sample",
      "replication_mode_recovery_2nd_stage.sample",
    ]);
  });

  it.skipIf(Bun.which("shellcheck") === null)("have nothing that shellcheck complains of", () => {
    const files = SCRIPTS.map((name) => join(CONF, name));
    const { exitCode, stdout } = Bun.spawnSync(["shellcheck", ...files]);
    expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 0, stdout: "" });
  });
});

describe("failover.sh", () => {
  it("promotes the new main node when the primary has failed", () => {
    const { status, calls } = new Stubs().run("failover.sh", failover());
    expect(status).toBe(0);
    expect(calls).toBe("ssh postgres@db1\npg_ctl [-D] [/data1] [-w] [promote]\n");
  });

  it("drops the slot of a standby that has failed, and promotes nothing", () => {
    const standby = failover({ 0: "2", 1: "DB-2.example", 2: "5434" });
    const { status, calls } = new Stubs().run("failover.sh", standby);
    expect(status).toBe(0);
    expect(calls).toStartWith("ssh postgres@db0\npsql [-h] [localhost] [-p] [5432]");
    expect(calls).toContain("slot_name = 'db_2_example_5434'");
    expect(calls).not.toContain("promote");
  });

  it("does nothing when no node is left", () => {
    const { status, calls } = new Stubs().run("failover.sh", failover({ 4: "-1", 5: "" }));
    expect({ status, calls }).toEqual({ status: 0, calls: "" });
  });

  it("tells of a promotion that has failed", () => {
    const { status, output } = new Stubs({ pg_ctl: "exit 1" }).run("failover.sh", failover());
    expect(status).toBe(1);
    expect(output).toContain("ERROR");
  });
});

describe("follow_primary.sh", () => {
  const args = (data: string) => ["0", "db0", "5432", data, "1", "db1", "0", "0", "5433", "/data1"];

  it("rewinds the node, makes a standby of it and attaches it", () => {
    const stubs = new Stubs();
    const { status, calls, output } = stubs.run("follow_primary.sh", args(stubs.dataDir));
    expect({ status, output }).toMatchObject({ status: 0 });
    const order = ["pg_isready", "pg_create_physical_replication_slot('db0_5432')", "[stop]"];
    order.push("pg_rewind", "[start]", "pcp_attach_node [-w] [-h] [localhost]");
    const places = order.map((word) => calls.indexOf(word));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(stubs.read("postgresql.auto.conf")).toBe(
      "work_mem = '8MB'\nport = 5432\n" +
        "primary_conninfo = 'host=db1 port=5433 user=repl application_name=db0'\n" +
        "primary_slot_name = 'db0_5432'\n",
    );
    expect(stubs.read("standby.signal")).toBe("");
  });

  it("copies the node anew when it cannot be rewound", () => {
    const stubs = new Stubs({ pg_rewind: "exit 1" });
    const { status, calls } = stubs.run("follow_primary.sh", args(stubs.dataDir));
    expect(status).toBe(0);
    expect(calls).toContain("pcp_recovery_node [-w] [-h] [localhost]");
    expect(calls).not.toContain("pcp_attach_node");
  });

  it("leaves a server alone that somebody has stopped", () => {
    const stubs = new Stubs({ pg_isready: "exit 2" });
    const { status, calls } = stubs.run("follow_primary.sh", args(stubs.dataDir));
    expect(status).toBe(0);
    expect(calls).not.toContain("pg_rewind");
    expect(calls).not.toContain("pcp_");
  });
});

describe("the recovery scripts", () => {
  const args = (data: string) => ["/main", "db1", data, "5432", "1", "5433", "db0"];
  // The copy brings a configuration along; status 3 says that no server runs.
  const copied = {
    pg_ctl: '[ "$3" != status ] || exit 3',
    pg_basebackup: `mkdir -p "$4"; printf '%s\\n' "work_mem = '8MB'" 'port = 5432' ` +
      `"primary_conninfo = 'host=old'" >"$4/postgresql.auto.conf"`,
  };

  it("copy the primary and make a standby of the copy", () => {
    const stubs = new Stubs(copied);
    writeFileSync(join(stubs.dataDir, "old"), "");
    const { status, calls, output } = stubs.run("recovery_1st_stage", args(stubs.dataDir), {
      ARCHIVE_DIR: "/archive",
    });
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(calls).toContain("ssh postgres@db1\n");
    expect(calls).toContain("pg_basebackup [-d] [host=db0 port=5432 user=repl");
    expect(calls).toContain("[-S] [db1_5433]");
    expect(existsSync(join(stubs.dataDir, "old"))).toBe(false);
    expect(stubs.read("postgresql.auto.conf")).toBe(
      "work_mem = '8MB'\nport = 5433\n" +
        "primary_conninfo = 'host=db0 port=5432 user=repl application_name=db1'\n" +
        "primary_slot_name = 'db1_5433'\n" +
        'restore_command = \'cp "/archive/%f" "%p"\'\n',
    );
  });

  for (const script of ["recovery_1st_stage", "replication_mode_recovery_1st_stage"]) {
    it(`remove nothing that is no data directory, or is in use (${script})`, () => {
      const other = tempDir();
      writeFileSync(join(other, "precious"), "");
      expect(new Stubs(copied).run(script, args(other)).status).toBe(1);
      expect(existsSync(join(other, "precious"))).toBe(true);
      for (const path of ["/", "relative"]) {
        expect(new Stubs(copied).run(script, args(path)).status).toBe(1);
      }
      const running = new Stubs({ ...copied, pg_ctl: '[ "$3" = status ]' });
      expect(running.run(script, args(running.dataDir)).status).toBe(1);
      expect(running.read("PG_VERSION")).toBe("18\n");
    });
  }

  it("drop the slot again when the copy fails", () => {
    const stubs = new Stubs({ ...copied, pg_basebackup: "exit 1" });
    const { status, calls } = stubs.run("recovery_1st_stage", args(stubs.dataDir));
    expect(status).toBe(1);
    expect(calls).toContain("pg_drop_replication_slot('db1_5433')");
  });

  it("have a copy in a replication mode recover from the main node's archive", () => {
    const stubs = new Stubs(copied);
    rmSync(stubs.dataDir, { recursive: true });
    const outcome = stubs.run("replication_mode_recovery_1st_stage", args(stubs.dataDir));
    expect(outcome).toMatchObject({ status: 0 });
    expect(stubs.read("postgresql.auto.conf"))
      .toMatch(
        /\nport = 5433\nrestore_command = 'scp -q .*postgres@db0:\/var\/.*\/%f %p'\n$/,
      );
    expect(existsSync(join(stubs.dataDir, "recovery.signal"))).toBe(true);
  });

  it("wait in the second stage until the last WAL is archived", () => {
    const psql = `case "$*" in
      *pg_database*) printf 'postgres\\napp\\n' ;;
      *pg_switch_wal*) echo 000000010000000000000007 ;;
      *pg_stat_archiver*) [ -e "$CALLS.archived" ] && echo t || { echo f; touch "$CALLS.archived"; } ;;
    esac`;
    const done = new Stubs({ psql }).run("replication_mode_recovery_2nd_stage", args("/data"));
    expect(done.status).toBe(0);
    expect(done.calls.match(/setval/g)?.length).toBe(2);
    expect(done.calls.match(/pg_stat_archiver/g)?.length).toBe(2);
    const late = new Stubs({ psql: psql.replace('[ -e "$CALLS.archived" ]', "false") });
    const outcome = late.run("replication_mode_recovery_2nd_stage", args("/data"), {
      ARCHIVE_TIMEOUT: "0",
    });
    expect(outcome.status).toBe(1);
    expect(outcome.output).toContain("was not archived");
  });

  it("start the server on the other host", () => {
    const { status, calls } = new Stubs().run("pgpool_remote_start", ["db1", "/data one"]);
    expect(status).toBe(0);
    expect(calls)
      .toBe("ssh postgres@db1\npg_ctl [-D] [/data one] [-l] [/dev/null] [-W] [start]\n");
  });
});

describe("the scripts for a virtual IP", () => {
  const aws = `case "$*" in *AllocationId*) echo eipalloc-1 ;; *InstanceId*) echo i-other ;; esac`;
  const curl = `case "$*" in *instance-id) echo i-own ;; *region) echo eu-1 ;; *) echo t ;; esac`;

  it("take an elastic IP, and give up only what is their own", () => {
    const up = new Stubs({ aws, curl }).run("aws_eip_if_cmd.sh", ["up", "198.51.100.7"]);
    expect(up.status).toBe(0);
    expect(up.calls)
      .toContain("[associate-address] [--allocation-id] [eipalloc-1] [--instance-id] [i-own]");
    const down = new Stubs({ aws, curl }).run("aws_eip_if_cmd.sh", ["down", "198.51.100.7"]);
    expect(down.status).toBe(0);
    expect(down.calls).not.toContain("disassociate-address");
  });

  it("refuse anything but up and down", () => {
    for (const script of ["aws_eip_if_cmd.sh", "aws_rtb_if_cmd.sh"]) {
      expect(new Stubs({ aws, curl }).run(script, ["sideways", "10.0.0.1"]).status).toBe(1);
    }
  });
});

describe("the systemd unit", () => {
  it("starts, reloads and stops pgpool as its command line wants it", () => {
    const unit = readFileSync(join(CONF, "pgpool.service"), "utf8");
    expect(unit).toMatch(/^ExecStart=\/usr\/bin\/pgpool serve /m);
    expect(unit).toMatch(/^Type=notify$/m);
    expect(unit).toMatch(/^RestartPreventExitStatus=3$/m);
    expect(unit).not.toMatch(/^AmbientCapabilities=/m);
  });

  it.skipIf(Bun.which("systemd-analyze") === null)("is one that systemd understands", () => {
    const file = join(tempDir(), "pgpool.service");
    const unit = readFileSync(join(CONF, "pgpool.service"), "utf8");
    writeFileSync(file, unit.replaceAll("/usr/bin/pgpool", "/bin/true"));
    const { stdout, stderr } = Bun.spawnSync(["systemd-analyze", "verify", file]);
    const complaints = `${stdout}${stderr}`.split("\n").filter((line) => line.includes(file));
    expect(complaints).toEqual([]);
  });
});
