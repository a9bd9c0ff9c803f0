/** What operators find in the log, and where. */
import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { md5Hex } from "../../lib/auth/md5.ts";
import { connectPcp } from "../../mod.ts";
import { TestCluster } from "../support/cluster.ts";
import type { Settings } from "../support/config-file.ts";
import * as frontend from "../support/frontend.ts";
import { type Pgpool, startPgpool } from "../support/pgpool.ts";
import { SUPERUSER } from "../support/postgres.ts";
import { cancel, RawClient } from "../support/raw-client.ts";
import { waitFor } from "../support/wait.ts";

const PREFIX = "%m: %a pid %p: ";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
}, 90_000);

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

async function start(config: Settings): Promise<Pgpool> {
  const onlyPrimary = { backend_weight0: 1, backend_weight1: 0 };
  return await startPgpool({
    cluster,
    pcp: `admin:${md5Hex("secret")}\n`,
    config: { log_line_prefix: PREFIX, ...onlyPrimary, ...config },
  });
}

async function login(pgpool: Pgpool, application = "app"): Promise<RawClient> {
  return await RawClient.login({
    port: pgpool.port,
    user: SUPERUSER,
    database: "postgres",
    parameters: { application_name: application },
  });
}

describe("connections and messages in the log", () => {
  it("tells when clients come and go", async () => {
    await using pgpool = await start({ log_connections: true, log_disconnections: true });
    using client = await login(pgpool);
    await client.query("select 1");
    client.send(frontend.terminate);
    await pgpool.waitForLog(
      /LOG: {2}new connection received\n.*DETAIL: {2}connecting host=127\.0\.0\.1 port=\d+\n/,
    );
    await pgpool.waitForLog(
      new RegExp(
        `: app pid \\d+: LOG: {2}frontend disconnection: session time: 0:00:\\d\\d\\.\\d{3} ` +
          `user=${SUPERUSER} database=postgres host=127\\.0\\.0\\.1 port=\\d+\n`,
      ),
    );
  }, 60_000);

  it("tells what the client sends, and stops that on reload", async () => {
    await using pgpool = await start({ log_client_messages: true });
    using client = await login(pgpool);
    await client.query("select 1");
    await client.exchange(
      frontend.parse("select 2", "s"),
      frontend.bind({ portal: "p", statement: "s" }),
      frontend.describePortal("p"),
      frontend.execute("p"),
      frontend.closeStatement("s"),
      frontend.sync,
    );
    const key = client.backendKey();
    await cancel({ port: pgpool.port }, key);
    await pgpool.waitForLog(new RegExp(`Cancel message.*\n.*DETAIL: {2}process id: ${key.pid}\n`));
    // The start may end in between.
    const lines = pgpool.log().split("\n").filter((line) => !line.includes(": main pid "))
      .map((line) => line.replace(/^.*pid \d+: /, ""));
    const from = lines.indexOf("LOG:  Query message from frontend.");
    expect(lines.slice(from, from + 13)).toEqual([
      "LOG:  Query message from frontend.",
      'DETAIL:  query: "select 1"',
      "LOG:  Parse message from frontend.",
      'DETAIL:  statement: "s", query: "select 2"',
      "LOG:  Bind message from frontend.",
      'DETAIL:  portal: "p", statement: "s"',
      "LOG:  Describe message from frontend.",
      'DETAIL:  portal: "p"',
      "LOG:  Execute message from frontend.",
      'DETAIL:  portal: "p"',
      "LOG:  Close message from frontend.",
      'DETAIL:  statement: "s"',
      "LOG:  Sync message from frontend.",
    ]);
    pgpool.reload({ log_client_messages: false });
    await waitFor(async () => {
      const before = pgpool.logEnd();
      await client.query("select 3");
      return !pgpool.log().slice(before).includes("select 3");
    }, { what: "the reload to reach the session" });
  }, 60_000);

  it("shows a client the messages of its server when it asks for them", async () => {
    await using pgpool = await start({ log_backend_messages: "terse", client_min_messages: "log" });
    using client = await login(pgpool);
    await client.query("select 0");
    client.send(frontend.query("select generate_series(1, 3)"));
    const seen = (await client.readUntil("Z")).map(({ type, body }) =>
      type === "N" ? /M([^\0]*)/.exec(body.toString().slice(body.indexOf("\0M")))?.[1] : type
    );
    expect(seen).toEqual([
      "RowDescription message from backend 0",
      "T",
      "DataRow message from backend 0",
      ...["D", "D", "D"],
      "last DataRow message from backend 0 repeated 2 times",
      "CommandComplete message from backend 0",
      "C",
      "ReadyForQuery message from backend 0",
      "Z",
    ]);
  }, 60_000);

  it("counts the choices of a load balance node: the session's and each statement's", async () => {
    await using pgpool = await start({
      log_min_messages: "debug1",
      statement_level_load_balance: true,
    });
    using client = await login(pgpool);
    await client.query("select 1");
    await client.query("select 2");
    expect(pgpool.log().split("selecting load balance node").length - 1).toBe(3);
  }, 60_000);
});

