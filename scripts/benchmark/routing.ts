/** How long it takes to learn what a statement is that was seen before. */
import { StatementCache } from "../../lib/sql/template.ts";
import { loadParser } from "../../lib/sql/parser.ts";
import { median } from "./statistics.ts";

const ENTRIES = 10_000;
const WARM_UP = 50_000;
const CALLS = 200_000;
const ROUNDS = 5;
/** Texts of one statement, each with other literals. */
const VARIANTS = 512;

export interface RoutingResult {
  readonly statement: string;
  /** Length of the text in bytes. */
  readonly bytes: number;
  /** Microseconds. */
  readonly micros: number;
}

const STATEMENTS: Readonly<Record<string, (i: number) => string>> = {
  "select-only": (i) => `SELECT abalance FROM pgbench_accounts WHERE aid = ${i};`,
  "update of tpcb": (i) =>
    `UPDATE pgbench_accounts SET abalance = abalance + ${i - 200} WHERE aid = ${i * 97};`,
  "insert of tpcb": (i) =>
    "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) " +
    `VALUES (${i % 100}, ${i % 10}, ${i * 97}, ${i - 200}, CURRENT_TIMESTAMP);`,
  "parameters": () => "SELECT abalance FROM pgbench_accounts WHERE aid = $1;",
  "BEGIN": () => "BEGIN;",
  "report with joins": (i) =>
    "SELECT b.bid, count(*) AS accounts, sum(a.abalance) AS balance, max(h.mtime) AS latest\n" +
    "  FROM pgbench_branches AS b\n  JOIN pgbench_accounts AS a ON a.bid = b.bid\n" +
    "  LEFT JOIN pgbench_history AS h ON h.aid = a.aid AND h.bid = b.bid\n" +
    ` WHERE b.bid = ${
      i % 10
    } AND a.abalance > ${i} AND (h.filler IS NULL OR h.filler <> 'x${i}')\n` +
    " GROUP BY b.bid HAVING count(*) > 1 ORDER BY balance DESC, b.bid LIMIT 20",
};

/** Measures in this process, as a worker would do it; the median of a few rounds. */
export async function measureRouting(): Promise<RoutingResult[]> {
  await loadParser();
  const cache = new StatementCache({ entries: ENTRIES, maxBytes: ENTRIES * 1024 });
  return Object.entries(STATEMENTS).map(([statement, text]) => {
    const texts = Array.from({ length: VARIANTS }, (_, i) => Buffer.from(text(i + 1)));
    classify(cache, texts, WARM_UP);
    const times = Array.from({ length: ROUNDS }, () => classify(cache, texts, CALLS));
    return { statement, bytes: texts[0]?.length ?? 0, micros: median(times) };
  });
}

/** Microseconds per call. */
function classify(cache: StatementCache, texts: readonly Buffer[], calls: number): number {
  const start = Bun.nanoseconds();
  for (let i = 0; i < calls; i++) {
    const text = texts[i % texts.length];
    if (text !== undefined) cache.classify(text, 0, text.length);
  }
  return (Bun.nanoseconds() - start) / 1000 / calls;
}
