/** Clients that break the protocol in a session: only their own session ends. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import * as frontend from "../../support/frontend.ts";
import { TestCluster } from "../../support/cluster.ts";
import { type Pgpool, startPgpool } from "../../support/pgpool.ts";
import { ConnectionClosed, type RawClient } from "../../support/raw-client.ts";
import { transcript } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { logInBy } from "../support/logins.ts";
import { valueOf } from "../support/nodes.ts";

let cluster: TestCluster;
let pgpool: Pgpool;
let workers: number[];

beforeAll(async () => {
  cluster = await TestCluster.start({ standbys: 0 });
  await cluster.query("CREATE TABLE t (a int, b text)");
  pgpool = await startPgpool({ cluster, config: { worker_processes: 1 } });
  await logInAndAsk();
  workers = pgpool.pids();
}, 90_000);

afterAll(async () => {
  await pgpool?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

/** Whatever a client did: the next one gets a clean connection, and nothing is left running. */
afterEach(async () => {
  await logInAndAsk();
  await waitFor(async () => (await busyBackends()) === 0, { what: "the servers to be idle" });
  expect(pgpool.pids()).toEqual(workers);
});

async function logInAndAsk(): Promise<void> {
  using client = await logInBy({ port: pgpool.port });
  expect(await client.query("SELECT 'clean', current_setting('work_mem')")).toEqual([
    "RowDescription(?column? 0.0 type 25 -1 -1 format 0, current_setting 0.0 type 25 -1 -1 format 0)",
    "DataRow(clean, 4MB)",
    "CommandComplete(SELECT 1)",
    "ReadyForQuery(I)",
  ]);
  client.send(frontend.terminate);
  await client.readToEnd();
}

