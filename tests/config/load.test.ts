import { describe, expect, it } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../lib/config/load.ts";
import { ConfigError } from "../../lib/config/problems.ts";
import { firstRefusal, load, refusal, twoBackends, withFiles } from "./support.ts";

describe("loading a configuration", () => {
  it("gives defaults for what is not set, with a warning when there is no file", () => {
    const { config, problems } = loadConfig("/nonexistent/pgpool.conf");
    expect(config.values.port).toBe(9999);
    expect(config.values.listen_addresses).toEqual(["localhost"]);
    expect(config.backends).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({
      severity: "warning",
      message: 'could not open configuration file: "/nonexistent/pgpool.conf"',
      detail: "using default configuration parameter values",
    });
  });

  it("refuses to replace a running configuration by a missing file", () => {
    const { config } = load("");
    expect(() => loadConfig("/nonexistent/pgpool.conf", { base: config })).toThrow(ConfigError);
  });

  it("gives each value its type and tells where it was set", () => {
    const { config } = load(
      "ssl = yes\nport = 0x2710\nlisten_addresses = ' a, ,b '\nlog_min_messages = 'DEBUG'\n" +
        "log_rotation_age = 2h\nauthentication_timeout = '2 min'\nunix_socket_permissions = 0770\n",
    );
    expect(config.values.ssl).toBe(true);
    expect(config.values.port).toBe(10000);
    expect(config.values.listen_addresses).toEqual(["a", "b"]);
    expect(config.values.log_min_messages).toBe("debug2");
    expect(config.values.log_rotation_age).toBe(120);
    expect(config.values.authentication_timeout).toBe(120);
    expect(config.values.unix_socket_permissions).toBe(0o770);
    expect(config.sources.get("port")).toMatchObject({ line: 2, text: "0x2710" });
    expect(config.sources.has("pcp_port")).toBe(false);
  });

  it("lets the last line win, but adds up the query patterns", () => {
    const { config } = load(
      "port = 2000\nport = 3000\nprimary_routing_query_pattern_list = 'a\\;b;it\\'s'\n" +
        "primary_routing_query_pattern_list = 'c'\n",
    );
    expect(config.values.port).toBe(3000);
    expect(config.values.primary_routing_query_pattern_list).toEqual(["a\\;b", "it's", "c"]);
  });

  it("makes backends of the slots that have a port and leaves out the gaps", () => {
    const { config } = load(
      twoBackends + "backend_port3 = 6000\nbackend_flag3 = 'DISALLOW_TO_FAILOVER|ALWAYS_PRIMARY'\n",
    );
    expect(config.backends.map(({ id }) => id)).toEqual([0, 1, 3]);
    expect(config.backends[1]).toEqual({
      id: 1,
      hostname: "beta",
      port: 5433,
      weight: 3,
      dataDirectory: "/data1",
      applicationName: "",
      allowToFailover: true,
      alwaysPrimary: false,
    });
    expect(config.backends[2]).toMatchObject({
      hostname: "/tmp",
      allowToFailover: false,
      alwaysPrimary: true,
    });
  });

  it("uses the value for all nodes where a node has none, whatever the order of lines", () => {
    const { config } = load(
      "health_check_period1 = 5\nhealth_check_period = 30\nconnect_timeout0 = 1s\n" + twoBackends,
    );
    expect(config.healthChecks.get(0)).toMatchObject({ period: 30, connectTimeout: 1000 });
    expect(config.healthChecks.get(1)).toMatchObject({ period: 5, connectTimeout: 10000 });
  });

  it("tolerates an unknown name and suggests the one that was meant", () => {
    const { problems } = load("\nnum_init_childern = 3\nbackend_hostnam0 = 'x'\nzzzzz = 1\n");
    expect(problems.map(({ severity, line, message, hint }) => [severity, line, message, hint]))
      .toEqual([
        [
          "warning",
          2,
          'unrecognized configuration parameter "num_init_childern"',
          'Perhaps you meant "num_init_children".',
        ],
        [
          "warning",
          3,
          'unrecognized configuration parameter "backend_hostnam0"',
          'Perhaps you meant "backend_hostname0".',
        ],
        ["warning", 4, 'unrecognized configuration parameter "zzzzz"', undefined],
      ]);
  });

  it("suggests numbered names with a number", () => {
    expect(load("backend_portx = 1").problems[0]?.hint).toBe('Perhaps you meant "backend_port0".');
    expect(firstRefusal("backend_port = 1").hint).toBe(
      "Write backend_port0, backend_port1 and so on.",
    );
  });

  it("takes names as they are written: PORT is not port", () => {
    expect(load("PORT = 2000").problems[0]?.hint).toBe('Perhaps you meant "port".');
  });

  it("follows a renamed parameter with the warning of Pgpool-II", () => {
    const { config, problems } = load("logdir = '/var/lib/pgpool'\ndelegate_IP = '10.0.0.1'\n");
    expect(config.values.work_dir).toBe("/var/lib/pgpool");
    expect(config.values.delegate_ip).toBe("10.0.0.1");
    expect(problems[0]).toMatchObject({
      severity: "warning",
      message: "logdir is changed to work_dir",
      detail: "if logdir is specified, the value will be set to work_dir",
    });
  });

  it("says what replaced a parameter of an older version", () => {
    const { problems } = load(
      "master_slave_sub_mode = 'slony'\nother_pgpool_hostname0 = 'x'\nwd_port = 9000\n",
    );
    expect(problems.map(({ code }) => code)).toEqual(Array(3).fill("removed-name"));
    expect(problems[0]?.hint).toContain("logical_replication");
    expect(problems[1]?.hint).toContain("hostname0");
    expect(problems[2]?.hint).toContain("wd_port0");
  });

  it("reports all errors at once, each with its place", () => {
    const { problems, message } = refusal("port = 80\nssl = maybe\n= 3\n");
    expect(problems.map(({ line }) => line)).toEqual([3, 1, 2]);
    expect(message).toContain("pgpool.conf:1: 80 is outside the valid range");
  });
});

