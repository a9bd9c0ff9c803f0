import { describe, expect, it } from "bun:test";
import { Logger } from "../../lib/log/log.ts";
import { reachesClient } from "../../lib/log/severity.ts";
import { MemorySink, TestClock } from "./support.ts";

const start = new Date(2026, 10, 23, 13, 9, 37, 56).getTime();

function setUp(options: ConstructorParameters<typeof Logger>[0] = {}) {
  const sink = new MemorySink();
  const clock = new TestClock(start);
  const logger = new Logger({ sinks: [sink], clock, pid: 462, ...options });
  return { logger, clock, sink };
}

describe("a log line", () => {
  it("looks as Pgpool-II writes it, detail, hint and context on lines of their own", () => {
    const { logger, sink } = setUp();
    logger.child("health_check1").log("warning", "failed to open file", {
      detail: "No such file",
      hint: "Create it.",
      context: "while checking",
    });
    expect(sink.lines).toEqual([
      "2026-11-23 13:09:37.056: health_check1 pid 462: WARNING:  failed to open file",
      "2026-11-23 13:09:37.056: health_check1 pid 462: DETAIL:  No such file",
      "2026-11-23 13:09:37.056: health_check1 pid 462: HINT:  Create it.",
      "2026-11-23 13:09:37.056: health_check1 pid 462: CONTEXT:  while checking",
    ]);
  });

  it("names the client's application in a session, also when it is empty", () => {
    const { logger, sink } = setUp();
    logger.child("child", { application: "psql" }).log("log", "a");
    logger.child("child", { application: "" }).log("log", "b");
    expect(sink.lines).toEqual([
      "2026-11-23 13:09:37.056: psql pid 462: LOG:  a",
      "2026-11-23 13:09:37.056:  pid 462: LOG:  b",
    ]);
  });

  it.each([
    ["%a|%p|%P|%l", "main|462|3|1"],
    ["%t", "2026-11-23 13:09:37"],
    ["%d %u", "[No Connection] [No Connection]"],
    ["[%-6a][%6p]", "[main  ][   462]"],
    ["100%% %q%", "100% "],
    ["", ""],
  ])("begins as log_line_prefix %p says", (prefix, text) => {
    const { logger, sink } = setUp({ prefix, childNumber: 3 });
    logger.error("x");
    expect(sink.lines).toEqual([`${text}ERROR:  x`]);
  });

  it("shows user and database of a client", () => {
    const { logger, sink } = setUp({ prefix: "%u@%d " });
    logger.child("child", { user: "ann", database: "" }).error("x");
    expect(sink.lines).toEqual(["ann@[unknown] ERROR:  x"]);
  });

  it("cannot be forged by a newline in a text", () => {
    const { logger, sink } = setUp({ prefix: "" });
    logger.error("a\nFATAL:  b");
    expect(sink.lines).toEqual(["ERROR:  a\n\tFATAL:  b"]);
  });

  it("leaves out details when terse, and has the code when verbose", () => {
    const { logger, sink } = setUp({ prefix: "", verbosity: "terse" });
    logger.error("a", { detail: "b", code: "53300" });
    logger.configure({ verbosity: "verbose" });
    logger.error("a", { detail: "b", code: "53300" });
    expect(sink.lines).toEqual(["ERROR:  a", "ERROR:  53300: a", "DETAIL:  b"]);
  });

  it("has PostgreSQL's code for messages without one of their own", () => {
    const { logger, sink } = setUp({ prefix: "", verbosity: "verbose" });
    logger.log("log", "a");
    logger.warning("b");
    logger.error("c");
    expect(sink.lines).toEqual(["LOG:  00000: a", "WARNING:  01000: b", "ERROR:  XX000: c"]);
  });

  it.each([
    ["ALTER ROLE a PASSWORD 'it''s' VALID", "ALTER ROLE a PASSWORD ***** VALID"],
    ["alter role a password E'x\\'y';", "alter role a password *****;"],
    ["CREATE USER a PASSWORD $x$ab$x$ LOGIN", "CREATE USER a PASSWORD ***** LOGIN"],
    ["host=h password=abc port=1", "host=h password=***** port=1"],
    ["CREATE USER a PASSWORD 'cut off", "CREATE USER a PASSWORD *****"],
    ["ALTER ROLE a PASSWORD /* ** */'x'", "ALTER ROLE a PASSWORD /* ** */*****"],
    ["CONNECTION 'password=''a b'' port=1'", "CONNECTION 'password=***** port=1'"],
    ["dblink('postgres://u:abc@h/d')", "dblink('postgres://u:*****@h/d')"],
    ["see https://h:80/a", "see https://h:80/a"],
    ['{"password": "abc"}', '{"password": *****}'],
    ["password = '' , b = 1", "password = ***** , b = 1"],
    ["passwd:abc;", "passwd:*****;"],
    ["password $$a", "password *****"],
    ["password authentication failed for user", "password authentication failed for user"],
    ["SELECT 'x'", "SELECT 'x'"],
  ])("hides the password in %p", (text, shown) => {
    const { logger, sink } = setUp({ prefix: "" });
    logger.log("log", text);
    expect(sink.lines).toEqual([`LOG:  ${shown}`]);
  });
});

