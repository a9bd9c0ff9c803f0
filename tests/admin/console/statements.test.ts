import { beforeAll, describe, expect, it } from "bun:test";
import { TestConsole } from "./support.ts";

let console: TestConsole;

beforeAll(async () => {
  console = await TestConsole.login();
});

/** Rows and tag of a statement, or its error's code, message and hint. */
async function answer(statement: string): Promise<string[]> {
  return (await console.query(statement)).filter((line) => !line.startsWith("RowDescription"))
    .map((line) => line.replace(/^DataRow|^CommandComplete|S ERROR, V ERROR, /g, ""));
}

/** Names and type oids of the columns of a statement. */
async function columns(statement: string): Promise<string[]> {
  const [description = ""] = await console.query(statement);
  return [...description.matchAll(/([\w?]+) 0\.0 type (\d+)/g)].map(([, name, oid]) =>
    `${name} ${oid}`
  );
}

describe("SELECT on the administration port", () => {
  it("filters, orders and limits the rows of a view", async () => {
    const rows: [string, string[]][] = [
      ["status = 'up'", ["0", "2"]],
      ["node_id > 0", ["1", "2"]],
      ["node_id <> 1 AND status = 'up'", ["0", "2"]],
      ["node_id = 0 OR role = 'standby' AND status = 'down'", ["0", "1"]],
      ["NOT status = 'up'", ["1"]],
      ["node_id IN (0, 2)", ["0", "2"]],
      ["node_id NOT IN (0, 2)", ["1"]],
      ["hostname LIKE 'db_'", ["0", "1"]],
      ["hostname ILIKE 'DB%'", ["0", "1", "2"]],
      ["hostname NOT LIKE '%1'", ["0", "2"]],
      ["port >= '5433'", ["1", "2"]],
      ["5433.5 < port", ["2"]],
      ["b.port = 5432", ["0"]],
      ["hostname IS NULL", []],
      ["hostname IS NOT NULL AND node_id::text = '2'", ["2"]],
      ["status = NULL", []],
      ["true", ["0", "1", "2"]],
    ];
    for (const [where, ids] of rows) {
      const found = await answer(`SELECT node_id FROM pool_backend_stats b WHERE ${where}`);
      expect([where, ...found]).toEqual([
        where,
        ...ids.map((id) => `(${id})`),
        `(SELECT ${ids.length})`,
      ]);
    }
  });

  it("orders by columns, by places and by names of the result", async () => {
    const orders: [string, string][] = [
      ["select_cnt", "0 2 1"],
      ["select_cnt DESC", "1 2 0"],
      ["hostname", "2 0 1"],
      ["status DESC, 1 DESC", "2 0 1"],
      ["cnt DESC", "1 2 0"],
      ["node_id LIMIT 2", "0 1"],
      ["node_id OFFSET 1", "1 2"],
      ["node_id LIMIT 1 OFFSET 1", "1"],
      ["node_id LIMIT ALL", "0 1 2"],
    ];
    for (const [order, ids] of orders) {
      const rows = await answer(
        `SELECT node_id, select_cnt AS cnt FROM pool_backend_stats ORDER BY ${order}`,
      );
      expect([order, rows.slice(0, -1).map((row) => row.charAt(1)).join(" ")]).toEqual([
        order,
        ids,
      ]);
    }
  });

  it("counts rows", async () => {
    expect(await answer("SELECT count(*) AS n FROM pool_backend_stats WHERE status = 'up'"))
      .toEqual(["(2)", "(SELECT 1)"]);
  });

  it("gives columns their names and PostgreSQL's types", async () => {
    expect(await columns("SELECT * FROM pool_backend_stats LIMIT 0")).toEqual(
      expect.arrayContaining(["node_id 23", "hostname 25", "select_cnt 20"]),
    );
    expect(await columns("SELECT * FROM pcp_node_info(0)")).toEqual(
      expect.arrayContaining(["weight 701", "last_status_change 1184", "replication_delay 20"]),
    );
    expect(
      await columns(
        "SELECT 1, 'x' AS t, 5000000000, 1.5, true, now(), version(), '7'::int, 'a'::text",
      ),
    ).toEqual([
      "?column? 23",
      "t 25",
      "?column? 20",
      "?column? 701",
      "?column? 16",
      "now 1184",
      "version 25",
      "int4 23",
      "text 25",
    ]);
    expect(await columns("SELECT b.* FROM pool_version b")).toEqual(["pool_version 25"]);
  });

  it("keeps whole numbers as large as they are", async () => {
    expect(await answer("SELECT other_cnt FROM pool_backend_stats WHERE node_id = 0"))
      .toEqual(["(9007199254740991)", "(SELECT 1)"]);
  });

  it("calls functions with arguments by place and by name", async () => {
    expect(await answer("SELECT pcp_detach_node(1)")).toEqual(["(t)", "(SELECT 1)"]);
    expect(await answer("SELECT pcp_detach_node(gracefully => true, node_id => 1) AS done"))
      .toEqual(["(t)", "(SELECT 1)"]);
    expect(await answer("SELECT * FROM pcp_attach_node('1')")).toEqual(["(t)", "(SELECT 1)"]);
    expect(await answer("SELECT pcp_attach_node(0), pcp_attach_node(1)"))
      .toEqual(["(t, t)", "(SELECT 1)"]);
    expect(await answer("SELECT pcp_detach_node(NULL)")).toEqual(["(NULL)", "(SELECT 1)"]);
    expect(await answer("SELECT pcp_promote_node(1, switchover => true)")).toHaveLength(2);
    expect(await answer("SELECT pcp_reload_config(), pcp_log_rotate('cluster')")).toHaveLength(2);
    expect(await answer("SELECT pcp_invalidate_query_cache()")).toHaveLength(2);
    expect(await answer("SELECT pcp_stop_pgpool('fast')")).toHaveLength(2);
    expect(console.done.splice(0)).toEqual([
      "detach 1",
      "detach 1 gracefully",
      "attach 1",
      "attach 0",
      "attach 1",
      'promote 1 {"gracefully":false,"switchover":true}',
      "reload local",
      "rotate cluster",
      "invalidate",
      "stop fast local",
    ]);
  });

  it("logs a text that does something once, and others on demand", async () => {
    const before = console.log.length;
    await answer("SELECT pcp_attach_node(0); SELECT pcp_attach_node(1)");
    await answer("SELECT * FROM pool_version");
    expect(console.log.slice(before)).toEqual([
      expect.stringContaining(
        'LOG:  PCP: statement of user "admin" from 127.0.0.1:5000: SELECT pcp_attach_node(0); ',
      ),
    ]);
    expect(console.done.splice(0)).toEqual(["attach 0", "attach 1"]);
    const all = await TestConsole.login({ logAll: true });
    await all.query("SELECT *\r\nFROM pool_version");
    expect(all.log.at(-1)).toEndWith("SELECT * FROM pool_version");
  });

  it("tells the progress of a recovery as notices", async () => {
    expect(await answer("SELECT pcp_recovery_node(1)")).toEqual([
      "NoticeResponse(S NOTICE, V NOTICE, C 00000, M first stage, D node 1)",
      "(t)",
      "(SELECT 1)",
    ]);
    expect(console.done.splice(0)).toEqual(["recover 1"]);
  });

  it("reads sets of rows from functions", async () => {
    expect(await answer("SELECT node_id, host FROM pcp_node_info() ORDER BY 1 DESC"))
      .toEqual(["(1, db1)", "(0, db0)", "(SELECT 2)"]);
    expect(await answer("SELECT pcp_proc_count()")).toEqual(["(101)", "(102)", "(SELECT 2)"]);
    expect(await answer("SELECT value FROM pcp_pool_status() WHERE item = 'port'"))
      .toEqual(["(9999)", "(SELECT 1)"]);
  });

  it("finds the system catalogs empty, whatever is asked of them", async () => {
    expect(
      await answer(
        `select b.oid, b.typarray from pg_catalog.pg_type a left join pg_catalog.pg_type b
         on b.oid = a.typelem where a.typcategory = 'A' group by b.oid, b.typarray order by b.oid`,
      ),
    ).toEqual(["(SELECT 0)"]);
    expect(await answer("SELECT count(*) FROM pg_class")).toEqual(["(0)", "(SELECT 1)"]);
    expect(await answer("SELECT EXISTS (SELECT 1 FROM information_schema.tables) AS yes"))
      .toEqual(["(f)", "(SELECT 1)"]);
    expect(await answer("SELECT oid, count(*) FROM pg_class GROUP BY 1")).toEqual(["(SELECT 0)"]);
    expect(await columns("SELECT c.relname FROM pg_class c UNION SELECT 'x' FROM pg_type"))
      .toEqual(["relname 25"]);
  });
});

