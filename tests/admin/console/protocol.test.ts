import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import * as frontend from "../../support/frontend.ts";
import { transcript } from "../../support/transcript.ts";
import { PASSWORD, TestConsole } from "./support.ts";

const BY_STATUS = "SELECT node_id, hostname, select_cnt FROM pool_backend_stats " +
  "WHERE status = $1 AND node_id >= $2 ORDER BY node_id";

const int4 = (value: number) => frontend.int32(value);

describe("the simple protocol on the administration port", () => {
  it("runs statements in their order and ends with one ReadyForQuery", async () => {
    const console = await TestConsole.login();
    expect(await console.exchange(frontend.query("SELECT 1 AS a; BEGIN; SHOW DateStyle"))).toEqual([
      "RowDescription(a 0.0 type 23 4 -1 format 0)",
      "DataRow(1)",
      "CommandComplete(SELECT 1)",
      "CommandComplete(BEGIN)",
      "RowDescription(DateStyle 0.0 type 25 -1 -1 format 0)",
      "DataRow(ISO, MDY)",
      "CommandComplete(SHOW)",
      "ReadyForQuery(T)",
    ]);
  });

  it("lets a failed transaction do nothing but end", async () => {
    const console = await TestConsole.login();
    await console.query("BEGIN");
    expect((await console.exchange(frontend.query("SELECT bad"))).at(-1)).toBe("ReadyForQuery(E)");
    expect(await console.query("SELECT pcp_attach_node(1)")).toEqual([
      expect.stringContaining("C 25P02, M current transaction is aborted"),
    ]);
    expect(console.done).toEqual([]);
    expect(await console.exchange(frontend.query("COMMIT"))).toEqual([
      "CommandComplete(ROLLBACK)",
      "ReadyForQuery(I)",
    ]);
  });

  it("refuses the function call protocol, and stays", async () => {
    const console = await TestConsole.login();
    expect(await console.exchange(frontend.functionCall(1, []))).toEqual([
      expect.stringContaining("C 0A000"),
      "ReadyForQuery(I)",
    ]);
  });
});

