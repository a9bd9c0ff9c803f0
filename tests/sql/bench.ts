/**
 * What classification costs, by hand: `bun tests/sql/bench.ts`. Prints microseconds per statement,
 * best of several rounds.
 */
import { loadParser, parse } from "../../lib/sql/parser.ts";
import { classifyTree } from "../../lib/sql/classify.ts";
import { StatementCache } from "../../lib/sql/template.ts";

const ROUNDS = 7;
const encoder = new TextEncoder();
await loadParser();

const report = `WITH regional_sales AS (
${
  "    SELECT region, SUM(amount) AS total_sales, 'x' AS kind, 12.5 AS rate FROM orders\n".repeat(
    30,
  )
}
    GROUP BY region) SELECT * FROM regional_sales`.replaceAll(
  "orders\n    SELECT",
  "orders UNION ALL\n    SELECT",
);

measure("SELECT 1", () => "SELECT 1");
measure("pgbench -S", (n) => `SELECT abalance FROM pgbench_accounts WHERE aid = ${n};`);
measure(
  "pgbench UPDATE",
  (n) => `UPDATE pgbench_accounts SET abalance = abalance + ${-n} WHERE aid = ${n * 7};`,
);
measure("BEGIN", () => "BEGIN;");
measure("SET", () => "SET application_name = 'psql'");
measure(`report, ${report.length} bytes, same text`, () => report);
measure(`report, other literals`, (n) => report.replace("12.5", String(n)));
measure(
  "INSERT of 1000 rows",
  (n) => `INSERT INTO t VALUES ${Array.from({ length: 1000 }, (_, i) => `(${n + i}, 'name')`)}`,
);

function measure(name: string, make: (n: number) => string): void {
  const texts = Array.from({ length: 64 }, (_, n) => encoder.encode(make(n)));
  const cache = new StatementCache({ entries: 1000, maxBytes: 16 << 20 });
  const hit = best(texts, (text) => cache.classify(text, 0, text.length));
  const miss = best(texts, (text) => {
    const outcome = parse(text);
    if (outcome.ok) classifyTree(outcome.tree);
  });
  process.stdout.write(`${name.padEnd(36)} cached ${hit.toFixed(3)}  parsed ${miss.toFixed(1)}\n`);
}

function best(texts: readonly Uint8Array[], each: (text: Uint8Array) => void): number {
  const times: number[] = [];
  const repeats = Math.max(1, Math.floor(2_000_000 / (64 * (texts[0]?.length ?? 1))));
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    for (let n = 0; n < repeats; n++) for (const text of texts) each(text);
    times.push((performance.now() - began) * 1000 / (repeats * texts.length));
  }
  return Math.min(...times);
}
