/** COPY in both directions, function calls, notifications and notices. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import * as frontend from "../../support/frontend.ts";
import { cancel, type RawClient } from "../../support/raw-client.ts";
import { transcript } from "../../support/transcript.ts";
import { waitFor } from "../../support/wait.ts";
import { logIn, rowsOf, valueOf } from "../support/nodes.ts";
import { type ReplicatedPool, startReplicatedPool } from "../support/replicated-pool.ts";

let pool: ReplicatedPool;
let client: RawClient;

beforeAll(async () => {
  pool = await startReplicatedPool();
  await pool.cluster.query("CREATE TABLE t (a int, b text)");
}, 90_000);

afterAll(async () => {
  await pool?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  client?.close();
  client = await logIn(pool.pgpool);
  await client.query("TRUNCATE t");
});

const row = (i: number) => `${i}\trow ${i}\n`;

/** Sends a COPY and waits until the server wants the data. */
async function startCopy(sql = "COPY t FROM STDIN"): Promise<void> {
  client.send(frontend.query(sql));
  expect(transcript(await client.readUntil("GE"))).toEqual(["CopyInResponse(0: 0 0)"]);
}

describe("COPY in", () => {
  it("takes data in one piece, in many, and cut anywhere", async () => {
    await startCopy();
    const text = Array.from({ length: 1000 }, (_, i) => row(i)).join("");
    client.send(frontend.copyData(text));
    for (let at = 0; at < text.length; at += 997) {
      client.send(frontend.copyData(text.slice(at, at + 997)));
    }
    expect(await client.exchange(frontend.copyDone)).toEqual([
      "CommandComplete(COPY 2000)",
      "ReadyForQuery(I)",
    ]);
    expect(await valueOf(client, "SELECT count(*) || ' ' || sum(a) FROM t")).toBe("2000 999000");
  });

  it("takes 50 MB", async () => {
    await startCopy();
    const chunk = frontend.copyData(row(7).repeat(10_000));
    const count = Math.ceil(50_000_000 / chunk.length);
    for (let i = 0; i < count; i++) client.send(chunk);
    client.send(frontend.copyDone);
    expect(transcript(await client.readUntil("Z", 30_000))[0]).toBe(
      `CommandComplete(COPY ${count * 10_000})`,
    );
  });

  it("is given up by CopyFail, with the client's reason", async () => {
    await startCopy();
    const lines = await client.exchange(frontend.copyData(row(1)), frontend.copyFail("no more"));
    expect(lines[0]).toMatch(/C 57014, M COPY from stdin failed: no more/);
    expect(lines[1]).toBe("ReadyForQuery(I)");
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("0");
  });

  it("fails on wrong data, and what is still sent is ignored", async () => {
    await startCopy();
    const many = Array.from({ length: 200 }, (_, i) => frontend.copyData(row(i)));
    client.send(frontend.copyData("nonsense\n"), ...many, frontend.copyDone);
    const lines = transcript(await client.readUntil("Z"));
    expect(lines[0]).toContain("C 22P02");
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("0");
  });

  it("ends the session when another message comes in between, as at the server", async () => {
    await startCopy();
    client.send(frontend.copyData(row(1)), frontend.query("SELECT 1"));
    const lines = transcript(await client.readToEnd());
    expect(lines.join()).toContain("M unexpected message type 0x51 during COPY from stdin");
    expect(lines.at(-1)).toMatch(/^ErrorResponse\(S FATAL.*C 08P01/);
    expect(await pool.cluster.query("SELECT * FROM t")).toEqual([]);
  });

  it("may be sent all at once, with queries behind it", async () => {
    const copy = [
      frontend.query("COPY t FROM STDIN"),
      frontend.copyData(row(1)),
      frontend.copyDone,
    ];
    client.send(...copy, ...copy, frontend.query("SELECT 'read'"), ...copy);
    const tags: string[] = [];
    for (let i = 0; i < 4; i++) tags.push(transcript(await client.readUntil("Z")).at(-2) ?? "");
    const copied = "CommandComplete(COPY 1)";
    expect(tags).toEqual([copied, copied, "CommandComplete(SELECT 1)", copied]);
  });

  it("lets Flush and Sync pass while it runs", async () => {
    await startCopy();
    const parts = [frontend.flush, frontend.copyData(row(1)), frontend.sync, frontend.flush];
    expect(await client.exchange(...parts, frontend.copyDone)).toEqual([
      "CommandComplete(COPY 1)",
      "ReadyForQuery(I)",
    ]);
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("1");
  });

  it("works by messages of the extended protocol, in one go", async () => {
    const copy = [frontend.parse("COPY t FROM STDIN"), frontend.bind(), frontend.execute()];
    client.send(...copy, frontend.copyData(row(1)), frontend.copyDone, frontend.sync);
    const lines = transcript(await client.readUntil("Z"));
    expect(lines).toEqual([
      "ParseComplete",
      "BindComplete",
      "CopyInResponse(0: 0 0)",
      "CommandComplete(COPY 1)",
      "ReadyForQuery(I)",
    ]);
  });

  it("works in the middle of several statements", async () => {
    client.send(frontend.query("COPY t FROM STDIN; SELECT count(*) FROM t; COPY t FROM STDIN"));
    await client.readUntil("G");
    client.send(frontend.copyData(row(1)), frontend.copyDone);
    expect(transcript(await client.readUntil("G"))).toContain("DataRow(1)");
    client.send(frontend.copyData(row(2)), frontend.copyDone);
    await client.readUntil("Z");
    expect(await valueOf(client, "SELECT count(*) FROM t")).toBe("2");
  });
});

describe("COPY out", () => {
  it("gives all data, from the standby too", async () => {
    const lines = await client.query("COPY (SELECT generate_series(1, 10000)) TO STDOUT");
    expect(lines[0]).toBe("CopyOutResponse(0: 0)");
    expect(lines[1]).toBe("CopyData(1\\x0a)");
    expect(lines.slice(-3)).toEqual([
      "CopyDone",
      "CommandComplete(COPY 10000)",
      "ReadyForQuery(I)",
    ]);
    expect(lines).toHaveLength(10_004);
  });

  it("gives binary data unchanged", async () => {
    const lines = await client.query("COPY (SELECT 1::int4) TO STDOUT (FORMAT binary)");
    expect(lines[0]).toBe("CopyOutResponse(1: 1)");
    expect(lines[1]).toContain("PGCOPY");
  });

  it("can fail half-way", async () => {
    const sql = "COPY (SELECT 1 / (500 - i) FROM generate_series(1, 1000) i) TO STDOUT";
    const lines = await client.query(sql);
    expect(lines.at(-2)).toContain("C 22012");
    expect(lines.at(-1)).toBe("ReadyForQuery(I)");
    expect(await valueOf(client, "SELECT 'goes on'")).toBe("goes on");
  });

  it("can be cancelled", async () => {
    client.send(frontend.query("COPY (SELECT generate_series(1, 100000000)) TO STDOUT"));
    await client.readUntil("d");
    await cancel({ port: pool.pgpool.port }, client.backendKey());
    const lines = transcript(await client.readUntil("Z", 30_000));
    expect(lines.at(-2)).toContain("C 57014");
  });
});

describe("function calls", () => {
  it("give results and errors", async () => {
    const [abs, division] = [1397, 154];
    expect(await client.exchange(frontend.functionCall(abs, ["-5"]))).toEqual([
      "FunctionCallResponse(5)",
      "ReadyForQuery(I)",
    ]);
    const lines = await client.exchange(frontend.functionCall(division, ["1", "0"]));
    expect(lines[0]).toContain("C 22012");
    expect(lines[1]).toBe("ReadyForQuery(I)");
    expect((await client.exchange(frontend.functionCall(1, [])))[0]).toContain("ErrorResponse");
  });

  it("work in a transaction, for large objects", async () => {
    await client.query("BEGIN");
    const [created] = await rowsOf(client, "SELECT lo_creat(-1)");
    const oid = created?.[0] ?? "";
    const [loOpen, loWrite] = [952, 955];
    const opened = await client.exchange(frontend.functionCall(loOpen, [oid, "131072"]));
    const descriptor = /\((\d+)\)/.exec(opened[0] ?? "")?.[1] ?? "";
    expect((await client.exchange(frontend.functionCall(loWrite, [descriptor, "content"])))[0])
      .toBe("FunctionCallResponse(7)");
    await client.query("COMMIT");
    expect(await valueOf(client, `SELECT convert_from(lo_get(${oid}), 'UTF8')`)).toBe("content");
    await client.query(`SELECT lo_unlink(${oid})`);
  });
});

describe("messages nobody asked for", () => {
  it("notifications come to an idle client at once", async () => {
    await client.query("LISTEN news");
    await pool.cluster.query("NOTIFY news, 'first'");
    expect(transcript([await client.read()])).toEqual(["NotificationResponse(news, first)"]);
    expect(client.unread()).toEqual([]);
  });

  it("notifications of one's own come before ReadyForQuery", async () => {
    await client.query("LISTEN news");
    const lines = await client.query("NOTIFY news, 'own'");
    expect(lines).toEqual([
      "CommandComplete(NOTIFY)",
      "NotificationResponse(news, own)",
      "ReadyForQuery(I)",
    ]);
  });

  it("notifications come between queries that the standby answers", async () => {
    await client.query("LISTEN news");
    for (let i = 0; i < 20; i++) {
      await pool.cluster.query(`NOTIFY news, 'number ${i}'`);
      expect(await valueOf(client, `SELECT ${i}`)).toBe(String(i));
    }
    const count = () => client.received.filter(({ type }) => type === "A").length;
    await waitFor(() => count() === 20, { what: "20 notifications" });
  });

  it("notices come where the server puts them", async () => {
    const lines = await client.query(
      `DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$; SELECT 1`,
    );
    expect(lines[0]).toContain("M one");
    expect(lines[1]).toContain("M two");
    expect(lines[2]).toBe("CommandComplete(DO)");
  });

  it("parameter changes are told as they happen", async () => {
    expect(await client.query("SET application_name = 'changed'")).toEqual([
      "CommandComplete(SET)",
      "ParameterStatus(application_name=changed)",
      "ReadyForQuery(I)",
    ]);
  });

  it("a connection that the server ends is ended, with the server's reason", async () => {
    const pid = await valueOf(client, "/*NO LOAD BALANCE*/ SELECT pg_backend_pid()");
    await pool.cluster.query(`SELECT pg_terminate_backend(${pid})`);
    const lines = transcript(await client.readToEnd());
    expect(lines.at(-1)).toMatch(/^ErrorResponse\(S FATAL.*C 57P01/);
  });
});