describe("the extended protocol on the administration port", () => {
  it("describes parameters and columns, and takes values as text", async () => {
    const console = await TestConsole.login();
    expect(
      await console.exchange(
        frontend.parse(BY_STATUS, "s"),
        frontend.describeStatement("s"),
        frontend.bind({ statement: "s", values: ["up", "1"] }),
        frontend.describePortal(),
        frontend.execute(),
        frontend.sync,
      ),
    ).toEqual([
      "ParseComplete",
      "ParameterDescription(25, 23)",
      "RowDescription(node_id 0.0 type 23 4 -1 format 0, hostname 0.0 type 25 -1 -1 format 0, " +
      "select_cnt 0.0 type 20 8 -1 format 0)",
      "BindComplete",
      "RowDescription(node_id 0.0 type 23 4 -1 format 0, hostname 0.0 type 25 -1 -1 format 0, " +
      "select_cnt 0.0 type 20 8 -1 format 0)",
      "DataRow(2, DB2, 8)",
      "CommandComplete(SELECT 1)",
      "ReadyForQuery(I)",
    ]);
  });

  it("takes and gives binary values", async () => {
    const console = await TestConsole.login();
    const bind = frontend.bind({
      values: ["up", int4(1)],
      formats: [0, 1],
      resultFormats: [1, 0, 1],
    });
    expect(
      await console.exchange(
        frontend.parse(BY_STATUS, "", [25, 23]),
        bind,
        frontend.execute(),
        frontend.sync,
      ),
    ).toContain("DataRow(\\x00\\x00\\x00\\x02, DB2, \\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x08)");
    const typed = await console.exchange(
      frontend.parse("SELECT true, 0.5, last_status_change FROM pcp_node_info($1)", "", [21]),
      frontend.bind({ values: [frontend.int16(0)], formats: [1], resultFormats: [1] }),
      frontend.execute(),
      frontend.sync,
    );
    // 2023-11-14 22:13:20 UTC is 753315200 seconds after 2000.
    const time = Buffer.alloc(8);
    time.writeBigInt64BE(753_315_200_000_000n);
    const [, , row = ""] = typed;
    expect(row).toStartWith("DataRow(\\x01, ?\\xe0\\x00\\x00\\x00\\x00\\x00\\x00, ");
    expect(row).toEndWith(`${printable(time)})`);
  });

  it("gives rows in portions", async () => {
    const console = await TestConsole.login();
    const some = "SELECT node_id FROM pool_backend_stats";
    expect(
      await console.exchange(
        frontend.parse(some),
        frontend.bind({ portal: "p" }),
        frontend.execute("p", 2),
        frontend.execute("p", 2),
        frontend.execute("p"),
        frontend.closePortal("p"),
        frontend.sync,
      ),
    ).toEqual([
      "ParseComplete",
      "BindComplete",
      "DataRow(0)",
      "DataRow(1)",
      "PortalSuspended",
      "DataRow(2)",
      "CommandComplete(SELECT 1)",
      "CommandComplete(SELECT 0)",
      "CloseComplete",
      "ReadyForQuery(I)",
    ]);
  });

  it("acts once for each Execute of a new portal, and not before", async () => {
    const console = await TestConsole.login();
    const detach = "SELECT pcp_detach_node($1, $2)";
    await console.exchange(
      frontend.parse(detach, "d"),
      frontend.describeStatement("d"),
      frontend.sync,
    );
    const bind = frontend.bind({ statement: "d", values: ["1", "true"] });
    await console.exchange(bind, frontend.describePortal(), frontend.sync);
    expect(console.done).toEqual([]);
    await console.exchange(bind, frontend.execute(), frontend.execute(), frontend.sync);
    expect(console.done).toEqual(["detach 1 gracefully"]);
    await console.exchange(bind, frontend.execute(), frontend.sync);
    expect(console.done).toHaveLength(2);
    expect(console.log.at(-1)).toContain(
      'PCP: statement of user "admin" from 127.0.0.1:5000: SELECT pcp_detach_node($1, $2)',
    );
  });

  it("skips everything after an error up to Sync", async () => {
    const console = await TestConsole.login();
    expect(
      await console.exchange(
        frontend.parse("SELECT bad"),
        frontend.bind(),
        frontend.execute(),
        frontend.query("SELECT pcp_detach_node(1)"),
        frontend.sync,
      ),
    ).toEqual([expect.stringContaining("C 42703"), "ReadyForQuery(I)"]);
    expect(console.done).toEqual([]);
  });

  it("says what is wrong with names, values and formats", async () => {
    const console = await TestConsole.login();
    const one = frontend.parse("SELECT $1::int4");
    await console.exchange(frontend.parse("SELECT 1", "taken"), frontend.sync);
    const wrong: [Buffer[], string][] = [
      [[frontend.bind({ statement: "none" })], "C 26000"],
      [[frontend.describeStatement("none")], "C 26000"],
      [[frontend.execute("none")], "C 34000"],
      [[frontend.parse("SELECT 1", "taken")], "C 42P05"],
      [[frontend.parse("SELECT 1; SELECT 2")], "C 42601"],
      [[frontend.parse("SELECT $2::int4")], "C 42P18"],
      [[frontend.parse("SELECT $1", "", [600])], "C 0A000"],
      [[one, frontend.bind()], "C 08P01, M bind message supplies 0 parameters"],
      [[one, frontend.bind({ values: ["x"] })], "C 22P02"],
      [[one, frontend.bind({ values: [Buffer.alloc(3)], formats: [1] })], "C 22P03"],
      [[one, frontend.bind({ values: ["1"], formats: [2] })], "C 22023"],
      [[one, frontend.bind({ values: ["1"], resultFormats: [0, 0] })], "C 08P01"],
      [[frontend.message("B", Buffer.from("x"))], "C 08P01, M invalid message format"],
      [[frontend.message("D", Buffer.from("X\0"))], "C 08P01, M invalid message format"],
    ];
    for (const [messages, text] of wrong) {
      const answers = await console.exchange(...messages, frontend.sync);
      expect(answers.find((line) => line.startsWith("ErrorResponse"))).toContain(text);
    }
  });

  it("forgets statements with Close, DEALLOCATE and DISCARD ALL", async () => {
    const console = await TestConsole.login();
    const prepare = () => console.exchange(frontend.parse("SELECT 1", "s"), frontend.sync);
    const isThere = async () =>
      (await console.exchange(frontend.describeStatement("s"), frontend.sync)).length === 3;
    await prepare();
    expect(await isThere()).toBe(true);
    await console.exchange(frontend.closeStatement("s"), frontend.sync);
    expect(await isThere()).toBe(false);
    for (const statement of ["DEALLOCATE s", "DEALLOCATE ALL", "DISCARD ALL"]) {
      await prepare();
      expect(await console.query(statement)).toEqual([
        `CommandComplete(${statement.replace(" s", "")})`,
      ]);
      expect(await isThere()).toBe(false);
    }
    expect((await console.query("DEALLOCATE s"))[0]).toContain("C 26000");
  });

  it("keeps a bounded number of statements", async () => {
    const console = await TestConsole.login();
    const many = Array.from({ length: 300 }, (_, n) => frontend.parse("SELECT 1", `s${n}`));
    const answers = await console.exchange(...many, frontend.sync);
    expect(answers.filter((line) => line === "ParseComplete").length).toBeLessThan(300);
    expect(answers.at(-2)).toContain("C 54000, M too many prepared statements");
  });
});

