import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import {
  parseLatencies,
  parseReport,
  PgbenchOutputError,
} from "../../scripts/benchmark/pgbench-output.ts";

const REPORT = `pgbench (15.18 (Debian 15.18-0+deb12u1), server 18.4)
transaction type: <builtin: select only>
scaling factor: 10
query mode: simple
number of clients: 16
number of threads: 2
maximum number of tries: 1
duration: 2 s
number of transactions actually processed: 52368
number of failed transactions: 3 (0.006%)
latency average = 0.609 ms
initial connection time = 12.345 ms
tps = 26184.123456 (without initial connection time)
`;

describe("the report of pgbench", () => {
  it("gives transactions, throughput and failures", () => {
    expect(parseReport(REPORT)).toEqual({
      transactions: 52368,
      failed: 3,
      tps: 26184.123456,
      connectMs: null,
    });
  });

  it("gives the time for connecting when every transaction has its own connection", () => {
    const report = parseReport(`number of transactions actually processed: 476
latency average = 33.6 ms
average connection time = 2.094 ms
tps = 476.2 (including reconnection times)
`);
    expect(report).toEqual({ transactions: 476, failed: 0, tps: 476.2, connectMs: 2.094 });
  });

  it("is refused when figures are missing", () => {
    expect(() => parseReport("pgbench: error: connection to server failed")).toThrow(
      PgbenchOutputError,
    );
    expect(() => parseReport("number of transactions actually processed: 5\n")).toThrow(
      PgbenchOutputError,
    );
  });
});

describe("the log of pgbench", () => {
  it("gives the time of every transaction", () => {
    expect(parseLatencies("0 199 2241 0 1175850568 995598\n0 200 2465 0 1175850568 998079\n"))
      .toEqual([2241, 2465]);
  });

  it("gives nothing for transactions that failed or were skipped, and for half a line", () => {
    const log = "3 0 failed 0 1499414498 84905\n4 1 skipped 0 1499414498 1\n5 1 77 0 1 1\n6 2";
    expect(parseLatencies(log)).toEqual([77]);
    expect(parseLatencies("")).toEqual([]);
  });

  it("loses no transaction, whatever the figures are", () => {
    const time = fc.nat(2_000_000_000);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(99), time), { maxLength: 50 }), (rows) => {
        const log = rows.map(([client, us], i) => `${client} ${i} ${us} 0 17 ${i}\n`).join("");
        expect(parseLatencies(log)).toEqual(rows.map(([, us]) => us));
      }),
    );
  });
});