describe("a value that cannot be", () => {
  it.each([
    ["port = 80", '80 is outside the valid range for parameter "port" (1024 .. 65535)'],
    ["port = abc", 'invalid value for parameter "port": "abc"'],
    ["port = 5MB", 'invalid value for parameter "port": "5MB"'],
    ["port = 99999999999", 'invalid value for parameter "port": "99999999999"'],
    ["ssl = o", 'invalid value for parameter "ssl": "o"'],
    ["memqcache_method = disk", 'invalid value for parameter "memqcache_method": "disk"'],
    ["backend_port = 5432", 'parameter "backend_port" expects the index value'],
    ["backend_port1x = 5432", 'invalid index value for parameter "backend_port" '],
    [
      "backend_port128 = 5432",
      '128 index outside the valid range for parameter "backend_port" (0 .. 127)',
    ],
    [
      "backend_weight0 = -1",
      '-1 is outside the valid range for parameter "backend_weight0" (0 .. 1e+08)',
    ],
    [
      "wd_listen_port = 0",
      '0 is outside the valid range for parameter "wd_listen_port" (1024 .. 65535)',
    ],
    [
      "backend_clustering_mode = slony",
      'invalid value for parameter "backend_clustering_mode": "slony"',
    ],
    ["write_function_list = 'f('", 'invalid value for parameter "write_function_list": "f("'],
    ["backend_flag0 = 'X'", 'invalid configuration for key "backend_flag0"'],
    ["log_destination = 'csvlog'", 'invalid configuration for "log_destination"'],
    [
      "user_redirect_preference_list = 'a:master'",
      'invalid configuration for key "user_redirect_preference_list"',
    ],
    [
      "process_management_mode = dynamic\nmax_spare_children = 5",
      "invalid configuration, max_spare_children:5 must be greater than min_spare_children:5",
    ],
    [
      "backend_port0 = 5432\nrecovery_1st_stage_command = 'x'",
      "invalid configuration, recovery_1st_stage_command and recovery_2nd_stage_command " +
      "requires backend_data_directory to be set",
    ],
  ])("%p is refused with the text of Pgpool-II", (text, message) => {
    expect(firstRefusal(text).message).toBe(message);
  });

  it("is answered with the units or values there are", () => {
    expect(firstRefusal("log_rotation_size = 5s").hint).toBe(
      'Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".',
    );
    expect(firstRefusal("check_temp_table = x").hint).toBe(
      "Available values: catalog, trace, none, on, off.",
    );
    expect(firstRefusal("log_min_messages = x").hint).not.toContain("debug,");
    expect(firstRefusal("backend_clustering_mode = slony").hint).toBe(
      "Use logical_replication instead.",
    );
    expect(firstRefusal("port = 99999999999").hint).toBe("Value exceeds allowed range.");
  });
});

