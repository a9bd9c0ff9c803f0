import postgres from "postgres";
import { SUPERUSER } from "../../../tests/support/postgres.ts";
import { DATABASE, HOST } from "../pool.ts";

const CLIENTS = 8;
/** Milliseconds between two rows of a client, and after an error. */
const PACE_MS = 10;
const ERROR_PAUSE_MS = 100;

/** What a client was told when a row was not acknowledged. */
export interface Failure {
  readonly at: number;
  readonly text: string;
}

/** Clients that write numbered rows through the pool, and remember what became of each. */
export class Load {
  /** Rows that pgpool said are written, as `client/number`. */
  readonly acknowledged = new Set<string>();
  readonly failures: Failure[] = [];
  /** Called for the first failure of all. */
  onFirstFailure: (failure: Failure) => void = () => {};
  #lastWrite = performance.now();
  #longestPause = 0;
  #isOver = false;
  readonly #port: number;
  #clients: Promise<void>[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Milliseconds between the two acknowledged rows that lie farthest apart. */
  get longestPause(): number {
    return this.#longestPause;
  }

  async start(): Promise<void> {
    const sql = this.#connect();
    await sql`CREATE TABLE IF NOT EXISTS failover_demo (client int, number int)`;
    await sql`TRUNCATE failover_demo`;
    await sql.end({ timeout: 1 });
    this.#lastWrite = performance.now();
    this.#clients = Array.from({ length: CLIENTS }, (_, client) => this.#run(client));
  }

  /** Waits for so many more acknowledged rows. */
  async written(count: number, deadlineMs: number): Promise<boolean> {
    const wanted = this.acknowledged.size + count;
    const end = performance.now() + deadlineMs;
    while (this.acknowledged.size < wanted) {
      if (performance.now() > end) return false;
      await Bun.sleep(PACE_MS);
    }
    return true;
  }

  /** Ends the clients, and counts the acknowledged rows that are not there. */
  async stop(): Promise<number> {
    this.#isOver = true;
    await Promise.all(this.#clients);
    const sql = this.#connect();
    try {
      const rows = await sql<{ client: number; number: number }[]>`
        SELECT client, number FROM failover_demo`;
      const present = new Set(rows.map(({ client, number }) => `${client}/${number}`));
      return [...this.acknowledged].filter((row) => !present.has(row)).length;
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  async #run(client: number): Promise<void> {
    const sql = this.#connect();
    for (let number = 0; !this.#isOver; number++) {
      try {
        await sql`INSERT INTO failover_demo VALUES (${client}, ${number})`;
        this.#wrote(`${client}/${number}`);
        await Bun.sleep(PACE_MS);
      } catch (error) {
        this.#failed(error);
        await Bun.sleep(ERROR_PAUSE_MS);
      }
    }
    await sql.end({ timeout: 1 });
  }

  #wrote(row: string): void {
    const now = performance.now();
    this.#longestPause = Math.max(this.#longestPause, now - this.#lastWrite);
    this.#lastWrite = now;
    this.acknowledged.add(row);
  }

  #failed(error: unknown): void {
    const failure = { at: performance.now(), text: describe(error) };
    this.failures.push(failure);
    if (this.failures.length === 1) this.onFirstFailure(failure);
  }

  #connect() {
    return postgres({
      host: HOST,
      port: this.#port,
      user: SUPERUSER,
      database: DATABASE,
      max: 1,
      connect_timeout: 60,
      backoff: false,
      onnotice: () => {},
    });
  }
}

function describe(error: unknown): string {
  if (error instanceof postgres.PostgresError) return `${error.code} ${error.message}`;
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