async function busyBackends(): Promise<number> {
  const [row] = await cluster.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()`,
  );
  return Number(row?.["n"]);
}

/** What the client gets after its bytes: messages up to the end of the connection or an answer. */
async function answerTo(client: RawClient, ...parts: readonly Uint8Array[]): Promise<string[]> {
  const before = client.received.length;
  client.send(...parts);
  try {
    await client.readUntil("Z", 5000);
  } catch (error) {
    if (!(error instanceof ConnectionClosed)) throw error;
  }
  return transcript(client.received.slice(before));
}

const FATAL = /^ErrorResponse\(S FATAL, V FATAL, C 08P01/;
const raw = (text: string) => Buffer.from(text, "latin1");

describe("messages that are none", () => {
  it.each([
    ["an unknown type", raw("!\0\0\0\x04")],
    ["a server's type", frontend.message("Z", raw("I"))],
    ["type zero", raw("\0\0\0\0\x04")],
    ["a length of 0", raw("Q\0\0\0\0")],
    ["a length of 3", raw("Q\0\0\0\x03")],
    ["a negative length", raw("Q\xff\xff\xff\xff")],
    ["a length above 1 GB", raw("Q\x40\0\0\0")],
    ["HTTP", raw("GET / HTTP/1.1\r\n\r\n")],
  ])("%s ends the session with a protocol error", async (_what, bytes) => {
    using client = await logInBy({ port: pgpool.port });
    const lines = await answerTo(client, bytes);
    expect(lines.at(-1)).toMatch(FATAL);
    await client.readToEnd();
  });

  it("they end the session in the middle of a transaction as well", async () => {
    using client = await logInBy({ port: pgpool.port });
    await client.query("BEGIN; INSERT INTO t VALUES (666); SET work_mem = '1MB'");
    expect((await answerTo(client, raw("Q\0\0\0\x02"))).at(-1)).toMatch(FATAL);
    await client.readToEnd();
    expect(await cluster.query("SELECT * FROM t WHERE a = 666")).toEqual([]);
  });

  it("they end the session while a query runs, which ends too", async () => {
    using client = await logInBy({ port: pgpool.port });
    client.send(frontend.query("SELECT pg_sleep(2)"));
    expect((await answerTo(client, raw("!\0\0\0\x04"))).at(-1)).toMatch(FATAL);
  });
});

describe("messages with a wrong body", () => {
  const cases: [string, Uint8Array][] = [
    ["Query without its zero", frontend.message("Q", raw("SELECT 1"))],
    ["Query with a zero in the middle", frontend.message("Q", raw("SELECT 1\0; DROP TABLE t\0"))],
    ["an empty Query body", frontend.message("Q")],
    ["Parse without a text", frontend.message("P", raw("name\0"))],
    ["Parse that is empty", frontend.message("P")],
    ["Parse with more types than it has", frontend.message("P", raw("\0SELECT 1\0\x7f\xff"))],
    ["Parse with bytes behind its end", frontend.message("P", raw("\0SELECT 1\0\0\0more"))],
    ["Bind that is empty", frontend.message("B")],
    ["Bind that ends in a name", frontend.message("B", raw("portal"))],
    [
      "Bind with a value longer than it is",
      frontend.message("B", raw("\0\0\0\0\0\x01\0\0\xff\xff")),
    ],
    ["Describe of nothing", frontend.message("D", raw("X\0"))],
    ["Describe that is empty", frontend.message("D")],
    ["Close of nothing", frontend.message("C", raw("X\0"))],
    ["Close without its zero", frontend.message("C", raw("Sname"))],
    ["Execute without a limit", frontend.message("E", raw("\0"))],
    ["Execute that is empty", frontend.message("E")],
    ["Sync with a body", frontend.message("S", raw("body"))],
    ["a function call that is empty", frontend.message("F")],
    ["a function call cut short", frontend.message("F", raw("\0\0\x05\x75\0\x01"))],
  ];

  it.each(cases)("%s is refused, by the server or by pgpool", async (_what, bytes) => {
    using client = await logInBy({ port: pgpool.port });
    await client.exchange(frontend.parse("SELECT $1::text"), frontend.sync);
    const lines = await answerTo(client, bytes, frontend.sync);
    expect(lines.some((line) => /^ErrorResponse\(S (ERROR|FATAL), .*C 08P01/.test(line))).toBe(
      true,
    );
    expect(await cluster.query("SELECT count(*)::int AS n FROM pg_tables WHERE tablename = 't'"))
      .toEqual([{ n: 1 }]);
  });
});

describe("messages out of order", () => {
  it.each([
    ["a password", frontend.password("secret")],
    ["a SASL answer", frontend.saslInitialResponse("SCRAM-SHA-256", "n,,n=,r=x")],
  ])("%s in a session is refused", async (_what, bytes) => {
    using client = await logInBy({ port: pgpool.port });
    const lines = await answerTo(client, bytes, frontend.sync);
    expect(lines.join()).toMatch(/ErrorResponse\(S FATAL, .*C 08P01/);
  });

  it("copy data without a COPY is ignored, as by the server", async () => {
    using client = await logInBy({ port: pgpool.port });
    const parts = [frontend.copyData("1\tx\n"), frontend.copyDone, frontend.copyFail("no")];
    client.send(...parts, frontend.query("SELECT 1"));
    const lines = transcript(await client.readUntil("Z"));
    expect(lines.at(-1)).toBe("ReadyForQuery(I)");
    expect(lines).toContain("DataRow(1)");
  });

  it("Bind, Describe and Execute of what does not exist fail as at the server", async () => {
    for (const port of [cluster.primary.port, pgpool.port]) {
      using client = await logInBy({ port });
      const codes: string[] = [];
      for (
        const bytes of [
          frontend.bind({ statement: "none" }),
          frontend.describeStatement("none"),
          frontend.describePortal("none"),
          frontend.execute("none"),
        ]
      ) {
        const [line] = await client.exchange(bytes, frontend.sync);
        codes.push(/C (\w+)/.exec(line ?? "")?.[1] ?? line ?? "");
      }
      expect(codes).toEqual(["26000", "26000", "34000", "34000"]);
      expect(await client.exchange(frontend.closeStatement("none"), frontend.sync)).toEqual([
        "CloseComplete",
        "ReadyForQuery(I)",
      ]);
    }
  });

  it("Execute before any Parse, and everything up to Sync is skipped", async () => {
    using client = await logInBy({ port: pgpool.port });
    const lines = await client.exchange(
      frontend.execute(),
      frontend.parse("SELECT 1"),
      frontend.bind(),
      frontend.execute(),
      frontend.sync,
    );
    expect(lines.map((line) => line.slice(0, 13))).toEqual(["ErrorResponse", "ReadyForQuery"]);
    expect(await valueOf(client, "SELECT 2")).toBe("2");
  });
});

describe("clients that leave in the middle", () => {
  const insert = "INSERT INTO t SELECT 13";
  it.each([
    ["of a message", [frontend.query("SELECT 1").subarray(0, 9)]],
    ["of a huge message", [raw("Q\x3f\xff\xff\xff"), Buffer.alloc(300_000, "x")]],
    ["of a transaction", [frontend.query(`BEGIN; ${insert}`)]],
    ["of a pipeline", [frontend.parse(insert), frontend.bind(), frontend.execute()]],
    ["of a COPY in", [frontend.query("COPY t FROM STDIN"), frontend.copyData("13\tx\n")]],
    ["of a COPY by messages", [
      ...[frontend.parse("COPY t FROM STDIN"), frontend.bind(), frontend.execute()],
      ...[frontend.sync, frontend.copyData("13\tx\n")],
    ]],
    ["of a COPY out", [frontend.query("COPY (SELECT generate_series(1, 1000000)) TO STDOUT")]],
    ["of a result", [frontend.query("SELECT generate_series(1, 1000000)")]],
    ["of a query that takes long", [frontend.query("SELECT pg_sleep(1)")]],
  ])("%s leave nothing behind", async (_what, parts) => {
    using client = await logInBy({ port: pgpool.port });
    await client.query("SET work_mem = '1MB'");
    client.send(...parts);
    await Bun.sleep(50);
    client.close();
    await logInAndAsk();
    await waitFor(async () => (await busyBackends()) === 0, { what: "the servers to be idle" });
    expect(await cluster.query("SELECT * FROM t WHERE a = 13")).toEqual([]);
  });
});
