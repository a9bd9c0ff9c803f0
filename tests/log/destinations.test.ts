import { dlopen } from "bun:ffi";
import { describe, expect, it } from "bun:test";
import { join } from "node:path";
import { type DatagramSender, unixAddress, unixDatagramSender } from "../../lib/log/datagram.ts";
import { Destinations } from "../../lib/log/destinations.ts";
import { JsonSink } from "../../lib/log/json.ts";
import { Logger } from "../../lib/log/log.ts";
import { syslogParts, SyslogSink } from "../../lib/log/syslog.ts";
import { tempDir } from "../support/temp.ts";
import { MemorySink, TestClock } from "./support.ts";

const NOON = new Date(2026, 10, 4, 3, 5, 9).getTime();

class FakeLogger implements DatagramSender {
  readonly got: string[] = [];
  answer: "sent" | "full" | "gone" = "sent";

  send(bytes: Uint8Array): "sent" | "full" | "gone" {
    if (this.answer === "sent") this.got.push(new TextDecoder().decode(bytes));
    return this.answer;
  }

  close(): void {}
}

function syslog(connect: () => DatagramSender | undefined, facility = "LOCAL0") {
  const clock = new TestClock(NOON);
  const sink = new SyslogSink({ ident: "pgpool", facility }, connect);
  return { clock, logger: new Logger({ prefix: "", pid: 7, clock, sinks: [sink] }) };
}

describe("log_destination jsonlog", () => {
  it("writes one valid JSON object a line, whatever the message holds", () => {
    const stream = new MemorySink();
    const sinks = [new JsonSink(stream)];
    const logger = new Logger({ process: "child", pid: 7, childNumber: 2, sinks });
    logger.fatal('no "x"\nat all', { detail: "why", code: "28000", user: "u", database: "d" });
    expect(stream.lines).toHaveLength(1);
    expect(JSON.parse(stream.lines[0])).toMatchObject({
      error_severity: "FATAL",
      state_code: "28000",
      message: 'no "x"\nat all',
      detail: "why",
      user: "u",
      dbname: "d",
      pid: 7,
      child_number: 2,
      backend_type: "child",
    });
  });
});

describe("log_destination syslog", () => {
  it("gives priority, time, ident and process, and numbers the lines of a message", () => {
    const fake = new FakeLogger();
    syslog(() => fake, "LOCAL3").logger.log("log", "one");
    const { logger } = syslog(() => fake);
    logger.warning("two", { detail: "more" });
    expect(fake.got).toEqual([
      "<158>Nov  4 03:05:09 pgpool[7]: [1] LOG:  one",
      "<133>Nov  4 03:05:09 pgpool[7]: [1-1] WARNING:  two",
      "<133>Nov  4 03:05:09 pgpool[7]: [1-2] DETAIL:  more",
    ]);
  });

  it("cuts long lines between characters", () => {
    const parts = syslogParts("ä".repeat(1000));
    expect(parts.map((part) => Buffer.byteLength(part))).toEqual([900, 900, 200]);
    expect(parts.join("")).toBe("ä".repeat(1000));
  });

  it("drops and counts what is not taken, and tells the count afterwards", () => {
    const fake = new FakeLogger();
    const { logger } = syslog(() => fake);
    fake.answer = "full";
    logger.log("log", "one");
    logger.log("log", "two");
    fake.answer = "sent";
    logger.log("log", "three");
    expect(fake.got.map((line) => line.replace(/.*\] /, ""))).toEqual([
      "2 log messages were lost",
      "LOG:  three",
    ]);
  });

  it("finds a logger that was started later or anew", () => {
    let current: FakeLogger | undefined;
    const { logger, clock } = syslog(() => current);
    logger.log("log", "nobody listens");
    current = new FakeLogger();
    const first = current;
    logger.log("log", "too soon");
    clock.advance(1000);
    logger.log("log", "now");
    expect(first.got.at(-1)).toEndWith("LOG:  now");
    first.answer = "gone";
    current = new FakeLogger();
    logger.log("log", "again");
    expect(current.got.at(-1)).toEndWith("LOG:  again");
  });

  it("reaches a real datagram socket", () => {
    const path = join(tempDir(), "log");
    const libc = dlopen("libc.so.6", {
      socket: { args: ["i32", "i32", "i32"], returns: "i32" },
      bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
      recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
      close: { args: ["i32"], returns: "i32" },
    });
    expect(unixDatagramSender(path)).toBeUndefined();
    const fd = libc.symbols.socket(1, 2, 0);
    const address = unixAddress(path);
    expect(libc.symbols.bind(fd, address, address.length)).toBe(0);
    const { logger } = syslog(() => unixDatagramSender(path));
    logger.log("log", "hello");
    const buffer = new Uint8Array(1000);
    const length = Number(libc.symbols.recv(fd, buffer, 1000, 0x40));
    libc.symbols.close(fd);
    expect(new TextDecoder().decode(buffer.subarray(0, length))).toEndWith("[1] LOG:  hello");
    logger.log("log", "nobody reads this, and nothing happens");
  });
});

describe("log_destination", () => {
  it("names the places, in any mixture, and stderr when it names none", () => {
    const stream = new MemorySink();
    const destinations = new Destinations(stream);
    const kinds = (destination: string) =>
      destinations.apply({ destination, syslogIdent: "pgpool", syslogFacility: "LOCAL0" })
        .map((sink) => sink === stream ? "stream" : sink.constructor.name);
    expect(kinds("stderr")).toEqual(["stream"]);
    expect(kinds("")).toEqual(["stream"]);
    expect(kinds("jsonlog")).toEqual(["JsonSink"]);
    expect(kinds("syslog, STDERR")).toEqual(["stream", "SyslogSink"]);
  });
});