describe("what is not there", () => {
  it("is refused with its SQLSTATE, and before anything is done", async () => {
    const refused: [string, string, string][] = [
      ["SELECT a FROM pool_nodes", "42703", 'column "a" does not exist'],
      ["SELECT x.node_id FROM pool_nodes", "42P01", 'missing FROM-clause entry for table "x"'],
      ["SELECT * FROM nothing", "42P01", 'relation "nothing" does not exist'],
      ["SELECT * FROM other.pool_nodes", "42P01", 'relation "other.pool_nodes" does not exist'],
      ["SELECT nothing()", "42883", "function nothing() does not exist"],
      ["SELECT pcp_detach_node()", "42883", "function pcp_detach_node() does not take"],
      ["SELECT pcp_detach_node(1, true, 2)", "42883", "function pcp_detach_node() does not take"],
      ["SELECT pcp_detach_node(node => 1)", "42883", "function pcp_detach_node() does not take"],
      ["SELECT pcp_detach_node(1, node_id => 1)", "42883", "function pcp_detach_node() does not"],
      ["SELECT pcp_detach_node('x')", "22P02", 'invalid input syntax for type integer: "x"'],
      ["SELECT pcp_detach_node(true)", "42804", "argument node_id of pcp_detach_node() must be"],
      ["SELECT pcp_detach_node(99999999999)", "22003", "integer out of range"],
      ["SELECT pcp_stop_pgpool('now')", "22023", 'invalid shutdown mode "now"'],
      ["SELECT pcp_node_info(0)", "0A000", "pcp_node_info() in this place is not supported"],
      ["SELECT pcp_detach_node(node_id) FROM pool_nodes", "0A000", "pcp_detach_node() in this"],
      ["SELECT 1 WHERE pcp_detach_node(1)", "0A000", "pcp_detach_node() in this place"],
      ["SELECT pcp_detach_node(1) WHERE false", "0A000", "a condition, order or limit on what"],
      ["SELECT * FROM pcp_detach_node(1) LIMIT 0", "0A000", "a condition, order or limit on what"],
      ["SELECT 1 + 1", "0A000", "operator + is not supported"],
      ["SELECT * FROM pool_nodes, pool_version", "0A000", "more than one item in FROM"],
      ["SELECT * FROM pool_nodes a JOIN pool_version b ON true", "0A000", "this kind of FROM"],
      ["SELECT DISTINCT status FROM pool_nodes", "0A000", "DISTINCT is not supported"],
      ["SELECT status FROM pool_nodes GROUP BY 1", "0A000", "GROUP BY is not supported"],
      ["WITH a AS (SELECT 1) SELECT 1", "0A000", "WITH is not supported"],
      ["SELECT 1 UNION SELECT 2", "0A000", "UNION, INTERSECT or EXCEPT is not supported"],
      ["VALUES (1)", "0A000", "VALUES is not supported"],
      ["SELECT * FROM pool_nodes WHERE node_id = 'x'", "22P02", "invalid input syntax"],
      ["SELECT * FROM pool_nodes WHERE status = 1", "42883", "operator does not exist: text = int"],
      ["SELECT * FROM pool_nodes WHERE node_id", "42804", "argument of WHERE must be boolean"],
      ["SELECT * FROM pool_nodes WHERE node_id IN (SELECT 1)", "0A000", "this expression"],
      ["SELECT * FROM pool_nodes LIMIT -1", "2201W", "LIMIT must not be negative"],
      ["SELECT node_id FROM pool_nodes ORDER BY 2", "42P10", "ORDER BY position 2 is not in"],
      ["SELECT *", "42601", "SELECT * needs a FROM"],
      ["SELECT '1'::json", "0A000", "type json is not supported"],
      ["SELECT $1", "42P02", "there is no parameter $1"],
      ["INSERT INTO pool_nodes VALUES (1)", "0A000", "this statement is not supported"],
      ["COPY pool_nodes TO STDOUT", "0A000", "this statement is not supported"],
      ["SELECT 1 +", "42601", "syntax error at end of input"],
      ["SAVEPOINT a", "0A000", "a savepoint or a prepared transaction is not supported"],
      ["SHOW nothing", "42704", 'unrecognized configuration parameter "nothing"'],
      ["SET server_version = '1'", "55P02", 'parameter "server_version" cannot be changed'],
      ["SET client_encoding = 'LATIN1'", "0A000", "conversion between LATIN1 and UTF8"],
      ["SET DateStyle = 'German'", "0A000", "only the date style ISO is supported"],
      ["SET TimeZone = 'Nowhere/City'", "22023", 'invalid value for parameter "TimeZone"'],
      ["PGPOOL SHOW nothing", "42704", 'config variable "nothing" not found'],
      ["PGPOOL SHOW", "42601", "syntax error in a PGPOOL command"],
      ["PGPOOL SET client_idle_limit = 1", "0A000", "PGPOOL SET is not supported"],
      ["PGPOOL RESET ALL", "0A000", "PGPOOL RESET is not supported"],
      ["PGPOOL SHOW port; SELECT pcp_detach_node(1)", "0A000", "PGPOOL SHOW together with"],
      ["SELECT pcp_detach_node(1); SELECT bad", "42703", 'column "bad" does not exist'],
    ];
    for (const [statement, code, message] of refused) {
      const [first = "", ...rest] = await answer(statement);
      expect([statement, first]).toEqual([
        statement,
        expect.stringContaining(`C ${code}, M ${message}`),
      ]);
      expect(rest).toEqual([]);
    }
    expect(console.done).toEqual([]);
  });

  it("comes with a hint that lists what there is", async () => {
    expect((await answer("SELECT nothing()"))[0])
      .toContain("pcp_detach_node(node_id int4, gracefully bool DEFAULT false)");
    expect((await answer("SELECT * FROM nothing"))[0]).toContain("H There are pool_nodes, ");
    expect((await answer("CREATE TABLE t ()"))[0]).toContain("H There are SHOW POOL_NODES");
  });

  it("comes with the name that was meant, where there is one like it", async () => {
    const meant: [string, string][] = [
      ["SELECT pcp_detach_nod(1)", "pcp_detach_node(node_id int4, gracefully bool DEFAULT false)"],
      ["SELECT * FROM pool_node", "pool_nodes"],
      ["SELECT hostnmae FROM pool_nodes", "hostname"],
      ["SHOW pool_nods", "pool_nodes"],
      ["PGPOOL SHOW prot", "port"],
    ];
    for (const [statement, name] of meant) {
      expect((await answer(statement))[0]).toEndWith(`H Perhaps you meant "${name}".)`);
    }
  });

  it("is told in the pool's own words when the pool refuses, and the connection stays", async () => {
    expect(await answer("SELECT * FROM pcp_node_info(9)")).toEqual([
      "ErrorResponse(C XX000, M informing node info failed, D invalid node ID : 9)",
    ]);
    expect(await answer("SELECT * FROM pcp_watchdog_info()")).toEqual([
      "ErrorResponse(C XX000, M watchdog is not enabled, H none)",
    ]);
    expect(await answer("SELECT 1")).toEqual(["(1)", "(SELECT 1)"]);
  });

  it("is logged when it is a fault of pgpool's own, and not told to the client", async () => {
    expect(await answer("SELECT * FROM pcp_health_check_stats(0)")).toEqual([
      "ErrorResponse(C XX000, M internal error of pgpool, H see pgpool log for details)",
    ]);
    expect(console.log.join("\n")).toContain("TypeError: a fault of pgpool's own");
  });
});

