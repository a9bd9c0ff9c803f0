import { describe, expect, it } from "bun:test";
import { Logger } from "../../lib/log/log.ts";
import { ConnectionLog, sessionTime } from "../../lib/process/client/connection-log.ts";
import { MemorySink } from "../log/support.ts";
import { waitFor } from "../support/wait.ts";

const TCP = { host: "192.0.2.7", port: "4711" };
const UNIX = { host: "[local]", port: "" };

function logs(names: boolean, lookup: (address: string) => Promise<string>) {
  const sink = new MemorySink();
  const logger = new Logger({ level: "log", prefix: "", sinks: [sink] });
  return { sink, log: new ConnectionLog(logger, () => names, lookup) };
}

const session = (address: typeof TCP) => ({
  user: "alice",
  database: "shop",
  applicationName: "psql",
  startTime: 1000,
  address,
});

describe("log_connections", () => {
  it("tells address and port", () => {
    const { sink, log } = logs(false, () => Promise.reject(new Error("not asked")));
    log.received(TCP);
    log.received(UNIX);
    expect(sink.lines).toEqual([
      "LOG:  new connection received",
      "DETAIL:  connecting host=192.0.2.7 port=4711",
      "LOG:  new connection received",
      "DETAIL:  connecting host=[local]",
    ]);
  });

  it("tells the name of the host with log_hostname, or the address when it has none", async () => {
    const named = logs(true, () => Promise.resolve("desk.example.org"));
    named.log.received(TCP);
    await waitFor(() => named.sink.lines.length > 0, { what: "the line" });
    expect(named.sink.lines[1]).toBe("DETAIL:  connecting host=desk.example.org port=4711");
    const nameless = logs(true, () => Promise.reject(new Error("no such name")));
    nameless.log.received(TCP);
    await waitFor(() => nameless.sink.lines.length > 0, { what: "the line" });
    expect(nameless.sink.lines[1]).toBe("DETAIL:  connecting host=192.0.2.7 port=4711");
  });
});

describe("log_disconnections", () => {
  it("tells the time of the session and whose it was", () => {
    const { sink, log } = logs(false, () => Promise.reject(new Error("not asked")));
    log.ended(session(TCP), 3_724_007);
    log.ended(session(UNIX), 2000);
    expect(sink.lines).toEqual([
      "LOG:  frontend disconnection: session time: 1:02:03.007 user=alice database=shop " +
      "host=192.0.2.7 port=4711",
      "LOG:  frontend disconnection: session time: 0:00:01.000 user=alice database=shop " +
      "host=[local]",
    ]);
  });

  it("shows more than a day in hours", () => {
    expect(sessionTime(0)).toBe("0:00:00.000");
    expect(sessionTime(59_999)).toBe("0:00:59.999");
    expect(sessionTime(100 * 3_600_000 + 61_001)).toBe("100:01:01.001");
  });
});
