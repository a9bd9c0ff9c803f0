/** Parameters that decide which node serves a read. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import type { Settings } from "../support/config-file.ts";
import { type Pgpool, startPgpool } from "../support/pgpool.ts";
import { waitFor } from "../support/wait.ts";
import { logIn, nodesOf, rowsOf, sentTo } from "./support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

let pool: ReplicatedPool;

beforeAll(async () => {
  pool = await startReplicatedPool({ notice_per_node_statement: true });
  await pool.cluster.query(
    `CREATE TABLE t (id int); INSERT INTO t VALUES (1);
     CREATE UNLOGGED TABLE u (id int);
     CREATE ROLE writer LOGIN; CREATE ROLE reader LOGIN; GRANT ALL ON t TO PUBLIC;
     CREATE FUNCTION volatile_one() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
     CREATE FUNCTION stable_one() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'`,
  );
  await pool.cluster.query("CREATE DATABASE reports");
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

/** Runs with another pgpool before the same servers. */
async function withPgpool(config: Settings, act: (pgpool: Pgpool) => Promise<void>) {
  const weights = { backend_weight0: 0, backend_weight1: 1 };
  await using pgpool = await startPgpool({
    cluster: pool.cluster,
    config: { notice_per_node_statement: true, ...weights, ...config },
  });
  await act(pgpool);
}

/** The nodes that statements go to in one session. */
async function nodes(pgpool: Pgpool, ...queries: readonly string[]): Promise<string[]> {
  using client = await logIn(pgpool);
  return await nodesOf(client, ...queries);
}

describe("lists of functions", () => {
  it("read_only_function_list: no other function is read on the standby", async () => {
    await withPgpool({ read_only_function_list: "volatile_.*,count" }, async (pgpool) => {
      expect(
        await nodes(
          pgpool,
          "SELECT volatile_one()",
          "SELECT public.volatile_one()",
          "SELECT count(*) FROM t",
          "SELECT stable_one()",
          "SELECT 1",
        ),
      ).toEqual(["1", "1", "1", "0", "1"]);
    });
  });

  it("write_function_list: what it names is read on the primary, whatever the catalog says", async () => {
    await withPgpool({ write_function_list: "public.stable_one,nextval" }, async (pgpool) => {
      expect(
        await nodes(
          pgpool,
          "SELECT public.stable_one()",
          "SELECT volatile_one()",
          "SELECT count(*) FROM t",
        ),
      ).toEqual(["0", "1", "1"]);
    });
  });

  it.each(["stable_one()", "abs(1)"])("take effect by a reload: %s", async (call) => {
    await withPgpool({}, async (pgpool) => {
      using client = await logIn(pgpool);
      expect(await sentTo(client, `SELECT ${call}`)).toEqual(["1"]);
      pgpool.reload({ write_function_list: "stable_one,abs" });
      await waitFor(async () => (await sentTo(client, `SELECT ${call}`)).join() === "0", {
        what: "the reload",
      });
    });
  });
});

describe("primary_routing_query_pattern_list", () => {
  it("sends what it matches to the primary", async () => {
    const primary_routing_query_pattern_list = ".*reports.*;SELECT 42";
    await withPgpool({ primary_routing_query_pattern_list }, async (pgpool) => {
      expect(
        await nodes(pgpool, "SELECT 'reports'", "select 42", "SELECT 421", "SELECT 43"),
      ).toEqual(["0", "0", "1", "1"]);
    });
  });
});

describe("redirect lists", () => {
  it("by user, database and application name, the later in this order deciding", async () => {
    const config = {
      user_redirect_preference_list: "writer:primary,reader:standby",
      database_redirect_preference_list: "reports:1,template.*:primary",
      app_name_redirect_preference_list: "batch:primary,bi.*:1",
      backend_weight0: 1,
    };
    await withPgpool(config, async (pgpool) => {
      const node = async (user: string, database: string, application: string) => {
        using client = await logIn(pgpool, {
          user,
          database,
          parameters: { application_name: application },
        });
        return (await sentTo(client, "SELECT 1")).join();
      };
      for (let round = 0; round < 4; round++) {
        expect(await node("writer", "postgres", "x")).toBe("0");
        expect(await node("reader", "postgres", "x")).toBe("1");
        expect(await node("writer", "reports", "x")).toBe("1");
        expect(await node("writer", "reports", "batch")).toBe("0");
        expect(await node("writer", "postgres", "BI tool")).toBe("1");
      }
    });
  });
});

