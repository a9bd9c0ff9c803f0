import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { migrateConfig } from "../../lib/config/migrate.ts";
import { load } from "./support.ts";

/** Migrates and gives the lines that are different. */
function migrated(text: string): string[] {
  const before = text.split("\n");
  return migrateConfig(text).text.split("\n").filter((line, index) => line !== before[index]);
}

describe("migrating a configuration", () => {
  it.each([
    ["black_function_list = 'nextval' # writes", "write_function_list = 'nextval' # writes"],
    ["white_function_list='f'", "read_only_function_list='f'"],
    ["follow_master_command = 'f %d'", "follow_primary_command = 'f %d'"],
    ["socket_dir = '/tmp'", "unix_socket_directories = '/tmp'"],
    ["fail_over_on_backend_error off", "failover_on_backend_error off"],
    ["delegate_IP = '10.0.0.1'", "delegate_ip = '10.0.0.1'"],
    ["logdir = '/tmp'\r", "work_dir = '/tmp'\r"],
    ["wd_hostname = 'a'", "hostname0 = 'a'"],
    ["other_pgpool_hostname0 = 'b'", "hostname1 = 'b'"],
    ["other_wd_port1 = 9000", "wd_port2 = 9000"],
    ["heartbeat_destination0 = 'b'", "heartbeat_hostname1 = 'b'"],
    ["parallel_mode = off", "# parallel_mode = off"],
    ["debug_level = 1", "# debug_level = 1"],
    ["backend_clustering_mode = 'slony'", "backend_clustering_mode = 'logical_replication'"],
    ["relcache_query_target = master # ask it", "relcache_query_target = 'primary' # ask it"],
  ])("turns %s into %s", (old, now) => {
    expect(migrated(`# before\n${old}\nport = 9999\n`)).toEqual([now]);
  });

  it.each([
    ["on", "stream", "off", "streaming_replication"],
    ["on", "slony", "off", "logical_replication"],
    ["on", "logical", "off", "logical_replication"],
    ["off", "stream", "on", "native_replication"],
    ["off", "stream", "off", "raw"],
  ])("makes one mode of master_slave_mode %s, %s and replication_mode %s", (m, sub, r, mode) => {
    const text = `replication_mode = ${r}\nmaster_slave_mode = ${m}\n` +
      `master_slave_sub_mode = '${sub}'\n`;
    expect(migrateConfig(text).text).toBe(
      `backend_clustering_mode = '${mode}'\n# master_slave_mode = ${m}\n` +
        `# master_slave_sub_mode = '${sub}'\n`,
    );
  });

  it("gives files that are read without a word about old names", () => {
    const old = `
# 3.7
master_slave_mode = on
master_slave_sub_mode = 'stream'
black_function_list = 'nextval,setval'
fail_over_on_backend_error = on
debug_level = 0
backend_hostname0 = 'alpha'
backend_port0 = 5432
other_pgpool_hostname0 = 'b'
other_pgpool_port0 = 9999
other_wd_port0 = 9000
wd_port = 9000
`;
    const { text, changes, remarks } = migrateConfig(old);
    expect(changes.length).toBe(9);
    expect(changes.every(({ why }) => why !== "")).toBe(true);
    expect(remarks).toEqual([expect.stringContaining("pgpool_node_id")]);
    expect(load(text).problems).toEqual([]);
    expect(load(text).config.values.write_function_list).toEqual(["nextval", "setval"]);
  });

  it("does not overrule what is set under the new name", () => {
    const text = "white_function_list = 'old'\nread_only_function_list = 'new'\n";
    expect(migrated(text)).toEqual(["# white_function_list = 'old'"]);
  });

  it("moves all devices of heartbeats with their destinations", () => {
    const text = "heartbeat_destination0 = 'b'\nheartbeat_device0 = 'eth0'\n" +
      "heartbeat_destination1 = 'c'\nheartbeat_device1 = 'eth1'\n";
    expect(migrated(text)).toEqual([
      "heartbeat_hostname1 = 'b'",
      "heartbeat_device1 = 'eth0'",
      "heartbeat_hostname2 = 'c'",
      "heartbeat_device2 = 'eth1'",
    ]);
  });

  it("leaves alone what it does not know, and says so", () => {
    const { text, remarks } = migrateConfig("frobnicate = on\n");
    expect(text).toBe("frobnicate = on\n");
    expect(remarks).toEqual(['Line 1: "frobnicate" is not known and stays as it is.']);
  });

  it("has nothing to do the second time, and keeps lines that need nothing", () => {
    const line = fc.constantFrom(
      "# a comment",
      "",
      "port = 9999 # here",
      "black_function_list = 'a'",
      "wd_port = 9000",
      "heartbeat_device0 = 'eth0'",
      "other_wd_port3 = 1",
      "replication_mode = on",
      "not a line at all '",
      "logdir = '/x'",
    );
    fc.assert(fc.property(fc.array(line), (lines) => {
      const once = migrateConfig(lines.join("\n"));
      expect(migrateConfig(once.text).changes).toEqual([]);
      const now = once.text.split("\n");
      const touched = new Set(once.changes.map((change) => change.line));
      lines.forEach((each, index) => {
        if (!touched.has(index + 1)) expect(now[index]).toBe(each);
      });
    }));
  });
});