describe("included files", () => {
  it("are read where they are included, relative to the including file", () => {
    withFiles({
      "pgpool.conf": "port = 2000\ninclude 'more.conf'\ninclude_if_exists = 'none.conf'\n",
      "more.conf": "port = 3000\npcp_port = 4000\n",
    }, (directory) => {
      mkdirSync(join(directory, "conf.d"));
      writeFileSync(join(directory, "conf.d", "b.conf"), "max_pool = 2\n");
      writeFileSync(join(directory, "conf.d", "a.conf"), "max_pool = 1\n");
      writeFileSync(join(directory, "conf.d", ".c.conf"), "max_pool = 3\n");
      writeFileSync(join(directory, "pgpool.conf"), "include_dir 'conf.d'\n", { flag: "a" });
      const { config, problems } = loadConfig(join(directory, "pgpool.conf"));
      expect(config.values).toMatchObject({ port: 3000, pcp_port: 4000, max_pool: 2 });
      expect(config.sources.get("port")?.file).toBe(join(directory, "more.conf"));
      expect(problems.map(({ severity }) => severity)).toEqual(["log"]);
    });
  });

  it("must exist and must not include themselves", () => {
    expect(firstRefusal("include 'none.conf'").message).toStartWith("could not open");
    expect(firstRefusal("include_dir 'none'").code).toBe("include");
    expect(firstRefusal("include 'pgpool.conf'\ninclude 'pgpool.conf'").message)
      .toContain("maximum nesting depth");
  });
});

describe("secrets", () => {
  it("come from a file or the environment", () => {
    withFiles({
      "pgpool.conf": "sr_check_password = '${file:pw}'\nrecovery_password = '${env:PW}'\n",
      "pw": "from file\nrest",
    }, (directory) => {
      const { config, problems } = loadConfig(join(directory, "pgpool.conf"), {
        environment: { PW: "from env" },
      });
      expect(config.values.sr_check_password).toBe("from file");
      expect(config.values.recovery_password).toBe("from env");
      expect(config.sources.get("sr_check_password")?.text).toBe("*****");
      expect(problems).toEqual([]);
    });
  });

  it("that cannot be read are an error that names the source only", () => {
    expect(firstRefusal("sr_check_password = '${file:/nonexistent}'").detail).toBe("ENOENT");
    expect(firstRefusal("sr_check_password = '${env:NO_SUCH_NAME}'").message)
      .toContain('"NO_SUCH_NAME"');
  });

  it("in a file that others may read are warned about", () => {
    withFiles({ "pgpool.conf": "sr_check_password = '${file:pw}'\n" }, (directory) => {
      writeFileSync(join(directory, "pw"), "x\n", { mode: 0o644 });
      const { problems } = loadConfig(join(directory, "pgpool.conf"));
      expect(problems[0]).toMatchObject({ severity: "warning", code: "secret", line: 1 });
    });
  });

  it("are only looked up for passwords", () => {
    expect(load("wd_lifecheck_query = '${env:HOME}'").config.values.wd_lifecheck_query)
      .toBe("${env:HOME}");
  });
});

describe("the watchdog", () => {
  const nodes = "use_watchdog = on\nwd_port0 = 9000\npgpool_port0 = 9999\nhostname1 = 'b'\n" +
    "wd_port1 = 9000\nheartbeat_hostname0 = 'a'\nheartbeat_port0 = 9694\n";

  it("knows its nodes and which of them is the local one", () => {
    withFiles({ "pgpool.conf": nodes, "pgpool_node_id": "1\n" }, (directory) => {
      const { config } = loadConfig(join(directory, "pgpool.conf"));
      expect(config.watchdogNodeId).toBe(1);
      expect(config.watchdogNodes).toEqual([
        { id: 0, hostname: "localhost", pgpoolPort: 9999, wdPort: 9000 },
        { id: 1, hostname: "b", pgpoolPort: 0, wdPort: 9000 },
      ]);
      expect(config.heartbeats).toEqual([{ id: 0, hostname: "a", device: "", port: 9694 }]);
    });
  });

  it.each([
    [undefined, / does not exist$/],
    ["\n", /^pgpool_node_id file is empty$/],
    ["one", /^pgpool_node_id is not a numeric value$/],
    ["200", /^Invalid pgpool node id "200", must be between 0 and 128$/],
    ["2", /^invalid watchdog configuration$/],
  ])("refuses the node id %p", (text, message) => {
    const files = { "pgpool.conf": nodes, ...(text === undefined ? {} : { pgpool_node_id: text }) };
    withFiles(files, (directory) => {
      const path = join(directory, "pgpool.conf");
      expect(() => loadConfig(path)).toThrow(ConfigError);
      try {
        loadConfig(path);
      } catch (error) {
        expect(error instanceof ConfigError ? error.problems[0]?.message : "").toMatch(message);
      }
    });
  });
});