describe("other parameters", () => {
  it("check_unlogged_table off: unlogged tables are looked for on the standby", async () => {
    await withPgpool({ check_unlogged_table: false }, async (pgpool) => {
      expect(await nodes(pgpool, "SELECT * FROM u")).toEqual(["1"]);
    });
  });

  it("check_temp_table none: temporary tables are not looked for", async () => {
    await withPgpool({ check_temp_table: "none" }, async (pgpool) => {
      expect(await nodes(pgpool, "CREATE TEMP TABLE own (i int)", "SELECT * FROM own")).toEqual(
        ["0", "1"],
      );
    });
  });

  it("ignore_leading_white_space off: a text that begins with a blank is no read", async () => {
    await withPgpool({ ignore_leading_white_space: false }, async (pgpool) => {
      expect(await nodes(pgpool, " SELECT 1", "SELECT 1")).toEqual(["0", "1"]);
    });
  });

  it("statement_level_load_balance: every read may go elsewhere", async () => {
    const config = { statement_level_load_balance: true, backend_weight0: 1 };
    await withPgpool(config, async (pgpool) => {
      const used = await nodes(pgpool, ...Array<string>(40).fill("SELECT 1"));
      expect(new Set(used)).toEqual(new Set(["0", "1"]));
    });
  });

  it("without it all reads of a session go to one node, and sessions spread", async () => {
    await withPgpool({ backend_weight0: 1 }, async (pgpool) => {
      const seen = new Set<string>();
      for (let session = 0; session < 20; session++) {
        const used = new Set(await nodes(pgpool, "SELECT 1", "SELECT 2", "SELECT 3"));
        expect(used.size).toBe(1);
        for (const node of used) seen.add(node);
      }
      expect(seen).toEqual(new Set(["0", "1"]));
    });
  });

  it("delay_threshold: a standby that lags behind is not read from", async () => {
    await withPgpool({ delay_threshold: 1000 }, async (pgpool) => {
      using client = await logIn(pgpool);
      expect(await sentTo(client, "SELECT 1")).toEqual(["1"]);
      const standby = pool.cluster.server(1);
      await standby.query("SELECT pg_wal_replay_pause()");
      try {
        await pool.cluster.query(
          "SET synchronous_commit = local; INSERT INTO t SELECT generate_series(1, 1000)",
        );
        await waitFor(async () => (await sentTo(client, "SELECT 1")).join() === "0", {
          what: "the standby's lag to be noticed",
        });
      } finally {
        await standby.query("SELECT pg_wal_replay_resume()");
      }
      await waitFor(async () => (await sentTo(client, "SELECT 1")).join() === "1", {
        what: "the standby to have caught up",
      });
    });
  });

  it("log_per_node_statement: tells the server's process and the client's name", async () => {
    await withPgpool({ log_per_node_statement: true }, async (pgpool) => {
      using client = await logIn(pgpool, { parameters: { application_name: "my app" } });
      const [[pid = null] = []] = await rowsOf(client, "/**/ SELECT pg_backend_pid()");
      await pgpool.waitForLog(
        new RegExp(
          `: my app pid \\d+: LOG:  DB node id: 0 backend pid: ${pid} statement: /\\*\\*/ SELECT pg_backend_pid\\(\\)`,
        ),
      );
    });
  });

  it("raw mode: everything goes to the first node", async () => {
    await withPgpool({ backend_clustering_mode: "raw" }, async (pgpool) => {
      expect(await nodes(pgpool, "SELECT 1", "BEGIN", "SELECT 1", "COMMIT")).toEqual(
        ["0", "0", "0", "0"],
      );
    });
  });
});
