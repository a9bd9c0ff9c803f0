/** What scripts cut out of `show pool_nodes` and `pcp_node_info` while servers come and go. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { TestCluster } from "../../support/cluster.ts";
import { clientProgram } from "../../support/clients.ts";
import { type Pgpool, type PgpoolOptions, startPgpool } from "../../support/pgpool.ts";
import { followingCommand, promotingCommand } from "../support/failover-commands.ts";
import { PCP_CONF } from "../support/pcp.ts";
import { Shell } from "./shell.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
}, 60_000);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** A pool whose health checks are so rare that nothing is found out by them. */
async function startPool(options: PgpoolOptions = {}): Promise<Pgpool> {
  const pgpool = await startPgpool({
    cluster,
    pcp: PCP_CONF,
    ...options,
    config: {
      health_check_period: 3600,
      sr_check_period: 3600,
      pcp_socket_dir: "/tmp",
      failover_command: promotingCommand(cluster),
      follow_primary_command: followingCommand(cluster),
      ...options.config,
    },
  });
  await pgpool.waitForLog(/pgpool-II successfully started/);
  return pgpool;
}

describe.skipIf(clientProgram("psql") === null)("a script", () => {
  it("finds that writes are read-only while the status file calls the primary down", async () => {
    await using pgpool = await startPool({
      files: { pgpool_status: "down \nup" },
      config: { search_primary_node_timeout: 1, failover_wait_timeout: 1 },
    });
    const shell = new Shell(pgpool);
    const written = await shell.run("psql -X -c 'create table t (i int)' |& grep -i read-only");
    expect(written).toMatchObject({ status: 0, output: expect.stringMatching(/^ERROR:/) });
    expect((await shell.run("psql -X -Atc 'select 1'")).output).toBe("1\n");
  }, 60_000);

  it(
    "finds a server dead at its first look, and who is the primary after each change",
    async () => {
      await using pgpool = await startPool();
      const shell = new Shell(pgpool);
      const row = async (pattern: string) => {
        const { output } = await shell.run(
          `psql -X -c 'show pool_nodes' | grep -E '${pattern}' | awk '{print $1, $7, $9}'`,
        );
        return output.trim();
      };
      expect(await row("primary")).toBe("0 up up");

      const [zero, one] = cluster.servers;
      await one?.stop();
      const { output } = await shell.run("psql -X -c 'show pool_nodes'");
      const masked = output
        .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "date       time    ")
        .replaceAll(String(zero?.port), "port0").replaceAll(String(one?.port), "port1")
        // Whom load balancing took when there was no choice any more.
        .replace(/(true |false)( +\| 0 {2})/g, "any  $2");
      expect(masked).toBe(TABLE);

      await one?.start();
      expect((await shell.run("pcp_node_info $PCP 1 | awk '{print $5}'")).output).toBe("down\n");
      expect(await shell.run("pcp_attach_node $PCP 1")).toEqual({
        status: 0,
        output: "pcp_attach_node -- Command Successful\n",
      });
      expect((await shell.run("pcp_node_info $PCP -n 1 | awk '{print $5, $6}'")).output)
        .toBe("waiting up\n");

      // Without -h the socket in /tmp is used.
      const promoted = await shell.run("pcp_promote_node -w -p $PCPPORT -U admin --switchover 1");
      expect(promoted).toEqual({ status: 0, output: "pcp_promote_node -- Command Successful\n" });
      expect(await row(" primary [|] primary ")).toBe("1 up up");
      // The old primary runs on, and says so; nobody is sent there.
      expect(await row(" standby [|] primary ")).toBe("0 down up");
      expect((await shell.run("psql -X -c 'create table t (i int)'")).output)
        .toBe("CREATE TABLE\n");
    },
    60_000,
  );
});

const TABLE = `\
 node_id | hostname  | port  | status | pg_status | lb_weight |  role   | pg_role | select_cnt | load_balance_node | replication_delay | replication_state | replication_sync_state | last_status_change  
---------+-----------+-------+--------+-----------+-----------+---------+---------+------------+-------------------+-------------------+-------------------+------------------------+---------------------
 0       | 127.0.0.1 | port0 | up     | up        | 0.500000  | primary | primary | 0          | any               | 0                 |                   |                        | date       time    
 1       | 127.0.0.1 | port1 | down   | down      | 0.500000  | standby | unknown | 0          | any               | 0                 |                   |                        | date       time    
(2 rows)

`;
