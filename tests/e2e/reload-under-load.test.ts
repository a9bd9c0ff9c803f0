/** A reload disturbs nobody. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { clientProgram } from "../support/clients.ts";
import { runProgram } from "./support/client-programs.ts";
import { type ReplicatedPool, startReplicatedPool } from "./support/replicated-pool.ts";

let pool: ReplicatedPool;

beforeAll(async () => {
  pool = await startReplicatedPool();
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

describe.skipIf(clientProgram("pgbench") === null)("a reload under load", () => {
  it("loses no transaction", async () => {
    const { port } = pool.pgpool;
    const made = await runProgram("pgbench", ["-i", "-q"], { port });
    expect([made.status, made.stderr.includes("ERROR")]).toEqual([0, false]);
    const load = runProgram("pgbench", ["-n", "-c", "8", "-t", "400"], { port });
    for (let reloads = 0; reloads < 10; reloads++) {
      const from = pool.pgpool.logEnd();
      await pool.pgpool.reload({ log_connections: reloads % 2 === 0, client_idle_limit: 600 });
      await pool.pgpool.waitForLog(/reload config files\./, 10_000, from);
    }
    const { status, stdout, stderr } = await load;
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("number of transactions actually processed: 3200/3200");
    expect(stdout).toContain("number of failed transactions: 0 (0.000%)");
  }, 90_000);
});
