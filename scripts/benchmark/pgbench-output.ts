/** pgbench printed something else than the report of a run. */
export class PgbenchOutputError extends Error {
  override readonly name = "PgbenchOutputError";
}

export interface PgbenchReport {
  readonly transactions: number;
  /** Transactions given up after an error that could have been retried (PostgreSQL 15 and newer). */
  readonly failed: number;
  /** Transactions a second, without the initial connections; with `-C` including all of them. */
  readonly tps: number;
  /** Milliseconds per connection, with `-C` only. */
  readonly connectMs: number | null;
}

/**
 * Reads what pgbench of PostgreSQL 14 or newer prints at the end of a run.
 *
 * @throws {PgbenchOutputError}
 */
export function parseReport(output: string): PgbenchReport {
  const number = (pattern: RegExp) => {
    const [, digits] = pattern.exec(output) ?? [];
    return digits === undefined ? null : Number(digits);
  };
  const transactions = number(/^number of transactions actually processed: (\d+)/m);
  const tps = number(
    /^tps = ([\d.]+) \((?:without initial connection|including reconnection) time/m,
  );
  if (transactions === null || tps === null) {
    throw new PgbenchOutputError("pgbench has not reported transactions and tps");
  }
  return {
    transactions,
    tps,
    failed: number(/^number of failed transactions: (\d+)/m) ?? 0,
    connectMs: number(/^average connection time = ([\d.]+) ms$/m),
  };
}

/**
 * Times of the transactions in a file of `pgbench --log`, in microseconds: the third column of
 * `client transaction time script epoch µs`. Failed and skipped ones have a word there.
 */
export function parseLatencies(log: string): number[] {
  const times: number[] = [];
  for (let start = 0; start < log.length;) {
    const newline = log.indexOf("\n", start);
    const end = newline < 0 ? log.length : newline;
    const third = log.indexOf(" ", log.indexOf(" ", start) + 1) + 1;
    const time = Number(log.slice(third, log.indexOf(" ", third)));
    if (third > start && third < end && Number.isFinite(time)) times.push(time);
    start = end + 1;
  }
  return times;
}
