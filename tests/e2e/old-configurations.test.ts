/** Configurations of Pgpool-II that name every parameter there is start pgpool as they are. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import reference from "../data/parameters.json" with { type: "json" };
import { TestCluster } from "../support/cluster.ts";
import type { Settings } from "../support/config-file.ts";
import { Pgpool } from "../support/pgpool.ts";
import { logIn, valueOf } from "./support/nodes.ts";

/** What a place sets for itself: addresses, directories and servers. */
const ofThePlace =
  /^(backend_|listen_addresses|pcp_|port$|pid_file_name|work_dir|unix_socket_dir|sr_check_user)/;

/** Every parameter of 4.7 with the value that its sample shows. */
function sampleOf47(): Settings {
  const documented = reference.parameters.filter(({ name }) =>
    !reference.counts.deprecated.includes(name) && !ofThePlace.test(name)
  );
  return Object.fromEntries(documented.map((parameter) => {
    const { name, indexed, min, default_sample, default_as_shown } = parameter;
    // A default that only means "not set" cannot be written.
    const isUnset = min !== null && Number(default_as_shown) < min;
    const value = default_sample ?? (isUnset ? String(min) : default_as_shown);
    return [indexed?.bare_name_allowed === false ? `${name}0` : name, value];
  }));
}

/** A sample in which parameters have the names of an older version. */
function renamed(settings: Settings, names: Readonly<Record<string, string>>): Settings {
  const now = new Map(Object.entries(names).map(([old, current]) => [current, old]));
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [now.get(name) ?? name, value]),
  );
}

const since43 = { delegate_IP: "delegate_ip" };
const of43: Settings = { ...renamed(sampleOf47(), since43), socket_dir: "/tmp", logdir: "." };

const since40 = {
  black_function_list: "write_function_list",
  white_function_list: "read_only_function_list",
  black_query_pattern_list: "primary_routing_query_pattern_list",
  black_memqcache_table_list: "cache_unsafe_memqcache_table_list",
  white_memqcache_table_list: "cache_safe_memqcache_table_list",
  follow_master_command: "follow_primary_command",
  wd_hostname: "hostname0",
  wd_port: "wd_port0",
  wd_heartbeat_port: "heartbeat_port0",
  heartbeat_destination0: "heartbeat_hostname0",
};
const of40: Settings = {
  ...renamed(of43, since40),
  debug_level: 0,
  replication_mode: false,
  master_slave_mode: true,
  master_slave_sub_mode: "stream",
  heartbeat_destination_port0: 9694,
  other_pgpool_hostname0: "host1",
  other_pgpool_port0: 9999,
  other_wd_port0: 9000,
};

const unknown = (name: string) => `unrecognized configuration parameter "${name}"`;
const changed = (old: string, now: string) => `${old} is changed to ${now}`;
const warnings43 = [
  changed("delegate_IP", "delegate_ip"),
  changed("logdir", "work_dir"),
  unknown("socket_dir"),
];
const warnings40 = [
  ...warnings43,
  ...Object.keys(since40).map(unknown),
  ...["debug_level", "master_slave_mode", "master_slave_sub_mode"].map(unknown),
  ...["heartbeat_destination_port0", "other_pgpool_hostname0"].map(unknown),
  ...["other_pgpool_port0", "other_wd_port0"].map(unknown),
  '"replication_mode" has no effect',
];

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
}, 60_000);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

describe("a configuration that names every parameter", () => {
  it.each([
    ["4.7", sampleOf47(), []],
    ["4.3", of43, warnings43],
    ["4.0", of40, warnings40],
  ])(
    "of Pgpool-II %s serves clients, with the warnings it deserves",
    async (_, config, expected) => {
      await using pgpool = await Pgpool.start({ cluster, config: { ...config, ssl: false } });
      using client = await logIn(pgpool);
      expect(await valueOf(client, "SELECT 1")).toBe("1");
      const warnings = [...pgpool.log().matchAll(/WARNING: {2}(.*)/g)].map(([, text]) => text);
      expect(warnings.toSorted()).toEqual([...expected].sort());
      expect(existsSync(join(pgpool.dir, "pgpool_status"))).toBe(true);
    },
  );
});
