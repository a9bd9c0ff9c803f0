import { describe, expect, it } from "bun:test";
import { readFileSync } from "node:fs";
import { findParameter, parameterNames } from "../../lib/config/parameters.ts";
import { showAll, showParameter, UnknownVariableError } from "../../lib/config/show.ts";
import { poolStatusItems } from "../../lib/config/status.ts";
import { load, twoBackends } from "./support.ts";

const { config } = load(
  twoBackends +
    "health_check_period1 = 7\nsr_check_password = 'secret'\nwd_authkey = 'key'\n" +
    "unix_socket_permissions = 0770\nreset_query_list = 'ABORT; DISCARD ALL'\n",
);

function value(name: string): string | undefined {
  return showParameter(config, name).rows[0]?.[0];
}

describe("PGPOOL SHOW", () => {
  it("answers a plain parameter in a column of its name", () => {
    expect(showParameter(config, "port")).toEqual({ columns: ["port"], rows: [["9999"]] });
  });

  it.each([
    ["ssl", "off"],
    ["authentication_timeout", "1min"],
    ["recovery_timeout", "90s"],
    ["memqcache_total_size", "64MB"],
    ["memqcache_maxcache", "400kB"],
    ["client_idle_limit", "0"],
    ["log_file_mode", "384"],
    ["unix_socket_permissions", "0770"],
    ["backend_clustering_mode", "streaming_replication"],
    ["reset_query_list", "ABORT;DISCARD ALL"],
    ["write_function_list", ""],
    ["backend_port1", "5433"],
    ["backend_weight1", "3"],
    ["backend_port5", "0"],
    ["connect_timeout0", "10000"],
    ["health_check_period1", "7"],
    ["sr_check_password", "*****"],
    ["pool_passwd", "*****"],
    ["wd_authkey", "*****"],
  ])("prints %s as %p", (name, shown) => {
    expect(value(name)).toBe(shown);
  });

  it("lists a parameter per node: the value for all, then those of the nodes", () => {
    const { columns, rows } = showParameter(config, "health_check_period");
    expect(columns).toEqual(["item", "value", "description"]);
    expect(rows.map(([item, shown]) => [item, shown])).toEqual([
      ["health_check_period", "0"],
      ["health_check_period0", "0"],
      ["health_check_period1", "7"],
    ]);
  });

  it("lists a group by node", () => {
    const items = showParameter(config, "backend").rows.map(([item]) => item);
    expect(items).toHaveLength(12);
    expect(items.slice(0, 7)).toEqual([
      "backend_hostname0",
      "backend_port0",
      "backend_weight0",
      "backend_data_directory0",
      "backend_application_name0",
      "backend_flag0",
      "backend_hostname1",
    ]);
    expect(showParameter(config, "watchdog").rows).toEqual([]);
  });

  it("lists everything with ALL: the groups, then by length of name", () => {
    const items = showParameter(config, "ALL").rows.map(([item = ""]) => item);
    const added = parameterNames.filter((name) => {
      const parameter = findParameter(name);
      return parameter?.own || parameter?.since;
    });
    expect(items.filter((item) => !added.includes(item))).toHaveLength(199);
    expect(items[0]).toBe("backend_hostname0");
    expect(items[12]).toBe("health_check_period");
    expect(items.at(-1)).toBe("ssl");
    expect(items).toContain("replication_mode");
    expect(items).not.toContain("logdir");
    const lengths = items.slice(36).map((item) => item.length);
    expect(lengths).toEqual([...lengths].sort((one, other) => other - one));
  });

  it("shows no secret anywhere", () => {
    const text = JSON.stringify(showAll(config));
    expect(text).not.toContain("secret");
  });

  it.each(["nosuch", "backend_port999", "PORT"])("does not know %s", (name) => {
    expect(() => showParameter(config, name)).toThrow(UnknownVariableError);
    expect(() => showParameter(config, name)).toThrow(`config variable "${name}" not found`);
  });
});