describe("SHOW, SET and what drivers send at the beginning", () => {
  it("shows the pool's views like tables", async () => {
    expect(await answer("SHOW pool_version; show POOL_VERSION")).toEqual([
      "(4.7.2 (tasukiboshi))",
      "(SELECT 1)",
      "(4.7.2 (tasukiboshi))",
      "(SELECT 1)",
    ]);
  });

  it("shows pgpool's parameters with PGPOOL SHOW", async () => {
    expect(await answer("/* which */ pgpool show port;")).toEqual(["(9999)", "(SELECT 1)"]);
    expect(await columns("PGPOOL SHOW backend")).toEqual(["item 25", "value 25", "description 25"]);
  });

  it("answers settings, sets them, and tells the client of those it goes by", async () => {
    expect(await answer("SHOW server_version_num")).toEqual(["(140000)", "(SHOW)"]);
    expect(await answer("SHOW transaction_read_only")).toEqual(["(off)", "(SHOW)"]);
    expect(await answer("SELECT current_setting('server_version_num')::int"))
      .toEqual(["(140000)", "(SELECT 1)"]);
    expect(await answer("SET TIME ZONE 'Asia/Kolkata'"))
      .toEqual(["ParameterStatus(TimeZone=Asia/Kolkata)", "(SET)"]);
    expect(await answer("SELECT last_status_change FROM pcp_node_info(0)"))
      .toEqual(["(2023-11-15 03:43:20+05:30)", "(SELECT 1)"]);
    expect(
      await answer(
        "SELECT host FROM pcp_node_info(0) WHERE last_status_change = '2023-11-15 03:43:20'",
      ),
    ).toEqual(["(db0)", "(SELECT 1)"]);
    expect(await answer("RESET ALL")).toEqual(["ParameterStatus(TimeZone=UTC)", "(RESET)"]);
    expect(await answer("SET search_path = a, b; SHOW search_path"))
      .toEqual(["(SET)", "(a, b)", "(SHOW)"]);
    expect(await answer("DISCARD ALL; SHOW search_path"))
      .toEqual(["(DISCARD ALL)", "(public)", "(SHOW)"]);
    expect(await answer("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")).toEqual(["(SET)"]);
    expect(await answer("CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all()"))
      .toEqual(["(CLOSE CURSOR ALL)", "(UNLISTEN)", "()", "(SELECT 1)"]);
    expect((await answer("SHOW ALL")).length).toBeGreaterThan(20);
  });

  it("tells who and where", async () => {
    expect(
      await answer("SELECT current_user, session_user, current_database(), current_schema()"),
    ).toEqual(["(admin, admin, pgpool, public)", "(SELECT 1)"]);
  });

  it("answers an empty query", async () => {
    expect(await answer(" ; -- nothing")).toEqual(["EmptyQueryResponse"]);
  });
});
