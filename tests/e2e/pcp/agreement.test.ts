/**
 * Pgpool-II's commands in C (Debian's pgpool2, version 4.3) and ours print the same of both
 * servers. Where 4.7 has fields that 4.3 has not, the test says which.
 */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { hasPgpool2, Pgpool2, pgpool2Program } from "../../support/pgpool2.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { waitFor } from "../../support/wait.ts";
import type { Outcome } from "../../cmd/support.ts";
import postgres from "postgres";
import { Administrator, PCP_CONF } from "./administration.ts";

/** A server with whoever administers it, and a client that is connected to it. */
interface Side {
  readonly pool: Pgpool | Pgpool2;
  readonly admin: Administrator;
  readonly client: postgres.Sql;
}

const sides = new Map<"ours" | "Pgpool-II's", Side>();
let cluster: TestCluster;

beforeAll(async () => {
  if (!hasPgpool2()) return;
  cluster = await TestCluster.start();
  const ours = await startPgpool({
    cluster,
    pcp: PCP_CONF,
    config: { health_check_period: 30, num_init_children: 3, max_pool: 2 },
  });
  const theirs = await Pgpool2.start(cluster, PCP_CONF, { health_check_period: 30 });
  for (const [name, pool] of [["ours", ours], ["Pgpool-II's", theirs]] as const) {
    const { host, port } = pool;
    const client = postgres({ host, port, user: SUPERUSER, database: "postgres", max: 1 });
    await client`SELECT 1`;
    const admin = new Administrator(pool);
    admin.writePasswordFile("*:*:*:s3cr\\:et\n");
    sides.set(name, { pool, admin, client });
    await waitFor(async () => isSettled(await admin.json("node-info")), {
      what: `the nodes of ${name} to be up`,
    });
  }
}, 120_000);

afterAll(async () => {
  for (const { client, pool } of sides.values()) {
    await client.end({ timeout: 0 });
    await pool[Symbol.asyncDispose]();
  }
  await cluster?.[Symbol.asyncDispose]();
});

/** Roles, states and delays do not change any more. */
function isSettled(nodes: readonly { status: string; backendRole: string }[]): boolean {
  return nodes.length === 2 &&
    nodes.every(({ status, backendRole }) => status === "up" && backendRole !== "unknown");
}

/** What both programs say to the same arguments. */
async function both(
  { admin }: Side,
  program: string,
  ...args: readonly string[]
): Promise<{ theirs: Outcome; ours: Outcome }> {
  const { path, env } = pgpool2Program(program);
  // Those of 4.3 look into the password file with -w only.
  const theirs = await admin.foreign(path, env, ...args, "-w");
  return { theirs, ours: await admin.legacy(program, ...args, "-w") };
}

/** Requests whose answers have the same fields in 4.3 and 4.7. */
const SAME: readonly (readonly [program: string, ...args: string[]])[] = [
  ["pcp_node_count"],
  ["pcp_node_count", "-v"],
  ["pcp_proc_count"],
  ["pcp_proc_count", "-v"],
  ["pcp_health_check_stats", "0"],
  ["pcp_health_check_stats", "-v", "-n", "1"],
  ["pcp_pool_status"],
  ["pcp_pool_status", "-v"],
  ["pcp_reload_config"],
  ["pcp_watchdog_info"],
  ["pcp_watchdog_info", "-v", "1"],
  ["pcp_node_info", "9"],
  ["pcp_proc_info", "999999"],
  ["pcp_health_check_stats", "77"],
  ["pcp_promote_node", "9"],
  ["pcp_detach_node", "99"],
  ["pcp_node_count", "-U", "nobody"],
];

describe.skipIf(!hasPgpool2())("Pgpool-II's commands and ours", () => {
  for (const server of ["ours", "Pgpool-II's"] as const) {
    const side = (): Side => {
      const found = sides.get(server);
      if (found === undefined) throw new Error(`${server} does not run`);
      return found;
    };

    describe(`with a server that is ${server}`, () => {
      for (const [program, ...args] of SAME) {
        it(`print the same: ${program} ${args.join(" ")}`, async () => {
          const { theirs, ours } = await both(side(), program, ...args);
          const { stdout, stderr } = ours;
          expect({ stdout, stderr }).toEqual({ stdout: theirs.stdout, stderr: theirs.stderr });
          // Pgpool-II's commands end with 0 also after an error of the server.
          expect(ours.status).toBe(stderr === "" ? 0 : 1);
        });
      }

      // 4.7 reads two fields in front of the replication state that 4.3 does not know of.
      it("print the same of nodes, up to the replication delay", async () => {
        for (const args of [["0"], ["1"], ["-a"]]) {
          const { theirs, ours } = await both(side(), "pcp_node_info", ...args);
          const first = ({ stdout }: Outcome) =>
            stdout.split("\n").map((line) => line.split(" ").slice(0, 9).join(" "));
          expect(first(ours)).toEqual(first(theirs));
          expect(ours.stdout).not.toBe("");
        }
        const { theirs, ours } = await both(side(), "pcp_node_info", "-v", "0");
        expect(ours.stdout.split("\n").slice(0, 9)).toEqual(theirs.stdout.split("\n").slice(0, 9));
      });

      // 4.7 adds the load balance node, and the client's host, port and statement.
      it("print the same of pool entries, up to the status", async () => {
        for (const args of [[], ["-a"]]) {
          const { theirs, ours } = await both(side(), "pcp_proc_info", ...args);
          const lines = ours.stdout.split("\n");
          expect(lines).toHaveLength(theirs.stdout.split("\n").length);
          theirs.stdout.split("\n").forEach((line, at) => {
            expect(steady(lines[at] ?? "")).toStartWith(steady(line));
          });
          expect(ours.stdout).toContain(`postgres ${SUPERUSER} `);
        }
      });
    });
  }
});

/** Without the countdown to the restart of the process, which goes on between two questions. */
function steady(line: string): string {
  return line.replace(/\(\d+:\d\d before process restarting\)/, "(soon)");
}