describe("PGPOOL SET", () => {
  it("changes what is logged of one session only", async () => {
    await using pgpool = await start({ statement_level_load_balance: true });
    using loud = await login(pgpool, "loud");
    using quiet = await login(pgpool, "quiet");
    await loud.query("PGPOOL SET log_min_messages = 'debug1'");
    await loud.query("PGPOOL SET log_statement = on");
    for (const client of [loud, quiet]) await client.query("select 1");
    await pgpool.waitForLog(/: loud pid \d+: DEBUG1: {2}selecting load balance node/);
    await pgpool.waitForLog(/: loud pid \d+: LOG: {2}statement: select 1/);
    expect(pgpool.log()).not.toContain(": quiet pid");
  }, 60_000);
});

describe("where the log goes", () => {
  it("writes JSON lines with jsonlog", async () => {
    await using pgpool = await start({ log_destination: "jsonlog", log_statement: true });
    using client = await login(pgpool);
    await client.query("select 'a\"b'");
    await pgpool.waitForLog(/statement: select/);
    const line = pgpool.log().split("\n").find((each) => each.includes("statement: select")) ?? "";
    expect(JSON.parse(line)).toMatchObject({
      error_severity: "LOG",
      message: "statement: select 'a\"b'",
      application_name: "app",
      user: SUPERUSER,
      dbname: "postgres",
      backend_type: "child",
    });
  }, 60_000);

  it("collects the lines of all processes in files, and begins others on reload", async () => {
    await using pgpool = await start({
      logging_collector: true,
      log_directory: "collected",
      log_filename: "pgpool.log",
      log_statement: true,
      log_file_mode: 416,
    });
    const file = (name: string) => join(pgpool.dir, "collected", name);
    const text = (name: string) => readFileSync(file(name), "utf8");
    using client = await login(pgpool);
    await client.query("select 1");
    await waitFor(() => text("pgpool.log").includes("LOG:  statement: select 1"), {
      what: "the statement in the file",
    });
    await waitFor(() => text("pgpool.log").includes("pgpool-II successfully started"), {
      what: "the supervisor's line in the file",
    });
    expect(statSync(file("pgpool.log")).mode & 0o777).toBe(0o640);
    expect(pgpool.log()).not.toContain("select 1");
    pgpool.reload({ log_filename: "other.log" });
    await waitFor(() => readdirSync(join(pgpool.dir, "collected")).includes("other.log"), {
      what: "the other file",
    });
    await client.query("select 2");
    await waitFor(() => text("other.log").includes("LOG:  statement: select 2"), {
      what: "the statement in the other file",
    });
    await pgpool.stop();
    await waitFor(() => text("other.log").includes("Pgpool-II system is shutdown"), {
      what: "the last line in the file",
    });
  }, 60_000);

  it("survives the death of its collector, and begins a new file by SIGUSR1", async () => {
    await using pgpool = await start({
      logging_collector: true,
      log_directory: "collected",
      log_filename: "%s.log",
      log_statement: true,
    });
    const directory = join(pgpool.dir, "collected");
    const names = () => readdirSync(directory).sort();
    const all = () => names().map((name) => readFileSync(join(directory, name), "utf8")).join("");
    const collector = () =>
      pgpool.pids().find((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("pgpool: logger")
      );
    using client = await login(pgpool);
    await client.query("select 'before'");
    await waitFor(() => all().includes("select 'before'"), { what: "the first statement" });
    const first = collector() ?? 0;
    process.kill(first, "SIGKILL");
    await client.query("select 'meanwhile'");
    await waitFor(() => all().includes("select 'meanwhile'"), { what: "the second statement" });
    await waitFor(() => (collector() ?? first) !== first, { what: "another collector" });
    const before = names().length;
    // A name is as old as its second, so the signal may have to be sent again.
    await waitFor(() => {
      process.kill(collector() ?? 0, "SIGUSR1");
      return names().length > before;
    }, { what: "another file", everyMs: 200 });
    expect(all()).toContain("the log collector ended with status");
    const { pcpPort: port } = pgpool;
    const pcp = await connectPcp({ host: "127.0.0.1", port, user: "admin", password: "secret" });
    const rotated = names().length;
    await waitFor(async () => {
      await pcp.rotateLog();
      return names().length > rotated;
    }, { what: "another file, asked for over PCP", everyMs: 200 });
    await pcp.close();
  }, 60_000);

  it("goes on serving with a full disk, and says so once", async () => {
    await using pgpool = await start({
      logging_collector: true,
      log_directory: "/dev",
      log_filename: "full",
      log_statement: true,
    });
    using client = await login(pgpool);
    for (let i = 0; i < 20; i++) expect((await client.query("select 1")).at(-1)).toContain("I");
    await pgpool.waitForLog(/could not write to log file "\/dev\/full": ENOSPC/);
    expect(pgpool.log().split("ENOSPC")).toHaveLength(2);
  }, 60_000);
});
