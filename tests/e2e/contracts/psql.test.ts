/** What psql shows and the log tells in cases that scripts compare word by word. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { clientProgram } from "../../support/clients.ts";
import { waitFor } from "../../support/wait.ts";
import { PCP_CONF } from "../support/pcp.ts";
import { type ReplicatedPool, startReplicatedPool } from "../support/replicated-pool.ts";
import { Shell } from "./shell.ts";

let pool: ReplicatedPool;
let shell: Shell;

beforeAll(async () => {
  pool = await startReplicatedPool({
    health_check_period: 3600,
    read_only_function_list: "pg_sleep",
  }, { pcp: PCP_CONF });
  shell = new Shell(pool.pgpool);
}, 60_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

describe.skipIf(clientProgram("psql") === null)("psql", () => {
  it("is told the statement that a failed transaction does not take", async () => {
    const { output } = await shell.run(`psql -X -e <<'SQL'
begin;
select x;
select 1;
savepoint a;
rollback;
begin;
savepoint a;
select x;
;
rollback to a;
select 1;
end;
SQL`);
    const refusal = (statement: string) =>
      statement + "\nERROR:  current transaction is aborted, commands ignored until end of " +
      `transaction block\nDETAIL:  statement: ${statement}\n`;
    const failure = 'select x;\nERROR:  column "x" does not exist\nLINE 1: select x;\n' +
      "               ^\n";
    expect(output).toBe(
      `begin;\nBEGIN\n${failure}${refusal("select 1;")}${refusal("savepoint a;")}` +
        `rollback;\nROLLBACK\nbegin;\nBEGIN\nsavepoint a;\nSAVEPOINT\n${failure};\n` +
        "rollback to a;\nROLLBACK\nselect 1;\n ?column? \n----------\n        1\n(1 row)\n\n" +
        "end;\nCOMMIT\n",
    );
  });

  it("ends a server process without a failover, wherever that is", async () => {
    for (const node of [0, 1]) {
      const from = pool.pgpool.logEnd();
      const read = node === 0 ? "/*NO LOAD BALANCE*/" : "";
      const victim = shell.run(`psql -X -c "${read} select 'victim', pg_sleep(20)"`);
      const server = pool.cluster.server(node);
      const pid = await waitFor(async () => {
        const [found] = await server.query(
          "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%''victim''%'" +
            " AND pid <> pg_backend_pid()",
        );
        return Number(found?.["pid"] ?? 0);
      }, { what: "the victim" });
      const ended = await shell.run(`psql -X -Atc "select pg_terminate_backend(${pid})"`);
      expect(ended).toEqual({ status: 0, output: "t\n" });
      expect((await victim).output).toContain("terminating connection due to administrator");
      const log = pool.pgpool.log().slice(from);
      expect(log).toContain(
        `found the pg_terminate_backend request for backend pid:${pid} on backend node:${node}`,
      );
      expect(log).not.toMatch(/failover/i);
      expect((await shell.run("psql -X -c 'show pool_nodes' | grep -c down")).output).toBe("0\n");
    }
  }, 60_000);
});