describe("whatever the bytes are", () => {
  const conversation = Buffer.concat([
    frontend.query("SELECT node_id FROM pool_backend_stats; SELECT bad"),
    frontend.parse(BY_STATUS),
    frontend.bind({ values: ["up", "0"] }),
    frontend.describePortal(),
    frontend.execute("", 1),
    frontend.flush,
    frontend.execute(),
    frontend.sync,
    frontend.query("SELECT pcp_detach_node(1)"),
    frontend.terminate,
  ]);

  /** Everything that is sent to a client whose bytes come in these pieces. */
  async function answers(pieces: readonly Uint8Array[]): Promise<string[]> {
    const console = new TestConsole(frontend.startup({ user: "admin" }));
    console.stream.give(frontend.password(PASSWORD));
    for (const piece of pieces) {
      console.stream.give(piece);
      await Promise.resolve();
    }
    await console.ended;
    return transcript(await console.stream.readUntil(""));
  }

  it("answers the same however they are cut into pieces", async () => {
    const whole = await answers([conversation]);
    expect(whole.at(-2)).toBe("CommandComplete(SELECT 1)");
    const cuts = fc.array(fc.nat(conversation.length), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        const edges = [0, ...places.toSorted((a, b) => a - b), conversation.length];
        const pieces = edges.slice(1).map((end, at) => conversation.subarray(edges[at], end))
          .filter(({ length }) => length > 0);
        expect(await answers(pieces)).toEqual(whole);
      }),
      { numRuns: 60 },
    );
    expect(await answers([...conversation].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  it("survives garbage", async () => {
    const type = fc.constantFrom(..."QPBEDCHSXFdcfpZ~");
    const message = fc.tuple(type, fc.uint8Array({ maxLength: 40 }))
      .map(([letter, body]) => frontend.message(letter, body));
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 8 }), async (messages) => {
        const sent = await answers([...messages, frontend.sync, frontend.terminate]);
        expect(sent.join("\n")).not.toContain("XX000");
      }),
      { numRuns: 100 },
    );
  });

  it("ends the connection at a message that is too long", async () => {
    const console = await TestConsole.login();
    console.stream.give(frontend.query("x".repeat(100_000)));
    expect(transcript(await console.stream.readUntil("E"))).toEqual([
      expect.stringContaining("S FATAL, V FATAL, C 08P01, M message is too long"),
    ]);
    await console.ended;
  });

  it("ends the connection when the client is gone", async () => {
    const console = await TestConsole.login();
    console.stream.hangUp();
    await console.ended;
  });
});

function printable(bytes: Buffer): string {
  return bytes.toString("latin1").replace(
    /[^ -~]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
