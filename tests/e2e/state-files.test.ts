/** What pgpool keeps on disk from one run to the next, and how much it believes of it. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { give, serverAccount } from "../support/account.ts";
import { TestCluster } from "../support/cluster.ts";
import { type Backend, type Pgpool, startPgpool } from "../support/pgpool.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
}, 90_000);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** A work_dir that survives a pgpool, with a status file of these words in it. */
function workDir(...words: readonly string[]): { dir: string; file: string } {
  const dir = tempDir();
  const file = join(dir, "pgpool_status");
  if (words.length > 0) {
    writeFileSync(file, words.map((word) => `${word}\n`).join(""));
    give(file, serverAccount());
  }
  return { dir, file };
}

interface StartOptions {
  readonly backends?: readonly Backend[];
  readonly args?: readonly string[];
}

async function start(dir: string, { backends = cluster.servers, args = [] }: StartOptions = {}) {
  const pgpool = await startPgpool({ backends, args, config: { work_dir: dir } });
  await pgpool.waitForLog(/successfully started/);
  return pgpool;
}

/** Status and role of each node, as SHOW POOL_NODES tells them. */
async function nodes(pgpool: Pgpool): Promise<string[]> {
  const sql = pgpool.connect();
  try {
    const rows = await sql.unsafe("SHOW POOL_NODES").simple();
    return rows.map((row) => `${row["status"]} ${row["role"]}`);
  } finally {
    await sql.end();
  }
}

/** Whether a write through pgpool arrives at a server that takes writes. */
async function canWrite(pgpool: Pgpool, table: string): Promise<boolean> {
  const sql = pgpool.connect();
  try {
    await sql.unsafe(`CREATE TABLE ${table} (id int)`).simple();
    return true;
  } finally {
    await sql.end();
  }
}

describe("pgpool_status", () => {
  it("is written as Pgpool-II writes it, and read at the next start", async () => {
    const { dir, file } = workDir();
    await using first = await start(dir);
    expect(first.log()).toContain(`Backend status file ${file} does not exist`);
    await waitFor(() => existsSync(file), { what: "the status file" });
    expect(await first.stop()).toBe(0);
    expect(readFileSync(file, "utf8")).toBe("up\nup\n");
    expect(readdirSync(dir).filter((name) => name.startsWith("pgpool_status")))
      .toEqual(["pgpool_status"]);
    await using second = await start(dir);
    expect(second.log()).toContain("reading status file: 0 th backend is set to up status");
    expect(second.log()).toContain("reading status file: 1 th backend is set to up status");
  }, 60_000);

  it("keeps a node down that was down, across restarts", async () => {
    const { dir, file } = workDir("up", "down");
    for (let run = 0; run < 2; run++) {
      await using pgpool = await start(dir);
      expect(pgpool.log()).toContain("reading status file: 1 th backend is set to down status");
      expect(await nodes(pgpool)).toEqual(["up primary", "down standby"]);
      expect(await pgpool.stop()).toBe(0);
      expect(readFileSync(file, "utf8")).toBe("up\ndown\n");
    }
  }, 60_000);

  it("is thrown away with -D", async () => {
    const { dir, file } = workDir("up", "down");
    await using pgpool = await start(dir, { args: ["-D"] });
    expect(pgpool.log()).not.toContain("reading status file");
    expect(await nodes(pgpool)).toEqual(["up primary", "up standby"]);
    expect(await pgpool.stop()).toBe(0);
    expect(readFileSync(file, "utf8")).toBe("up\nup\n");
  }, 60_000);

  it("counts for nothing when no node in it is up", async () => {
    const { dir } = workDir("down", "down");
    await using pgpool = await start(dir);
    expect(await nodes(pgpool)).toEqual(["up primary", "up standby"]);
  }, 60_000);

  it("does no harm when it is damaged", async () => {
    const { dir } = workDir("\0\x01rubbish", "DOWN ", "up");
    await using pgpool = await start(dir);
    // The third line is of a node that is not there any more.
    expect((await nodes(pgpool))[0]).toBe("up primary");
  }, 60_000);

  it("is a hint only: writes go to the server that is the primary now", async () => {
    const { dir } = workDir("up", "up");
    // Node 0 was the primary when the file was written; it is the standby now.
    await using pgpool = await start(dir, { backends: cluster.servers.toReversed() });
    expect(await canWrite(pgpool, "state_hint")).toBe(true);
    expect((await nodes(pgpool))[1]).toBe("up primary");
  }, 60_000);

  it("survives a pgpool that is killed", async () => {
    const { dir, file } = workDir("up", "down");
    await using pgpool = await start(dir);
    await pgpool.kill();
    expect(readFileSync(file, "utf8")).toBe("up\ndown\n");
    await using again = await start(dir);
    expect(await nodes(again)).toEqual(["up primary", "down standby"]);
  }, 60_000);
});

describe("the pid file", () => {
  it("holds the pid and a zero byte for pgpool's user only, until the end", async () => {
    await using pgpool = await start(workDir().dir);
    const file = join(pgpool.dir, "pgpool.pid");
    const [pid] = pgpool.pids();
    expect(readFileSync(file, "latin1")).toBe(`${pid}\0`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(pgpool.dir).filter((name) => name.startsWith("pgpool.pid")))
      .toEqual(["pgpool.pid"]);
    expect(await pgpool.stop()).toBe(0);
    expect(existsSync(file)).toBe(false);
  }, 60_000);

  it("lies beside pgpool.conf when its name is relative", async () => {
    await using pgpool = await startPgpool({ cluster, config: { pid_file_name: "relative.pid" } });
    expect(existsSync(join(pgpool.dir, "relative.pid"))).toBe(true);
  }, 60_000);
});