describe("SHOW POOL_STATUS", () => {
  const node = { status: "up", weight: 0.25, replicationDelay: 12 };
  const items = poolStatusItems(config, {
    nodes: [{ id: 0, ...node }, { id: 1, ...node, status: "down", weight: 0.75 }],
    cache: { startTime: 0, hits: 3, misses: 4 },
  });
  const byName = new Map(items.map((item) => [item.name, item.value]));

  it("has 165 rows with two servers and no watchdog", () => {
    expect(items).toHaveLength(165);
    expect(new Set(byName.keys()).size).toBe(165);
  });

  it("has Pgpool-II's items in their order, those of servers last", () => {
    const file = new URL("../data/pool-status.txt", import.meta.url);
    const expected = readFileSync(file, "utf8").trimEnd().split("\n");
    const names = items.map(({ name }) => name);
    expect(names.slice(0, expected.length)).toEqual(expected);
    expect(names.slice(expected.length, expected.length + 8)).toEqual([
      "backend_hostname0",
      "backend_port0",
      "backend_weight0",
      "backend_data_directory0",
      "backend_status0",
      "standby_delay0",
      "backend_flag0",
      "backend_application_name0",
    ]);
  });

  it.each([
    ["backend_clustering_mode", "1"],
    ["unix_socket_permissions", "0770"],
    ["connection_cache", "1"],
    ["authentication_timeout", "60"],
    ["memqcache_total_size", "67108864"],
    ["client_min_messages", "18"],
    ["log_min_messages", "19"],
    ["log_error_verbosity", "1"],
    ["log_backend_messages", "1"],
    ["check_temp_table", "1"],
    ["wd_lifecheck_method", "2"],
    ["disable_load_balance_on_write", "2"],
    ["syslog_facility", "LOCAL0"],
    ["pool_passwd", "pool_passwd"],
    ["reset_query_list", "ABORT;DISCARD ALL"],
    ["user_redirect_preference_list", "(null)"],
    ["write_function_list", ""],
    ["memqcache_cache_hits", "3"],
    ["memqcache_no_cache_hits", "4"],
    ["backend_weight1", "0.750000"],
    ["backend_status1", "down"],
    ["standby_delay0", "12"],
    ["backend_flag0", "ALLOW_TO_FAILOVER"],
  ])("prints %s as %p", (name, shown) => {
    expect(byName.get(name)).toBe(shown);
  });

  it("writes times as C's ctime does", () => {
    expect(byName.get("memqcache_stats_start_time"))
      .toMatch(/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/);
    const uncounted = poolStatusItems(config, { nodes: [] })
      .find(({ name }) => name === "memqcache_stats_start_time");
    expect(uncounted?.value).not.toContain("1970");
  });

  it("shows unused slots between servers, and one data directory a server", () => {
    const gap = load(twoBackends + "backend_port3 = 1234\n").config;
    const names = poolStatusItems(gap, { nodes: [] }).map(({ name, value }) => `${name}=${value}`);
    expect(names).toContain("backend_status2=unused");
    expect(names.filter((name) => name.includes("backend_data"))).toHaveLength(4);
    expect(JSON.stringify(items.map(({ description }) => description))).not.toContain(
      "backend_data",
    );
  });

  it("lists the nodes of a watchdog cluster", () => {
    const cluster = load("wd_port1 = 9000\npgpool_port1 = 9999\nheartbeat_port0 = 9694\n").config;
    const names = poolStatusItems(cluster, { nodes: [] }).map(({ name }) => name);
    const at = names.indexOf("hostname1");
    expect(names.slice(at, at + 7)).toEqual([
      "hostname1",
      "pgpool_port1",
      "wd_port1",
      "heartbeat_hostname0",
      "heartbeat_device0",
      "heartbeat_port0",
      "wd_monitoring_interfaces_list",
    ]);
  });
});
