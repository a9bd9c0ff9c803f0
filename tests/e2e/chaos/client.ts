import type { Random } from "../../chaos/random.ts";
import type { Recorder, Write } from "../../chaos/history.ts";
import * as frontend from "../../support/frontend.ts";
import { SUPERUSER } from "../../support/postgres.ts";
import { ConnectionClosed, LoginRefused, RawClient } from "../../support/raw-client.ts";
import { type BackendMessage, errorFields, rowValues } from "../../support/transcript.ts";
import { DeadlineError } from "../../support/wait.ts";

/** What a client works with. */
export interface ClientOptions {
  readonly port: number;
  readonly recorder: Recorder;
  readonly random: Random;
  /** Longest wait for any answer, in milliseconds. */
  readonly deadlineMs: number;
  readonly isOver: () => boolean;
}

/** Pause before a client that was refused or lost its connection comes again, in milliseconds. */
const COME_AGAIN_MS = 50;

const ALL_ROWS = "SELECT row FROM history";

/** A pause between two requests, so that the table does not grow beyond what a read can show. */
const THINK_MS = 5;

/** Writes and reads through the pool until it is over; comes again whenever it is cut off. */
export async function runClient(options: ClientOptions): Promise<void> {
  const { recorder, deadlineMs, isOver } = options;
  while (!isOver()) {
    try {
      using client = await recorder.timed("login", () => logIn(options));
      while (!isOver()) {
        await new Session(client, options).act();
        await Bun.sleep(THINK_MS);
      }
    } catch (error) {
      if (!isLoss(error)) throw error;
      await Bun.sleep(COME_AGAIN_MS);
    }
  }

  async function logIn({ port }: ClientOptions): Promise<RawClient> {
    const login = RawClient.login({ port, user: SUPERUSER, database: "postgres" });
    return await login.catch((error: unknown) => {
      // A login that is late shows as an attempt beyond the deadline.
      if (error instanceof DeadlineError) throw new ConnectionClosed(`no login: ${deadlineMs}`);
      throw error;
    });
  }
}

/** Whether the client was cut off or refused, which faults are expected to do. */
function isLoss(error: unknown): boolean {
  return error instanceof ConnectionClosed || error instanceof LoginRefused ||
    error instanceof DeadlineError ||
    error instanceof Error && "code" in error && typeof error.code === "string";
}

/** What was answered up to ReadyForQuery. */
interface Answer {
  readonly failed: boolean;
  readonly rows: readonly number[];
}

/** The requests of one connection. */
class Session {
  readonly #client: RawClient;
  readonly #options: ClientOptions;

  constructor(client: RawClient, options: ClientOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Does one thing. @throws when the connection is lost */
  async act(): Promise<void> {
    const { random } = this.#options;
    switch (random.between(1, 6)) {
      case 1:
        return await this.#write((row) => [frontend.query(insert(row))]);
      case 2:
        return await this.#write(extendedInsert);
      case 3:
        return await this.#write(copyIn);
      case 4:
        return await this.#transaction();
      default:
        return await this.#read();
    }
  }

  /** One write that commits by itself. */
  async #write(messages: (row: number) => readonly Uint8Array[]): Promise<void> {
    const { recorder } = this.#options;
    const row = recorder.nextRow();
    const invokedAt = recorder.now();
    let outcome: Write["outcome"] = "unknown";
    try {
      const { failed } = await this.#ask("write", ...messages(row));
      outcome = failed ? "failed" : "acknowledged";
    } finally {
      recorder.writes.push({ row, invokedAt, endedAt: recorder.now(), outcome });
    }
  }

  async #transaction(): Promise<void> {
    const { recorder } = this.#options;
    const row = recorder.nextRow();
    const invokedAt = recorder.now();
    // Without the COMMIT nothing can have been committed.
    let outcome: Write["outcome"] = "failed";
    try {
      const begun = await this.#ask("begin", frontend.query("BEGIN"));
      const written = await this.#ask("write in a transaction", frontend.query(insert(row)));
      const read = await this.#ask("read in a transaction", frontend.query(ALL_ROWS));
      if (begun.failed || written.failed || read.failed) {
        await this.#ask("rollback", frontend.query("ROLLBACK"));
        return;
      }
      recorder.reads.push({ endedAt: recorder.now(), rows: read.rows, own: row });
      outcome = "unknown";
      const { failed } = await this.#ask("commit", frontend.query("COMMIT"));
      outcome = failed ? "failed" : "acknowledged";
    } finally {
      recorder.writes.push({ row, invokedAt, endedAt: recorder.now(), outcome });
    }
  }

  async #read(): Promise<void> {
    const { recorder } = this.#options;
    const { failed, rows } = await this.#ask("read", frontend.query(ALL_ROWS));
    if (!failed) recorder.reads.push({ endedAt: recorder.now(), rows });
  }

  async #ask(what: string, ...messages: readonly Uint8Array[]): Promise<Answer> {
    const { recorder, deadlineMs } = this.#options;
    return await recorder.timed(what, async () => {
      this.#client.send(...messages);
      try {
        return toAnswer(await this.#client.readUntil("Z", deadlineMs + 1000));
      } catch (error) {
        if (error instanceof ConnectionClosed) this.#noteCut(what);
        throw error;
      }
    });
  }

  /** Errors since the last ReadyForQuery are what the client was told of its end. */
  #noteCut(what: string): void {
    const { recorder } = this.#options;
    const { received } = this.#client;
    const told = received.slice(received.findLastIndex(({ type }) => type === "Z") + 1);
    const errors = told.filter(({ type }) => type === "E").map((each) => errorFields(each).C ?? "");
    recorder.cuts.push({ at: recorder.now(), what, errors });
  }
}

/** @throws ConnectionClosed when a FATAL error has come: it ends the session */
function toAnswer(messages: readonly BackendMessage[]): Answer {
  const errors = messages.filter(({ type }) => type === "E").map(errorFields);
  if (errors.some(({ S }) => S === "FATAL")) throw new ConnectionClosed("the session was ended");
  const rows = messages.filter(({ type }) => type === "D")
    .map((message) => Number(rowValues(message)[0]));
  return { failed: errors.length > 0, rows };
}

function insert(row: number): string {
  return `INSERT INTO history VALUES (${row})`;
}

function extendedInsert(row: number): Uint8Array[] {
  return [
    frontend.parse("INSERT INTO history VALUES ($1)", "", [23]),
    frontend.bind({ values: [String(row)] }),
    frontend.execute(),
    frontend.sync,
  ];
}

function copyIn(row: number): Uint8Array[] {
  return [
    frontend.query("COPY history FROM STDIN"),
    frontend.copyData(`${row}\n`),
    frontend.copyDone,
  ];
}