describe("a statement that a client made to keep the log busy", () => {
  it.each([
    ["blanks", `password${" ".repeat(500_000)}`],
    ["comments", `password ${"/*".repeat(250_000)}`],
    ["quotes", `password=${"'".repeat(500_000)}`],
    ["names", "password ".repeat(50_000)],
    ["addresses", "://a:".repeat(100_000)],
  ])("takes no longer than others of its length: %s", (_, text) => {
    const { logger } = setUp();
    const start = performance.now();
    logger.log("log", text);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("log_min_messages", () => {
  it("puts LOG above ERROR for the server's log", () => {
    const { logger } = setUp();
    expect(logger.enabled("notice")).toBe(false);
    expect(logger.enabled("log")).toBe(true);
    logger.setLevel("log");
    expect(logger.enabled("error")).toBe(false);
    expect(logger.enabled("fatal")).toBe(true);
    expect(logger.child("child").enabled("log")).toBe(true);
  });

  it("can differ for one session", () => {
    const { logger, sink } = setUp({ prefix: "" });
    const child = logger.child("child");
    child.setOwnLevel("debug1");
    child.debug1("a");
    logger.debug1("b");
    child.setOwnLevel(undefined);
    child.debug1("c");
    expect(sink.lines).toEqual(["DEBUG1:  a"]);
  });

  it("can come with another verbosity in one session", () => {
    const { logger, sink } = setUp({ prefix: "" });
    const child = logger.child("child");
    child.setOwnVerbosity("terse");
    child.fatal("a", { detail: "b" });
    logger.fatal("a", { detail: "b" });
    expect(sink.lines).toEqual(["FATAL:  a", "FATAL:  a", "DETAIL:  b"]);
  });

  it("has another order towards clients: LOG is just above debug", () => {
    expect(reachesClient("log", "notice")).toBe(false);
    expect(reachesClient("log", "debug1")).toBe(true);
    expect(reachesClient("error", "notice")).toBe(true);
  });
});

describe("a burst of the same message", () => {
  it("is written ten times and then counted", () => {
    const { logger, clock, sink } = setUp({ prefix: "" });
    for (let count = 0; count < 25; count++) logger.warning("no luck");
    expect(sink.lines).toHaveLength(10);
    clock.advance(1000);
    expect(sink.lines.slice(10)).toEqual([
      "WARNING:  last message repeated 15 times",
      "DETAIL:  no luck",
    ]);
    logger.warning("no luck");
    expect(sink.lines).toHaveLength(13);
  });

  it("does not hide other messages", () => {
    const { logger, sink } = setUp({ prefix: "" });
    for (let count = 0; count < 20; count++) logger.warning("no luck");
    logger.warning("other");
    expect(sink.lines.at(-1)).toBe("WARNING:  other");
  });

  it("is told before the process ends", () => {
    const { logger, sink } = setUp({ prefix: "" });
    for (let count = 0; count < 12; count++) logger.error("no luck");
    logger.flush();
    expect(sink.lines.slice(10, 11)).toEqual(["ERROR:  last message repeated 2 times"]);
  });

  it("is not counted for statements of clients: each is a record of its own", () => {
    const { logger, sink } = setUp({ prefix: "" });
    const child = logger.child("child", { application: "pgbench" });
    for (let count = 0; count < 50; count++) child.log("log", "statement: SELECT 1");
    expect(sink.lines).toHaveLength(50);
  });

  it("keeps memory bounded with ever new messages", () => {
    const { logger, sink } = setUp({ prefix: "" });
    for (let count = 0; count < 2000; count++) logger.error(`failure ${count}`);
    expect(sink.lines).toHaveLength(2000);
  });
});
